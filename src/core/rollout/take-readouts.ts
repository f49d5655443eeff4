import type { ScalarResult } from '../analysis/judge.ts';
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
import { armWords } from '../model/variants.ts';
import { answerKey, everyPart, isSeveral, partName, partsOf } from './joint.ts';
import type { LiveCheck } from './live-check.ts';
import { currentReadout } from './needs.ts';
import type { Part, Rollout } from './rollout.ts';
import { change, type Draft, emit, type StepInput } from './transition.ts';

/** Takes in what was asked of the arms in this round; people are told when a metric has come to a conclusion. */
export function takeReadouts(d: Draft, { observed, rollout: before }: StepInput, live: LiveCheck): void {
  const metrics = currentReadout(before);
  // Of Envoys that count since this very look nothing is known yet.
  const wasLive = before.push?.liveAtMs != null && d.rollout.push?.liveAtMs === before.push.liveAtMs;
  if (metrics.length === 0 || live.kind !== 'live' || !wasLive) return;
  const records = d.rollout.readout ?? [];
  const taken = partsOf(d.rollout).flatMap((part) => {
    const weight = part.spec.strategy.steps[part.step]?.weight ?? 0;
    const answers = answersOf(d.rollout, part, observed.queries);
    return metrics.flatMap((metric) => {
      const had = recordOf(records, metric, part) ?? null;
      const now = takeReadout(metric, had, answers, weight, d.nowMs) ?? had;
      return now === null ? [] : [part.arm === undefined || now === had ? now : { ...now, arm: part.arm }];
    });
  });
  if (taken.length === records.length && taken.every((one, i) => one === records[i])) return;
  const key = ({ name, arm = '' }: Comparison) => `${arm}/${name}`;
  const stood = new Map(comparisonsOf(d.rollout).map((readout) => [key(readout), readout.standing]));
  change(d, { readout: taken });
  for (const compared of comparisonsOf(d.rollout)) {
    const { name, standing, stable, canary, arm } = compared;
    if (standing === (stood.get(key(compared)) ?? 'withheld') || standing === 'withheld') continue;
    const words = `${short(canary.value)} of ${canary.users} users against ${short(stable.value)} of ${stable.users}`;
    emit(
      d,
      'readout',
      `${name}: ${armWords(arm)} is ${standing === 'undecided' ? standing : `the ${standing}`} (${words})`,
    );
  }
}

/** What the plan's metrics say of the arms so far. A function of the record alone. */
export function readoutsOf(rollout: Rollout): readonly MetricReadout[] {
  return eachOf(rollout, readMetric);
}

export function comparisonsOf(rollout: Rollout): readonly Comparison[] {
  return eachOf(rollout, compareMetric);
}

/** Each arm of a test against stable, with its share of the error that the plan puts up with. */
function eachOf<T extends Comparison>(
  rollout: Rollout,
  read: (metric: ReadoutMetric, record: ReadoutRecord, split: Split) => T,
): readonly T[] {
  const { spec, readout = [], evidence, variants = [] } = rollout;
  const steps = spec.strategy.steps.filter(isSplit);
  const split = {
    sticky: steps.some(({ sticky }) => sticky !== undefined),
    routed: evidence?.verdicts.every(({ reason }) => reason !== 'ROUTING') ?? true,
    comparisons: 1 + variants.length,
  };
  return everyPart(rollout).flatMap((part) =>
    (spec.readout ?? []).flatMap((metric) => {
      const record = recordOf(readout, metric, part);
      if (record === undefined) return [];
      const said = read(metric, record, split);
      return [part.arm === undefined ? said : { ...said, arm: part.arm }];
    }),
  );
}

function recordOf(records: readonly ReadoutRecord[], metric: ReadoutMetric, { arm }: Part): ReadoutRecord | undefined {
  return records.find((one) => one.name === metric.name && one.arm === arm);
}

/** What was asked of this arm, and of stable once for all of them. */
function answersOf(
  rollout: Rollout,
  part: Part,
  queries: ReadonlyMap<string, ScalarResult>,
): ReadonlyMap<string, ScalarResult> {
  const prefix = answerKey(rollout, partName(part), '');
  if (prefix === '' || !isSeveral(rollout)) return queries;
  const own = [...queries].flatMap(([key, answer]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), answer] as const] : [],
  );
  const ofStable = [...queries].filter(([key]) => key.split('/')[1] === 'stable');
  return new Map([...ofStable, ...own]);
}

function short(value: number | null): string {
  return value === null ? 'none' : String(Number(value.toPrecision(4)));
}
