/** `judge: { name: kayenta }` of a plan, defaults filled in. Its metrics are the plan's shares of bad requests: more is worse. */
export interface KayentaSpec {
  readonly name: 'kayenta';
  /** From one judgement to the next. */
  readonly intervalMs: number;
  /** What one sample of each arm spans. */
  readonly sampleMs: number;
  /** The last step is not left before the canary was judged for so long; then its score decides. `null`: its hold alone. */
  readonly lifetimeMs: number | null;
  /** Samples that are older do not count. `null`: all do, as far as they are remembered. */
  readonly lookbackMs: number | null;
  /** A score from here on lets the canary go on; below `marginal` it goes back, and in between it holds. */
  readonly pass: number;
  readonly marginal: number;
  /** The interval must lie beyond this fraction of the estimated shift. */
  readonly tolerance: number;
  readonly confidence: number;
  readonly scaleTolerance: boolean;
  /** Of minutes without requests. `replace`: they were without a bad one. */
  readonly nanStrategy: (typeof NAN_STRATEGIES)[number];
  readonly outliers: (typeof OUTLIERS)[number];
  /** In interquartile ranges. */
  readonly outlierFactor: number;
  readonly effectSize: {
    readonly measure: EffectMeasure;
    readonly allowedIncrease: number;
    readonly criticalIncrease: number;
  };
  /** Analyses that fail the whole canary. */
  readonly critical: readonly string[];
  /** Analyses that fail where they have no data, instead of holding. */
  readonly mustHaveData: readonly string[];
  /** Percent by analysis; those without one share what is left. */
  readonly groupWeights: Readonly<Record<string, number>>;
}

export const EFFECT_MEASURES = ['meanRatio', 'cles'] as const;
export type EffectMeasure = (typeof EFFECT_MEASURES)[number];
export const NAN_STRATEGIES = ['remove', 'replace'] as const;
export const OUTLIERS = ['keep', 'remove'] as const;

/** Kayenta's own, and those of its interval in Spinnaker. */
export const KAYENTA_SPEC: KayentaSpec = {
  name: 'kayenta',
  intervalMs: 300_000,
  sampleMs: 60_000,
  lifetimeMs: null,
  lookbackMs: null,
  pass: 95,
  marginal: 75,
  tolerance: 0.25,
  confidence: 0.98,
  scaleTolerance: false,
  nanStrategy: 'remove',
  outliers: 'keep',
  outlierFactor: 3,
  effectSize: { measure: 'meanRatio', allowedIncrease: 1, criticalIncrease: 1 },
  critical: [],
  mustHaveData: [],
  groupWeights: {},
};

type Given<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** As people write it, in a plan or for a recording; times in ms. */
export type GivenKayenta = Given<
  Omit<KayentaSpec, 'name' | 'intervalMs' | 'sampleMs' | 'lifetimeMs' | 'lookbackMs' | 'effectSize'> & {
    readonly interval: number;
    readonly sample: number;
    readonly lifetime: number;
    readonly lookback: number;
    readonly effectSize: Given<KayentaSpec['effectSize']>;
  }
>;

/** No effect, as each measure shows it. */
const NEUTRAL: Readonly<Record<EffectMeasure, number>> = { meanRatio: 1, cles: 0.5 };

/** What is not given is Kayenta's own. */
export function kayentaSpecOf(given: GivenKayenta): KayentaSpec {
  const usual = KAYENTA_SPEC;
  const { measure, allowedIncrease, criticalIncrease } = given.effectSize ?? {};
  const neutral = NEUTRAL[measure ?? usual.effectSize.measure];
  return {
    name: 'kayenta',
    intervalMs: given.interval ?? usual.intervalMs,
    sampleMs: given.sample ?? usual.sampleMs,
    lifetimeMs: given.lifetime ?? usual.lifetimeMs,
    lookbackMs: given.lookback ?? usual.lookbackMs,
    pass: given.pass ?? usual.pass,
    marginal: given.marginal ?? usual.marginal,
    tolerance: given.tolerance ?? usual.tolerance,
    confidence: given.confidence ?? usual.confidence,
    scaleTolerance: given.scaleTolerance ?? usual.scaleTolerance,
    nanStrategy: given.nanStrategy ?? usual.nanStrategy,
    outliers: given.outliers ?? usual.outliers,
    outlierFactor: given.outlierFactor ?? usual.outlierFactor,
    effectSize: {
      measure: measure ?? usual.effectSize.measure,
      allowedIncrease: allowedIncrease ?? neutral,
      criticalIncrease: criticalIncrease ?? neutral,
    },
    critical: given.critical ?? usual.critical,
    mustHaveData: given.mustHaveData ?? usual.mustHaveData,
    groupWeights: given.groupWeights ?? usual.groupWeights,
  };
}

/** Shares that are judged at once: what the judge remembers of them has a bound. */
export const MOST_KAYENTA_METRICS = 16;

/** Kayenta's words for a metric. `Error`: the test could not be computed. */
export const METRIC_CLASSES = ['Pass', 'High', 'Low', 'Nodata', 'NodataFailMetric', 'Error'] as const;
export type MetricClass = (typeof METRIC_CLASSES)[number];

/** And for the canary. `Nodata` is ours: there was nothing to score. */
export const CANARY_CLASSES = ['Pass', 'Marginal', 'Fail', 'Nodata'] as const;
export type CanaryClass = (typeof CANARY_CLASSES)[number];
