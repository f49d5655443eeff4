import { describe, expect, it } from 'vitest';
import type { BackendTraffic, FleetTable } from '../../../src/core/model/traffic.ts';
import { raisesTraffic } from '../../../src/core/traffic/raises-traffic.ts';
import { backend, revision, table } from './tables.ts';

const [v1, v2] = [revision('shop', 'v1'), revision('shop', 'v2')];
const at = (weight: number, more: Partial<BackendTraffic> = {}) =>
  backend('shop', [[v1, 10_000 - weight] as const, [v2, weight] as const], more);
const stable = backend('shop', [[v1, 10_000]]);
const pins = [{ matches: [], cluster: 'shop--v2' }];
const copies = (share: number) => ({ mirror: { cluster: v2.cluster, share } });
const other = (weight: number) =>
  backend('cart', [[revision('cart', 'a'), 10_000 - weight] as const, [revision('cart', 'b'), weight] as const]);
const moves = (before: readonly BackendTraffic[], after: readonly BackendTraffic[]) =>
  raisesTraffic(table(1, before), table(2, after));

describe('traffic is raised by', () => {
  it.each([
    ['a first step', stable, at(500)],
    ['a further step', at(500), at(5_000)],
    ['a promotion', at(5_000), at(10_000)],
    ['pinned requests', at(500), at(500, { pins })],
    ['copies of requests', at(0), at(0, copies(1_000))],
    ['more copies', at(0, copies(1_000)), at(0, copies(2_000))],
    ['requests in the place of copies', at(0, copies(10_000)), at(500)],
    ['a first revision', backend('shop', []), stable],
    ['another revision in the place of stable', stable, backend('shop', [[v2, 10_000]])],
  ])('%s', (_what, before, after) => {
    expect(moves([before], [after])).toBe(true);
  });

  it('what a node tries out', () => {
    const trial = { by: 'rollout/r', probe: 'a', n: 2, changes: [['backend/shop', at(0, { pins })] as const] };
    const tried: FleetTable = { ...table(2, [stable]), trial };
    expect(raisesTraffic(table(1, [stable]), tried)).toBe(true);
    expect(raisesTraffic(tried, { ...tried, position: { epoch: 'e1', n: 3 } })).toBe(false);
  });
});

describe('traffic is not raised by', () => {
  it.each([
    ['a way back', at(5_000), stable],
    ['a way back out of a promotion', at(10_000), stable],
    ['an arm that is gone at its full share', at(10_000), backend('shop', [[v2, 10_000]])],
    ['an arm without a share', stable, at(0)],
    ['pins that go', at(500, { pins }), at(500)],
    ['fewer copies', at(0, copies(2_000)), at(0, copies(1_000))],
    ['copies that end', at(0, copies(1_000)), at(0)],
    ['nothing', at(500), at(500)],
  ])('%s', (_what, before, after) => {
    expect(moves([before], [after])).toBe(false);
  });

  it('a table with a way back in it, whatever else it holds', () => {
    expect(moves([at(500), other(500)], [at(5_000), other(0)])).toBe(false);
    expect(moves([at(500), other(500)], [at(5_000), other(500)])).toBe(true);
  });
});
