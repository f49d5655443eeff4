import { describe, expect, it } from 'vitest';
import type { StepSpec } from '../../../src/core/model/documents.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { addsStructure, backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { backendState, planSpec, planStep, revision, rollout } from '../../support/rollouts.ts';

const mark = { request: { set: [{ name: 'x-arm', value: 'new' }], add: [], remove: [] } };

function at(step: Partial<StepSpec>, more: Partial<Rollout> = {}) {
  const spec = planSpec({ strategy: { name: 'any', steps: [planStep(step)] } });
  return backendTraffic(backendState(), rollout({ spec, phase: 'stepping', step: 0, ...more }));
}

describe('a joint rollout with a colour', () => {
  const steps = [planStep({ weight: 0 }), planStep({ weight: 2_000 })];
  const spec = planSpec({
    joint: { others: ['cart'], colour: { header: 'x-arm' } },
    strategy: { name: 'any', steps },
  });
  const cart = {
    backend: 'cart',
    trigger: { revision: 'v2', endpoints: null },
    ...{ fleets: ['edge'], routeTimeoutMs: 0 },
    ...{ canary: revision('v2', 'cart'), stable: revision('v1', 'cart') },
  };
  const states = [backendState(), backendState({ backend: 'cart', stable: cart.stable })] as const;
  const when = (fields: Partial<Rollout>) => {
    const whole = rollout({ spec, phase: 'stepping', step: 1, joint: { fleets: ['edge'], others: [cart] }, ...fields });
    return states.map((state) => backendTraffic(state, whole));
  };

  it('has one weight for all backends, each with clusters of its own', () => {
    const [checkout, other] = when({});
    expect([checkout, other].map((one) => one?.split.map(({ weight }) => weight))).toEqual([
      [8_000, 2_000],
      [8_000, 2_000],
    ]);
    expect(other?.split.map(({ cluster }) => cluster)).toEqual([cart.stable.cluster, cart.canary.cluster]);
  });

  it('writes the arm on the way to each; the first one draws whatever a request says, the other goes by it', () => {
    const [checkout, other] = when({});
    for (const one of [checkout, other]) {
      expect(one?.colour?.header).toBe('x-arm');
      expect(one?.colour?.arms.map(({ value }) => value)).toEqual(['stable', 'canary', 'canary']);
    }
    expect(checkout?.pins).toEqual([]);
    expect(other?.pins).toEqual([
      {
        matches: [{ headers: [{ name: 'x-arm', type: 'Exact', value: 'stable' }], cookies: [] }],
        cluster: cart.stable.cluster,
      },
      {
        matches: [{ headers: [{ name: 'x-arm', type: 'Exact', value: 'canary' }], cookies: [] }],
        cluster: cart.canary.cluster,
      },
    ]);
  });

  it.each([
    ['while the canary gets nothing', { step: 0 }],
    ['before the first step', { phase: 'preparing' }],
    ['on the way back', { phase: 'rolling_back' }],
    ['when a person has said stop', { phase: 'aborting' }],
  ] as const)('goes by nothing %s', (_, fields) => {
    expect(when(fields).flatMap(({ pins }) => pins)).toEqual([]);
  });

  it('is tried out by one Envoy first where it begins, not where a weight grows', () => {
    const [, before] = when({ step: 0 });
    const [, after] = when({});
    const [, promoting] = when({ phase: 'promoting' });
    if (before === undefined || after === undefined || promoting === undefined) throw new Error('two backends');
    expect(addsStructure(before, after)).toBe(true);
    expect(addsStructure(after, promoting)).toBe(false);
  });
});

describe('a step', () => {
  it('with copies sends them to the canary, which has no requests of its own', () => {
    const { mirror, split } = at({ weight: 0, mirror: 1_000 });
    expect(mirror).toEqual({ cluster: 'checkout--v2-abc123', share: 1_000 });
    expect(split.map(({ weight }) => weight)).toEqual([10_000, 0]);
  });

  it('changes headers of the canary, pinned or not', () => {
    expect(at({ headers: mark }).headers).toEqual({
      clusters: ['checkout--v2-abc123', 'checkout--v2-abc123--pin'],
      changes: mark,
    });
  });

  it('leaves nothing of either behind on the way back', () => {
    const traffic = at({ weight: 0, mirror: 1_000, headers: mark }, { phase: 'rolling_back' });
    expect(Object.keys(traffic)).not.toEqual(expect.arrayContaining(['mirror']));
    expect(Object.keys(traffic)).not.toEqual(expect.arrayContaining(['headers']));
  });

  it('that begins with either is tried out by one Envoy first; other shares of the same are not', () => {
    const plain = at({ weight: 0 });
    expect(addsStructure(plain, at({ weight: 0, mirror: 1_000 }))).toBe(true);
    expect(addsStructure(plain, at({ weight: 0, headers: mark }))).toBe(true);
    expect(addsStructure(at({ weight: 0, mirror: 1_000 }), at({ weight: 0, mirror: 2_000 }))).toBe(false);
  });
});
