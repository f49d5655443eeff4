import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addEnvoys,
  type EnvoySeen,
  type EnvoySums,
  envoysOff,
  envoyWords,
  MAX_CHECKED,
  packEnvoys,
  someEnvoyOff,
  unpackEnvoys,
} from '../../../../src/core/analysis/sequential/envoy-shares.ts';
import { seeded } from '../../../support/random.ts';

const ALPHA = 0.001;
const asked = { wanted: 0.1, tolerance: 1.1, steps: 2 };
const seen = (envoy: string, canary: number, stable: number): EnvoySeen => ({ envoy, canary, stable });
const isOff = (sums: readonly EnvoySums[], fields: Partial<typeof asked> = {}) =>
  someEnvoyOff(sums, ALPHA, { ...asked, ...fields });
const oddsAt = (ratio: number) => (asked.wanted * ratio) / (1 - asked.wanted + asked.wanted * ratio);

describe('one Envoy among many', () => {
  const good = Array.from({ length: 9 }, (_, i) => seen(`edge-${i}`, 1_000, 9_000));

  it('is off where it gives the canary nothing, though the fleet is within its tolerance', () => {
    const all = [...good, seen('old-table', 0, 300)];
    const sums = addEnvoys([], all);
    expect(isOff(sums)).toBe(true);
    expect(envoysOff(sums, ['edge-0', 'old-table'], asked)).toEqual([seen('old-table', 0, 300)]);
  });

  it('is off where it gives it too much', () => {
    expect(isOff(addEnvoys([], [...good, seen('wrong-table', 120, 480)]))).toBe(true);
  });

  it('is not off within the tolerance, nor on few requests', () => {
    expect(isOff(addEnvoys([], good))).toBe(false);
    expect(isOff(addEnvoys([], [...good, seen('edge-9', 1_070, 9_000)]))).toBe(false);
    expect(isOff(addEnvoys([], [...good, seen('edge-9', 0, 40)]))).toBe(false);
    expect(isOff([])).toBe(false);
  });

  it('is off by what it did over many scrapes', () => {
    let sums: readonly EnvoySums[] = [];
    for (let i = 0; i < 12; i += 1) sums = addEnvoys(sums, [...good, seen('old-table', 0, 20)]);
    expect(isOff(sums)).toBe(true);
  });

  it('is told by the worst of them, and how many more there are', () => {
    const bad = ['a', 'b', 'c', 'd', 'e'].map((name, i) => seen(name, 0, 200 + i));
    const off = envoysOff(
      addEnvoys([], [...good, ...bad]),
      [...good, ...bad].map(({ envoy }) => envoy),
      asked,
    );
    expect(envoyWords(off)).toBe('e 0 % (0 of 204), d 0 % (0 of 203), c 0 % (0 of 202) and 2 more');
    expect(envoyWords([seen('n'.repeat(5_000), 1, 2)]).length).toBeLessThan(150);
  });
});

describe('the memory of Envoys', () => {
  it('is bounded, and those that are in it stay', () => {
    const of = (from: number) =>
      Array.from({ length: 400 }, (_, i) => seen(`edge-${from + i}.${'x'.repeat(200)}`, 9e6, 9e7));
    const first = addEnvoys([], of(0));
    expect(first).toHaveLength(MAX_CHECKED);
    const later = addEnvoys(first, of(200));
    expect(later.map(([id]) => id)).toEqual(first.map(([id]) => id));
    expect(packEnvoys(later).length).toBeLessThan(21 * MAX_CHECKED);
    expect(unpackEnvoys(packEnvoys(later))).toEqual(later);
    expect(unpackEnvoys(packEnvoys([]))).toEqual([]);
  });

  it('is the same in whatever order they stand, and however they are summed up', () => {
    const fleet = fc.uniqueArray(
      fc.record({ envoy: fc.string({ maxLength: 3 }), canary: fc.nat(99), stable: fc.nat(99) }),
      { selector: ({ envoy }) => envoy, maxLength: 100 },
    );
    fc.assert(
      fc.property(fleet, fleet, (one, other) => {
        const turned = addEnvoys(addEnvoys([], one.toReversed()), other.toReversed());
        expect(addEnvoys(addEnvoys([], one), other)).toEqual(turned);
        expect(isOff(turned)).toBe(isOff(turned.toReversed()));
      }),
    );
  });
});

describe('the error', () => {
  /** Mean of the evidence of one Envoy over every outcome of `n` requests, where the canary gets the share `p`. */
  function meanEvidence(n: number, p: number): number {
    let [mean, chance] = [0, (1 - p) ** n];
    for (let x = 0; x <= n; x += 1) {
      mean += chance * evidenceOf(x, n);
      chance *= ((n - x) / (x + 1)) * (p / (1 - p));
    }
    return mean;
  }

  /** Read off from the largest error at which it is off. */
  function evidenceOf(x: number, n: number): number {
    const sums = addEnvoys([], [seen('p', x, n - x)]);
    let [low, high] = [-60, 400];
    while (high - low > 1e-7) {
      const middle = (low + high) / 2;
      if (someEnvoyOff(sums, Math.exp(-middle), { ...asked, steps: 1 })) low = middle;
      else high = middle;
    }
    return Math.exp(low) * MAX_CHECKED;
  }

  it.each([1 / 1.1, 1, 1.1])(
    'is bounded: the evidence is 1 at most on average, at odds %f times the wanted',
    (ratio) => {
      for (const n of [1, 7, 60, 400]) expect(meanEvidence(n, oddsAt(ratio))).toBeLessThanOrEqual(1 + 1e-6);
    },
  );

  it('and more than that beyond the tolerance', () => {
    expect(meanEvidence(400, oddsAt(1.5))).toBeGreaterThan(1);
  });

  it('is not exceeded by looking after every scrape, at the edge of the tolerance', () => {
    const random = seeded(7);
    const p = oddsAt(1.1);
    let held = 0;
    for (let run = 0; run < 300; run += 1) {
      let sums: readonly EnvoySums[] = [];
      let off = false;
      for (let look = 0; look < 40 && !off; look += 1) {
        const scrape = ['a', 'b', 'c', 'd'].map((envoy) => {
          let canary = 0;
          for (let i = 0; i < 40; i += 1) if (random.chance(p)) canary += 1;
          return seen(envoy, canary, 40 - canary);
        });
        sums = addEnvoys(sums, scrape);
        off = isOff(sums);
      }
      if (off) held += 1;
    }
    expect(held).toBeLessThanOrEqual(1);
  });
});
