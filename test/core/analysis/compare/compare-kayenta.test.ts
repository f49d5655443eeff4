import { describe, expect, it } from 'vitest';
import { compareKayenta, thinMetrics } from '../../../../src/core/analysis/compare/compare-kayenta.ts';
import { KayentaComparison } from '../../../../src/core/analysis/compare/kayenta-grammar.ts';
import type { MetricClass } from '../../../../src/core/model/kayenta-spec.ts';
import { golden, oracle } from '../fixtures.ts';

type Samples = readonly (number | null)[];

interface Classify {
  readonly id: string;
  readonly control: string;
  readonly experiment: string;
  readonly expected: {
    readonly classification?: MetricClass;
    readonly critical?: boolean;
    readonly interval?: readonly [number, number];
    readonly estimate?: number;
    readonly effect?: number | null;
    readonly meanRatio?: number | null;
    readonly reasonNotEmpty?: boolean;
    readonly intervalTolerance?: number;
    readonly estimateTolerance?: number;
    readonly effectTolerance?: number;
  };
}

interface Scored {
  readonly id: string;
  readonly groupWeights: Readonly<Record<string, number>>;
  readonly metrics: readonly {
    readonly name: string;
    readonly classification: MetricClass;
    readonly critical: boolean;
    readonly groups: readonly string[];
  }[];
  readonly expected: { readonly score: number; readonly groupScoresSorted?: readonly number[] };
}

const table = oracle<{ arrays: Record<string, Samples>; classify: Classify[]; score: Scored[] }>('kayenta');

const compare = (file: unknown) => compareKayenta(KayentaComparison.parse(file));

function near(actual: number | null | undefined, expected: number, tolerance = 0): void {
  expect(Math.abs((actual ?? Number.NaN) - expected)).toBeLessThanOrEqual(tolerance);
}

describe("Kayenta's own cases", () => {
  it.each(table.classify)('$id', ({ id: name, control, experiment, expected, ...settings }) => {
    const arms = { control: table.arrays[control], experiment: table.arrays[experiment] };
    const [metric] = compare({ metrics: [{ name, ...settings, ...arms }] }).metrics;
    if (metric === undefined) throw new Error('nothing was classified');
    if (expected.classification !== undefined) expect(metric.classification).toBe(expected.classification);
    if (expected.critical !== undefined) expect(metric.critical).toBe(expected.critical);
    if (expected.reasonNotEmpty === true) expect(metric.reason).not.toBe('');
    if (expected.estimate !== undefined) near(metric.estimate, expected.estimate, expected.estimateTolerance);
    expected.interval?.forEach((bound, i) => {
      near(metric.interval?.[i], bound, expected.intervalTolerance);
    });
    const effect = expected.effect === undefined ? expected.meanRatio : expected.effect;
    if (effect === null) expect(metric.effect).toBeNull();
    else if (effect !== undefined) near(metric.effect, effect, expected.effectTolerance);
  });
});

const up = Array.from({ length: 10 }, (_, i) => 100 + i);
const low = Array.from({ length: 10 }, (_, i) => 1 + i);
const ARMS: Readonly<Record<string, { readonly control: Samples; readonly experiment: Samples }>> = {
  Pass: { control: low, experiment: low },
  High: { control: low, experiment: up },
  Low: { control: up, experiment: low },
  Nodata: { control: low, experiment: [] },
};

/** A metric that gets this label. */
function labelled(label: MetricClass, name = 'metric', more: object = {}) {
  return { name, ...ARMS[label], ...more };
}

describe("Kayenta's own scores", () => {
  it.each(table.score)('$id', ({ groupWeights, metrics, expected }) => {
    const given = metrics.map(({ classification, name, ...more }) => labelled(classification, name, more));
    const { score, groups, metrics: classified } = compare({ config: { groupWeights }, metrics: given });
    expect(classified.map((one) => one.classification)).toEqual(metrics.map((one) => one.classification));
    expect(score).toBe(expected.score);
    if (expected.groupScoresSorted !== undefined)
      expect(groups.map((group) => group.score).sort((a, b) => a - b)).toEqual(expected.groupScoresSorted);
  });
});

