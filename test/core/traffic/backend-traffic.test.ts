import { describe, expect, it } from 'vitest';
import type { StepSpec } from '../../../src/core/model/documents.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { addsStructure, backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { backendState, planSpec, planStep, rollout } from '../../support/rollouts.ts';

const mark = { request: { set: [{ name: 'x-arm', value: 'new' }], add: [], remove: [] } };

function at(step: Partial<StepSpec>, more: Partial<Rollout> = {}) {
  const spec = planSpec({ strategy: { name: 'any', steps: [planStep(step)] } });
  return backendTraffic(backendState(), rollout({ spec, phase: 'stepping', step: 0, ...more }));
}

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
