import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { misfit, type Served, weightHistory } from '../../../../src/core/analysis/recording/weight-history.ts';
import { seeded } from '../../../support/random.ts';

/** So many scrapes at each share, `n` requests in each. */
function released(stages: readonly (readonly [scrapes: number, share: number])[], n: number, seed = 1): Served[] {
  const { chance } = seeded(seed);
  const shares = stages.flatMap(([scrapes, share]) => new Array<number>(scrapes).fill(share));
  return shares.map((share, i) => {
    let canary = 0;
    for (let k = 0; k < n; k += 1) if (chance(share)) canary += 1;
    return { t: i * 15_000, canary, stable: n - canary };
  });
}

describe('the weights that a release went through', () => {
  it.each([[3_000], [200], [40]])('are found by what the canary got of %i requests a scrape', (n) => {
    const served = released(
      [
        [60, 0],
        [40, 0.05],
        [40, 0.25],
        [40, 1],
        [10, 0],
      ],
      n,
    );
    const { pieces } = weightHistory(served, [5, 25]);
    expect(pieces.map(({ weight }) => weight)).toEqual([0, 5, 25, 100, 0]);
    // With few requests the moment is uncertain, by about as many scrapes as it takes to tell two weights apart.
    const off = pieces.slice(1).map(({ fromMs }, i) => fromMs / 15_000 - (60 + 40 * i));
    for (const scrapes of off) expect(Math.abs(scrapes)).toBeLessThanOrEqual(n === 40 ? 4 : 1);
  });

  it('leave out the line before a change, which may lie on either side of it', () => {
    const { weights } = weightHistory(
      released(
        [
          [3, 0],
          [3, 0.5],
        ],
        400,
      ),
      [50],
    );
    expect(weights).toEqual([0, 0, null, 50, 50, 50]);
  });

  it('do not change by chance, nor while there are no requests', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 0, max: 60 }), (seed, n) => {
        const { pieces } = weightHistory(released([[100, 0.05]], n, seed), [1, 5, 10, 25]);
        return n === 0 || pieces.length <= 2;
      }),
      { numRuns: 60, seed: 4711 },
    );
    const quiet = released([[10, 0.05]], 400).map((one, i) => (i > 4 ? { ...one, canary: 0, stable: 0 } : one));
    expect(weightHistory(quiet, [5, 25]).pieces).toHaveLength(1);
  });
});

describe('a share that is of no step', () => {
  it('is told, since a history of other weights would judge the routing and not the release', () => {
    const odd = misfit(
      weightHistory(
        released(
          [
            [20, 0],
            [20, 0.12],
          ],
          400,
        ),
        [5, 25],
      ),
    );
    expect(odd).toMatchObject({ fromMs: 300_000 });
  });

  it('but not for chance, nor for the little that a sticky split is off', () => {
    expect(
      misfit(
        weightHistory(
          released(
            [
              [20, 0],
              [20, 0.055],
            ],
            4_000,
          ),
          [5, 25],
        ),
      ),
    ).toBeNull();
    expect(misfit(weightHistory([{ t: 0, canary: 1, stable: 9 }], [5, 25]))).toBeNull();
    expect(misfit(weightHistory([], []))).toBeNull();
  });
});
