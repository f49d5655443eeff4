import type { ArmCounts } from '../arm-counts.ts';
import type { JudgeTick, TickJudge, TickVerdict } from '../threshold/tick-judge.ts';
import { classifyMetric, type KayentaMetric } from './classify.ts';
import { ADVISED_SAMPLES } from './live-verdicts.ts';
import { scoreMetrics } from './score.ts';

export interface KayentaJudgeOptions {
  /** A group of its own each. */
  readonly metrics: readonly KayentaMetric[];
  /** Percent by metric; those without one share what is left. */
  readonly groupWeights: Readonly<Record<string, number>>;
  readonly pass: number;
  readonly marginal: number;
  /** Time between two judgements, and that of a sample. */
  readonly intervalMs: number;
  readonly sampleMs: number;
}

export interface KayentaJudgeState {
  /** Of the tick at which the canary got traffic; `null`: it has none yet. */
  readonly startedAtMs: number | null;
  readonly judgedAtMs: number | null;
  /** By metric, one entry per sample; the last one is under way. */
  readonly samples: readonly Readonly<Record<string, { readonly canary: ArmCounts; readonly stable: ArmCounts }>>[];
}

const NOTHING: ArmCounts = { bad: 0, requests: 0 };

/**
 * Kayenta on percentages of bad requests, one sample per minute (or as is said) over a window that grows. Percent, not fractions: its
 * root finder knows no unit. Below `marginal` the canary is rolled back, from `pass` on it may go on.
 */
export function kayentaJudge(options: KayentaJudgeOptions): TickJudge<KayentaJudgeState> {
  return {
    start: { startedAtMs: null, judgedAtMs: null, samples: [] },
    tick: (before, tick) => {
      // What grew until the canary had traffic belongs to the time before.
      if (before.startedAtMs === null) {
        if (!tick.hasWeight) return { state: before, verdict: hold('the canary gets no traffic') };
        return { state: { ...before, startedAtMs: tick.atMs, judgedAtMs: tick.atMs }, verdict: hold('started') };
      }
      const state = counted(before, before.startedAtMs, tick, options);
      if (tick.atMs - (state.judgedAtMs ?? 0) < options.intervalMs) {
        return { state, verdict: hold('between two judgements') };
      }
      const ended = Math.floor((tick.atMs - before.startedAtMs) / options.sampleMs);
      return { state: { ...state, judgedAtMs: tick.atMs }, verdict: judged(state, ended, tick, options) };
    },
  };
}

function counted(
  state: KayentaJudgeState,
  startedAtMs: number,
  { atMs, grown }: JudgeTick,
  { metrics, sampleMs }: KayentaJudgeOptions,
): KayentaJudgeState {
  // A tick at the very end of a sample is the last of it.
  const index = Math.ceil((atMs - startedAtMs) / sampleMs) - 1;
  const samples = [...state.samples];
  while (samples.length <= index) samples.push({});
  const present = samples[index] ?? {};
  samples[index] = Object.fromEntries(
    metrics.map(({ name }) => {
      const [old, more] = [present[name], grown.get(name)];
      return [name, { canary: sum(old?.canary, more?.canary), stable: sum(old?.stable, more?.stable) }];
    }),
  );
  return { ...state, samples };
}

function judged(
  { samples }: KayentaJudgeState,
  ended: number,
  { atEnd }: JudgeTick,
  { metrics, groupWeights, pass, marginal }: KayentaJudgeOptions,
): TickVerdict {
  const over = samples.slice(0, ended);
  const results = metrics.map((metric) => {
    const values = (arm: 'canary' | 'stable') => over.map((one) => percent(one[metric.name]?.[arm]));
    const result = classifyMetric(metric, values('stable'), values('canary'));
    return { ...result, groups: [metric.name], muted: false };
  });
  const { score, classification } = scoreMetrics(results, {
    groupWeights: new Map(Object.entries(groupWeights)),
    ...{ pass, marginal },
  });
  const labels = metrics.map(({ name }, i) => `${name} ${results[i]?.label ?? ''}`).join(', ');
  const thin = over.length < ADVISED_SAMPLES ? `; ${over.length} of ${ADVISED_SAMPLES} advised samples` : '';
  const reason = `score ${score}: ${labels}${thin}`;
  if (classification === 'Fail') return { decision: 'rollback', reason };
  if (classification === 'Marginal') return hold(reason);
  return { decision: atEnd ? 'promote' : 'advance', reason };
}

/** A stretch without requests is a missing sample. */
function percent(counts: ArmCounts | undefined): number {
  return counts === undefined || counts.requests === 0 ? Number.NaN : (counts.bad / counts.requests) * 100;
}

function sum(a: ArmCounts = NOTHING, b: ArmCounts | null = NOTHING): ArmCounts {
  return { bad: a.bad + (b?.bad ?? 0), requests: a.requests + (b?.requests ?? 0) };
}

function hold(reason: string): TickVerdict {
  return { decision: 'hold', reason };
}
