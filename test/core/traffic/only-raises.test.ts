import { describe, expect, it } from 'vitest';
import { onlyRaises } from '../../../src/core/traffic/only-raises.ts';
import { backend, revision, route, rule, table } from './tables.ts';

const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2');
const web = route('web', [rule('shop')]);
const arms = (canary: number) =>
  backend('shop', [
    [v1, 10_000 - canary],
    [v2, canary],
  ]);
const at = (n: number, canary: number, more: Parameters<typeof table>[1] = []) =>
  table(n, [arms(canary), web, ...more]);

describe('from one table to the next', () => {
  it('only raises a canary that gets more', () => {
    expect(onlyRaises(at(1, 500), at(2, 1_000))).toBe(true);
  });

  it.each([
    ['a canary that gets less', at(2, 400)],
    ['a promotion', table(2, [backend('shop', [[v2, 10_000]]), web])],
    ['a rollback', table(2, [backend('shop', [[v1, 10_000]]), web])],
    ['a backend that is gone', table(2, [web])],
    ['one that is new', at(2, 1_000, [backend('cart', [[revision('cart', 'v1'), 10_000]])])],
    ['another route', table(2, [arms(1_000), route('web', [rule('shop', { timeoutMs: 1 })])])],
    ['another epoch', table(2, [arms(1_000), web], 'e2')],
    ['a pin', table(2, [{ ...arms(1_000), pins: [{ matches: [], cluster: 'shop--v2--pin' }] }, web])],
    ['another stream limit', table(2, [{ ...arms(1_000), maxStreamMs: 5 }, web])],
    ['a trial', { ...at(2, 1_000), trial: { by: 'rollout/r', probe: 'node', changes: [], n: 2 } }],
  ])('does not with %s', (_what, next) => {
    expect(onlyRaises(at(1, 500), next)).toBe(false);
  });

  it('does not when one canary gets more and another less', () => {
    const both = (n: number, shop: number, cart: number) =>
      at(n, shop, [
        backend('cart', [
          [revision('cart', 'v1'), 10_000 - cart],
          [revision('cart', 'v2'), cart],
        ]),
      ]);
    expect(onlyRaises(both(1, 500, 500), both(2, 1_000, 1_000))).toBe(true);
    expect(onlyRaises(both(1, 500, 500), both(2, 1_000, 0))).toBe(false);
  });
});