interface GoldenMetric {
  readonly baseline: Samples;
  readonly canary: Samples;
  readonly effectMeasure: string;
  readonly allowed: readonly [number, number];
  readonly criticalLimits: readonly [number, number];
}
interface GoldenLabel {
  readonly label: MetricClass;
  readonly critical: boolean;
  readonly ci?: readonly [number, number];
  readonly estimate?: number;
  readonly effect?: number;
}

it.each(['mw_high', 'mw_spike_8_of_10', 'mw_cles', 'mw_identical'])('golden %s', (group) => {
  for (const { input, expected } of golden<GoldenMetric, GoldenLabel>(group)) {
    const { baseline: control, canary: experiment, effectMeasure, allowed, criticalLimits, ...settings } = input;
    const effectSize = {
      measure: effectMeasure,
      allowedDecrease: allowed[0],
      allowedIncrease: allowed[1],
      criticalDecrease: criticalLimits[0],
      criticalIncrease: criticalLimits[1],
    };
    const [metric] = compare({ metrics: [{ name: group, ...settings, effectSize, control, experiment }] }).metrics;
    expect(metric?.classification).toBe(expected.label);
    expect(metric?.critical).toBe(expected.critical);
    expected.ci?.forEach((bound, i) => {
      near(metric?.interval?.[i], bound, 1e-6);
    });
    if (expected.estimate !== undefined) near(metric?.estimate, expected.estimate, 1e-6);
    if (expected.effect !== undefined) near(metric?.effect, expected.effect, 1e-9 * expected.effect);
  }
});

describe('words and defaults', () => {
  it('reads words in any case, and takes the default for what Kayenta does not know', () => {
    const words = { direction: 'DECREASE', effectSize: { measure: 'Cles' }, nanStrategy: 'Replace' };
    const { metrics } = compare({
      metrics: [
        labelled('High', 'a', words),
        labelled('High', 'b', { direction: 'sideways', nanStrategy: 'guess', outliers: 'some' }),
        { name: 'c', control: low, experiment: [null], nanStrategy: null },
        { name: 'd', control: low, experiment: [], nanStrategy: 'REPLACE' },
      ],
    });
    expect(metrics.map(({ classification, effect }) => [classification, effect === null])).toEqual([
      ['Pass', false],
      ['High', false],
      ['Nodata', true],
      ['Pass', true],
    ]);
    expect(metrics[0]?.effect).toBe(1);
  });

  it("lets a metric's tolerance and confidence win", () => {
    const config = { tolerance: 5, confidence: 0.5 };
    const given = [labelled('High', 'a'), labelled('High', 'b', { tolerance: 0.1, confidence: 0.98 })];
    const { metrics } = compare({ config, metrics: given });
    expect(metrics.map(({ classification }) => classification)).toEqual(['Pass', 'High']);
    expect(metrics[0]?.interval).not.toEqual(metrics[1]?.interval);
  });

  it('puts a metric without a group into one of its own, but not one whose list is empty', () => {
    expect(compare({ metrics: [labelled('Pass')] })).toMatchObject({
      groups: [{ name: 'default', score: 100, weight: 100 }],
      score: 100,
      classification: 'Pass',
    });
    expect(compare({ metrics: [labelled('Pass', 'a', { groups: [] })] })).toMatchObject({ groups: [], score: 0 });
  });

  it('names metrics with few samples', () => {
    const many = Array.from({ length: 50 }, (_, i) => i);
    const given = KayentaComparison.parse({
      metrics: [
        { name: 'enough', control: many, experiment: many },
        { name: 'thin', control: many, experiment: [...many.slice(1), null] },
      ],
    });
    expect(thinMetrics(given)).toEqual(['thin']);
  });
});
