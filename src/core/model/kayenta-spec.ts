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

/** Shares that are judged at once: what the judge remembers of them has a bound. */
export const MOST_KAYENTA_METRICS = 16;
