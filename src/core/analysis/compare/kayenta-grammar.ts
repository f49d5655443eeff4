import { z } from 'zod';
import { fields } from '../../manifest/fields.ts';
import { EFFECT_MEASURES } from '../../model/kayenta-spec.ts';
import type { KayentaMetric } from '../kayenta/classify.ts';
import type { ScoreRules } from '../kayenta/score.ts';

/** The file of `serin analysis compare --judge kayenta`: a canary config and the samples in one. */

const MAX_METRICS = 1_000;
const MAX_SAMPLES = 20_000;
/** Sums and differences of such values are still numbers. */
const MAX_VALUE = 1e100;
/** Where a metric names no group. */
const DEFAULT_GROUP = 'default';

export interface KayentaComparison {
  readonly rules: ScoreRules;
  readonly metrics: readonly {
    readonly metric: KayentaMetric;
    readonly groups: readonly string[];
    readonly muted: boolean;
    readonly control: readonly number[];
    readonly experiment: readonly number[];
  }[];
}

/** As Kayenta reads its words: in any case, and what it does not know is the default. */
function word<const T extends readonly string[]>(known: T, otherwise: T[number]): z.ZodType<T[number]> {
  return z
    .string('expected a word')
    .nullish()
    .transform((given) => known.find((one) => one.toLowerCase() === given?.toLowerCase()) ?? otherwise);
}

const text = z.string('expected a name').min(1, 'expected a name').max(256, 'at most 256 characters');
const flag = z
  .boolean('expected true or false')
  .nullish()
  .transform((given) => given ?? false);
const number = z.number('expected a number').nullish();
const tolerance = z.number('expected a number').min(0, 'expected at least 0').nullish();
const confidence = z.number('expected a number').gt(0, 'expected above 0').lt(1, 'expected below 1').nullish();
const scaleTolerance = z.boolean('expected true or false').nullish();
const percent = z.number('expected a percentage').min(0, 'expected 0 to 100').max(100, 'expected 0 to 100');

const sample = z
  .number('expected a number or null')
  .min(-MAX_VALUE, `expected at least -${MAX_VALUE}`)
  .max(MAX_VALUE, `expected at most ${MAX_VALUE}`)
  .nullable();

const samples = z
  .array(sample, 'expected a list of numbers and null')
  .max(MAX_SAMPLES, `at most ${MAX_SAMPLES} samples`)
  .transform((given) => given.map((value) => value ?? Number.NaN));

const effectSize = fields({
  measure: word(EFFECT_MEASURES, 'meanRatio'),
  allowedIncrease: number,
  allowedDecrease: number,
  criticalIncrease: number,
  criticalDecrease: number,
}).nullish();

const metric = z.looseObject(
  {
    name: text,
    groups: z.array(text, 'expected a list of names').max(32, 'at most 32 groups').nullish(),
    direction: word(['increase', 'decrease', 'either'], 'either'),
    nanStrategy: word(['remove', 'replace'], 'remove'),
    outliers: word(['keep', 'remove'], 'keep'),
    outlierFactor: z.number('expected a number').gt(0, 'expected above 0').nullish(),
    critical: flag,
    mustHaveData: flag,
    muted: flag,
    tolerance,
    confidence,
    scaleTolerance,
    effectSize,
    control: samples,
    experiment: samples,
  },
  'expected a mapping with name, control and experiment',
);

const config = fields({
  tolerance,
  confidence,
  scaleTolerance,
  groupWeights: z
    .record(z.string(), percent, 'expected a mapping of groups to percentages')
    .refine((weights) => Object.keys(weights).length <= MAX_METRICS, `at most ${MAX_METRICS} groups`)
    .refine((weights) => sum(Object.values(weights)) <= 100 + 1e-9, 'the weights are above 100 together')
    .nullish(),
  scoreThresholds: fields({ pass: percent.nullish(), marginal: percent.nullish() }).nullish(),
}).nullish();
type Config = NonNullable<z.infer<typeof config>>;

export const KayentaComparison: z.ZodType<KayentaComparison> = z
  .looseObject(
    {
      config,
      metrics: z.array(metric, 'expected a list of metrics').max(MAX_METRICS, `at most ${MAX_METRICS} metrics`),
    },
    'expected a mapping with metrics',
  )
  .transform(({ config: given, metrics }): KayentaComparison => {
    const common = given ?? {};
    return {
      rules: {
        groupWeights: new Map(Object.entries(common.groupWeights ?? {})),
        pass: common.scoreThresholds?.pass ?? 95,
        marginal: common.scoreThresholds?.marginal ?? 75,
      },
      metrics: metrics.map((raw) => ({
        metric: metricOf(raw, common),
        groups: raw.groups ?? [DEFAULT_GROUP],
        muted: raw.muted,
        control: raw.control,
        experiment: raw.experiment,
      })),
    };
  });

function metricOf(raw: z.infer<typeof metric>, common: Config): KayentaMetric {
  const { name, direction, nanStrategy, critical, mustHaveData } = raw;
  const effect = raw.effectSize?.measure ?? 'meanRatio';
  const neutral = effect === 'cles' ? 0.5 : 1;
  return {
    ...{ name, direction, nanStrategy, critical, mustHaveData, effect },
    removeOutliers: raw.outliers === 'remove',
    outlierFactor: raw.outlierFactor ?? 3,
    tolerance: raw.tolerance ?? common.tolerance ?? 0.25,
    confidence: raw.confidence ?? common.confidence ?? 0.98,
    scaleTolerance: raw.scaleTolerance ?? common.scaleTolerance ?? false,
    allowed: {
      decrease: raw.effectSize?.allowedDecrease ?? neutral,
      increase: raw.effectSize?.allowedIncrease ?? neutral,
    },
    criticalLimits: {
      decrease: raw.effectSize?.criticalDecrease ?? neutral,
      increase: raw.effectSize?.criticalIncrease ?? neutral,
    },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
