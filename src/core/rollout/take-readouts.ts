import {
  type Comparison,
  compareMetric,
  type MetricReadout,
  readMetric,
  type Split,
} from '../analysis/readout/read-metric.ts';
import { takeReadout } from '../analysis/readout/take-readout.ts';
import { isSplit } from '../model/documents.ts';
import type { ReadoutMetric, ReadoutRecord } from '../model/readout.ts';
import type { LiveCheck } from './live-check.ts';
import { currentReadout } from './needs.ts';
import type { Rollout } from './rollout.ts';
import { change, type Draft, emit, type StepInput } from './transition.ts';

/** Takes in what was asked of the arms in this round; people are told when a metric has come to a conclusion. */
export function takeReadouts(d: Draft, { observed, rollout: before }: StepInput, live: LiveCheck): void {
  const metrics = currentReadout(before);
  const weight = d.rollout.spec.strategy.steps[d.rollout.step]?.weight;
  // Of Envoys that count since this very look nothing is known yet.
  const wasLive = before.push?.liveAtMs != null && d.rollout.push?.liveAtMs === before.push.liveAtMs;
  if (metrics.length === 0 || weight === undefined || live.kind !== 'live' || !wasLive) return;
  const records = d.rollout.readout ?? [];
  const taken = metrics.flatMap((metric) => {
    const had = records.find(({ name }) => name === metric.name) ?? null;
    const now = takeReadout(metric, had, observed.queries, weight, d.nowMs) ?? had;
    return now === null ? [] : [now];
  });
  if (taken.length === records.length && taken.every((one, i) => one === records[i])) return;
  const stood = new Map(comparisonsOf(d.rollout).map((readout) => [readout.name, readout.standing]));
  change(d, { readout: taken });
  for (const { name, standing, stable, canary } of comparisonsOf(d.rollout)) {
    if (standing === (stood.get(name) ?? 'withheld') || standing === 'withheld') continue;
    const words = `${short(canary.value)} of ${canary.users} users against ${short(stable.value)} of ${stable.users}`;
    emit(d, 'readout', `${name}: the canary is ${standing === 'undecided' ? standing : `the ${standing}`} (${words})`);
  }
}

/** What the plan's metrics say of the arms so far. A function of the record alone. */
export function readoutsOf(rollout: Rollout): readonly MetricReadout[] {
  return eachOf(rollout, readMetric);
}

function comparisonsOf(rollout: Rollout): readonly Comparison[] {
  return eachOf(rollout, compareMetric);
}

function eachOf<T>(
  { spec, readout = [], evidence }: Rollout,
  read: (metric: ReadoutMetric, record: ReadoutRecord, split: Split) => T,
): readonly T[] {
  const steps = spec.strategy.steps.filter(isSplit);
  const split = {
    sticky: steps.some(({ sticky }) => sticky !== undefined),
    routed: evidence?.verdicts.every(({ reason }) => reason !== 'ROUTING') ?? true,
  };
  return (spec.readout ?? []).flatMap((metric) => {
    const record = readout.find(({ name }) => name === metric.name);
    return record === undefined ? [] : [read(metric, record, split)];
  });
}

/** What says nothing because something is wrong with it, and not because it is early. */
const WRONG: ReadonlySet<Comparison['reason']> = new Set(['SHARES_DIFFER', 'BAD_COUNTS']);

/**
 * Why the test does not end by itself, at the last step in which users are split: who loses is not promoted, nor who
 * cannot be compared. `null`: nothing is against it.
 */
export function againstEnd(rollout: Rollout): string | null {
  const { steps } = rollout.spec.strategy;
  if (rollout.step < steps.findLastIndex(isSplit)) return null;
  const compared = comparisonsOf(rollout);
  const loser = compared.find(({ standing }) => standing === 'loser');
  if (loser !== undefined) return `by ${loser.name} the canary loses against stable`;
  const wrong = compared.find(({ reason }) => WRONG.has(reason));
  return wrong === undefined ? null : `by ${wrong.name} the arms cannot be compared (${wrong.reason})`;
}

function short(value: number | null): string {
  return value === null ? 'none' : String(Number(value.toPrecision(4)));
}
