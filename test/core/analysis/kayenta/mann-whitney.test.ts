import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectSize } from '../../../../src/core/analysis/kayenta/effect-size.ts';
import { mannWhitneyShift, wilcoxonScore } from '../../../../src/core/analysis/kayenta/mann-whitney.ts';
import { percentile } from '../../../../src/core/analysis/kayenta/outliers.ts';
import { rankJointly, sorted } from '../../../../src/core/analysis/kayenta/ranks.ts';
import { normalQuantile } from '../../../../src/core/analysis/statistics/normal-quantile.ts';
import { oracle } from '../fixtures.ts';

interface Unit {
  readonly kind: string;
  readonly expected: number;
  readonly tolerance?: number;
  readonly [field: string]: unknown;
}
const { arrays, unit } = oracle<{ arrays: Record<string, number[]>; unit: Unit[] }>('kayenta');
const array = (name: unknown): readonly number[] => {
  const found = arrays[String(name)];
  if (found === undefined) throw new Error(`no array ${String(name)}`);
  return found;
};

const COMPUTE: Readonly<Record<string, (given: Unit) => number | null>> = {
  wilcoxonDiff: ({ x, y, mu, zq }) => {
    const score = wilcoxonScore(sorted(array(x)), sorted(array(y)), Number(mu));
    return score === null ? null : score - Number(zq);
  },
  normalQuantile: ({ p }) => normalQuantile(Number(p)),
  cles: ({ control, experiment }) => effectSize('cles', array(experiment), array(control)),
  meanRatio: ({ control, experiment }) => effectSize('meanRatio', array(experiment), array(control)),
  percentileR7: ({ values, p }) => percentile(array(values), Number(p)),
};

describe("parts that Kayenta's suite tests", () => {
  const reached = unit.filter(({ kind }) => kind in COMPUTE);

  it('are all here but those for which Serin has no word', () => {
    const others = new Set(unit.filter((one) => !reached.includes(one)).map(({ kind }) => kind));
    expect([...others].sort()).toEqual(['iqr', 'iqrRemove', 'ksigma', 'removeNaN', 'replaceNaN']);
  });

  it.each(reached)('$kind: $source', (given) => {
    const actual = COMPUTE[given.kind]?.(given) ?? Number.NaN;
    expect(Math.abs(actual - given.expected)).toBeLessThanOrEqual(given.tolerance ?? 1e-12);
  });
});

const values = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 12 });

it('ranks as counting pair by pair does', () => {
  fc.assert(
    fc.property(values, values, fc.integer({ min: -5, max: 5 }), (x, y, shift) => {
      const moved = x.map((value) => value - shift);
      const all = [...moved, ...y];
      const rank = (value: number) =>
        all.filter((other) => other < value).length + (all.filter((other) => other === value).length + 1) / 2;
      const sizes = new Map<number, number>();
      for (const value of all) sizes.set(value, (sizes.get(value) ?? 0) + 1);
      expect(rankJointly(sorted(x), sorted(y), shift)).toEqual({
        rankSum: moved.reduce((sum, value) => sum + rank(value), 0),
        ties: [...sizes.values()].reduce((sum, size) => sum + size ** 3 - size, 0),
      });
    }),
  );
});

describe('the interval', () => {
  const options = { confidence: 0.98, scaleTolerance: true };

  it('does not depend on the unit with a scaled tolerance', () => {
    fc.assert(
      fc.property(values, values, fc.constantFrom(2 ** -20, 2 ** -10, 2 ** 10, 2 ** 20), (x, y, unitSize) => {
        fc.pre(new Set([...x, ...y]).size > 2);
        const scaled = (given: readonly number[]) => given.map((value) => value * unitSize);
        const plain = mannWhitneyShift(x, y, options);
        const other = mannWhitneyShift(scaled(x), scaled(y), options);
        fc.pre(plain !== null && other !== null);
        const numbers = [...(plain?.interval ?? []), plain?.estimate ?? 0];
        const others = [...(other?.interval ?? []), other?.estimate ?? 0];
        numbers.forEach((number, i) => {
          expect((others[i] ?? Number.NaN) / unitSize).toBeCloseTo(number, 9);
        });
      }),
    );
  });

  it("means nothing in small units with Kayenta's own tolerance", () => {
    const control = Array.from({ length: 30 }, (_, i) => 1e-5 * (1 + (i % 7) / 10));
    const experiment = control.map((value) => value + 3e-5);
    const own = mannWhitneyShift(experiment, control, { ...options, scaleTolerance: false });
    const sane = mannWhitneyShift(experiment, control, options);
    expect(Math.abs((own?.estimate ?? 0) - 3e-5)).toBeGreaterThan(1e-6);
    expect(sane?.estimate).toBeCloseTo(3e-5, 7);
  });

  it('does not exist where rounding ties everything', () => {
    expect(mannWhitneyShift([1, 1 + Number.EPSILON], [1e10, 1e10], options)).toBeNull();
  });

  it('is that of single values', () => {
    expect(mannWhitneyShift([5], [1, 2], options)).toEqual({ interval: [3, 4], estimate: expect.any(Number) });
  });
});
