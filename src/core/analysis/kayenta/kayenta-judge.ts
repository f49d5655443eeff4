import type { ArmCounts } from '../arm-counts.ts';
import type { JudgeTick, TickJudge, TickVerdict } from '../threshold/tick-judge.ts';
import { classifyMetric, type KayentaMetric } from './classify.ts';
import { scoreMetrics } from './score.ts';

export interface KayentaJudgeOptions {
  /** A group of its own each, with the same weight. */
  readonly metrics: readonly KayentaMetric[];
  readonly pass: number;
  readonly marginal: number;
  /** Time between two judgements. */
  readonly intervalMs: number;
}

export interface KayentaJudgeState {
  /** Of the tick at which the canary got traffic; `null`: it has none yet. */
  readonly startedAtMs: number | null;
  readonly judgedAtMs: number | null;
  /** By metric, one entry per minute; the last one is under way. */
  readonly minutes: readonly Readonly<Record<string, { readonly canary: ArmCounts; readonly stable: ArmCounts }>>[];
}

const MINUTE_MS = 60_000;
/** Kayenta's own advice. */
const ADVISED_SAMPLES = 50;
const NOTHING: ArmCounts = { bad: 0, requests: 0 };

/**
 * Kayenta on percentages of bad requests, one sample per minute over a window that grows. Percent, not fractions: its
 * root finder knows no unit. Below `marginal` the canary is rolled back, from `pass` on it may go on.
 */
export function kayentaJudge(options: KayentaJudgeOptions): TickJudge<KayentaJudgeState> {
  return {
    start: { startedAtMs: null, judgedAtMs: null, minutes: [] },
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
      const ended = Math.floor((tick.atMs - before.startedAtMs) / MINUTE_MS);
      return { state: { ...state, judgedAtMs: tick.atMs }, verdict: judged(state, ended, tick, options) };
    },
  };
}

function counted(
  state: KayentaJudgeState,
  startedAtMs: number,
  { atMs, grown }: JudgeTick,
  { metrics }: KayentaJudgeOptions,
): KayentaJudgeState {
  // A tick at the very end of a minute is the last of it.
  const index = Math.ceil((atMs - startedAtMs) / MINUTE_MS) - 1;
  const minutes = [...state.minutes];
  while (minutes.length <= index) minutes.push({});
  const present = minutes[index] ?? {};
  minutes[index] = Object.fromEntries(
    metrics.map(({ name }) => {
      const [old, more] = [present[name], grown.get(name)];
      return [name, { canary: sum(old?.canary, more?.canary), stable: sum(old?.stable, more?.stable) }];
    }),
  );
  return { ...state, minutes };
}

function judged(
  { minutes }: KayentaJudgeState,
  ended: number,
  { atEnd }: JudgeTick,
  { metrics, pass, marginal }: KayentaJudgeOptions,
): TickVerdict {
  const over = minutes.slice(0, ended);
  const results = metrics.map((metric) => {
    const samples = (arm: 'canary' | 'stable') => over.map((minute) => percent(minute[metric.name]?.[arm]));
    const result = classifyMetric(metric, samples('stable'), samples('canary'));
    return { ...result, groups: [metric.name], muted: false };
  });
  const { score, classification } = scoreMetrics(results, { groupWeights: new Map(), pass, marginal });
  const labels = metrics.map(({ name }, i) => `${name} ${results[i]?.label ?? ''}`).join(', ');
  const thin = over.length < ADVISED_SAMPLES ? `; ${over.length} of ${ADVISED_SAMPLES} advised samples` : '';
  const reason = `score ${score}: ${labels}${thin}`;
  if (classification === 'Fail') return { decision: 'rollback', reason };
  if (classification === 'Marginal') return hold(reason);
  return { decision: atEnd ? 'promote' : 'advance', reason };
}

/** A minute without requests is a missing sample. */
function percent(counts: ArmCounts | undefined): number {
  return counts === undefined || counts.requests === 0 ? Number.NaN : (counts.bad / counts.requests) * 100;
}

function sum(a: ArmCounts = NOTHING, b: ArmCounts | null = NOTHING): ArmCounts {
  return { bad: a.bad + (b?.bad ?? 0), requests: a.requests + (b?.requests ?? 0) };
}

function hold(reason: string): TickVerdict {
  return { decision: 'hold', reason };
}
