import { describe, expect, it } from 'vitest';
import { noToll } from '../../../src/core/simulation/envoy.ts';
import type { Run } from '../../../src/core/simulation/play.ts';
import { hurtIn, summarise } from '../../../src/core/simulation/summary.ts';

function run(seed: number, fields: Partial<Run> = {}): Run {
  const rest = { arm: null, parts: [], because: null, entries: [], paused: false };
  return { seed, outcome: 'promoted', tookMs: 1_000 * seed, toll: noToll(), ...rest, ...fields };
}

describe('a summary of runs', () => {
  it('counts outcomes, with the interval of their shares and a seed to look at', () => {
    const runs = [...Array.from({ length: 19 }, (_, i) => run(i + 1)), run(20, { outcome: 'rolled_back' })];
    const { outcomes, seeds } = summarise(runs, false);
    expect(seeds).toBe(20);
    expect(outcomes).toMatchObject([
      { outcome: 'promoted', count: 19, share: 0.95, seed: 1 },
      { outcome: 'rolled_back', count: 1, share: 0.05, seed: 20, tookMs: { least: 20_000, most: 20_000 } },
    ]);
    // Wilson (1927): 1 of 20.
    expect(outcomes[1]?.low).toBeCloseTo(0.0089, 4);
    expect(outcomes[1]?.high).toBeCloseTo(0.2361, 4);
  });

  it('gives percentiles that were seen', () => {
    const { tookMs, slow } = summarise(
      Array.from({ length: 100 }, (_, i) => run(100 - i)),
      false,
    );
    expect(tookMs).toEqual({ least: 1_000, p5: 5_000, median: 50_000, p95: 95_000, most: 100_000 });
    expect(slow).toBeNull();
  });
});

it('hurts nobody by being better than stable', () => {
  expect(hurtIn({ toll: { ...noToll(), failed: 3, failedOnStable: 5.2 } })).toBe(0);
  expect(hurtIn({ toll: { ...noToll(), failed: 9, failedOnStable: 5.2 } })).toBe(4);
});
