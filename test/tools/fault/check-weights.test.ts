import { describe, expect, it } from 'vitest';
import { checkWeights } from '../../../tools/fault/check-weights.ts';
import type { Outage, RolloutHistory, WeightSight } from '../../../tools/fault/history.ts';
import { at, NOTHING, promoted, reverted } from './histories.ts';

/** Basis points of the canary, seen from one second to another. */
function sight(fromS: number, toS: number, canary: number, more: Partial<WeightSight> = {}): WeightSight {
  const split = Object.fromEntries(
    [
      ['stable', 10_000 - canary],
      ['r1-canary', canary],
    ].filter(([, weight]) => weight !== 0),
  ) as Record<string, number>;
  return { envoy: 'edge-1', backend: 'shop', atMs: at(fromS), lastAskedAtMs: at(toS), split, ...more };
}

function check(rollout: RolloutHistory, weights: readonly WeightSight[], outages: readonly Outage[] = []): string[] {
  return checkWeights({ ...NOTHING, rollouts: [rollout], weights, outages });
}

describe('what an Envoy was seen to do', () => {
  it('is right when it follows the steps', () => {
    const seen = [sight(1, 3, 0), sight(3.2, 4, 1_000), sight(4.1, 5, 5_000), sight(5.1, 9, 10_000)];
    expect(check(promoted('r1'), seen)).toEqual([]);
  });

  it('is right when it was seen before the first rollout began', () => {
    expect(check(promoted('r1'), [sight(0.1, 2, 0)])).toEqual([]);
  });

  it('is right when it was away, and has the newest or the one before on its return', () => {
    expect(check(promoted('r1'), [sight(1, 2, 0), sight(5.1, 5.1, 5_000), sight(6, 9, 10_000)])).toEqual([]);
  });

  it('is wrong when nobody had committed that yet, or ever', () => {
    expect(check(promoted('r1'), [sight(1, 2, 0), sight(2.5, 3, 1_000)])).toHaveLength(1);
    expect(check(promoted('r1'), [sight(1, 2, 0), sight(4.5, 5, 3_300)])).toHaveLength(1);
  });

  it('is wrong when it goes back to a step before the previous one', () => {
    const seen = [sight(4.1, 5, 5_000), sight(5.1, 7, 10_000), sight(7.2, 8, 1_000)];
    expect(check(promoted('r1'), seen)).toHaveLength(1);
  });

  it('is wrong when weights do not sum up', () => {
    expect(check(promoted('r1'), [sight(1, 2, 0, { split: { stable: 9_000 } })])).toContainEqual(
      expect.stringContaining('sum to 9000'),
    );
  });

  it('is wrong when the canary gets more after its way back is durable', () => {
    const seen = [sight(3.1, 5, 1_000), sight(5.1, 6, 0), sight(6.5, 7, 1_000)];
    expect(check(reverted('r1'), seen)).toEqual([expect.stringContaining('raised after a durable way back')]);
  });

  it('excuses an Envoy that was stopped and takes first what it had been sent before', () => {
    const seen = [sight(1, 6, 0), sight(6.8, 6.8, 1_000), sight(7, 8, 0)];
    const stopped: Outage = { envoy: 'edge-1', kind: 'stopped', fromMs: at(2), toMs: at(6.7) };
    expect(check(reverted('r1'), seen, [stopped])).toEqual([]);
    expect(check(reverted('r1'), seen)).toHaveLength(1);
  });
});
