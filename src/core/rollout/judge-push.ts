import { isComparable } from '../analysis/bake/bake-judge.ts';
import { isBlind } from '../analysis/blindness.ts';
import type { CountersResult, JudgeInput, JudgeOutcome, JudgeState, ScalarResult, Verdict } from '../analysis/judge.ts';
import { MAX_SAMPLE, MAX_WITHOUT_HISTOGRAM, sampleProxies } from '../analysis/sample-proxies.ts';
import { sequentialSample } from '../analysis/sequential/live-judge.ts';
import { seriesPoint } from '../analysis/verdict-series.ts';
import { CANARY } from '../model/variants.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';
import { bakeOf } from './bake.ts';
import { answerKey, firstName, followsColour, isSeveral, metricOf, partName, partsOf, whoseOf } from './joint.ts';
import { judgedPlan, judgedTimeoutMs } from './judged-plan.ts';
import type { LiveCheck } from './live-check.ts';
import { currentAnalysis, evidenceFromMs, memoriesOf, rampOf } from './needs.ts';
import type { Cause, Part, Rollout } from './rollout.ts';
import { liveOffsetMs } from './sample-time.ts';
import { change, type Draft, emit, type Observations, type StepInput } from './transition.ts';

/** Evidence is there and grows; all it takes is time. */
const ONLY_TIME: ReadonlySet<Verdict['reason']> = new Set(['LOW_POWER', 'SUSPICION', 'WARMING_UP']);

/**
 * Judges what was measured in this round. Before the push is live everywhere only a failure counts:
 * a laggard must not blind us to a canary that is failing on the other nodes.
 */
export function judgePush(d: Draft, input: StepInput, live: LiveCheck): JudgeOutcome | null {
  const analysis = currentAnalysis(d.rollout);
  const { counters, queries, scrapeMs } = input.observed;
  const { offsetMs = 0 } = d;
  if (analysis.length === 0 || counters === null || scrapeMs === null || d.rollout.stable === null) return null;
  const bake = bakeOf(input.rollout, offsetMs);
  const common = {
    analysis,
    // Samples bear the time of who took them.
    liveAtMs: evidenceFromMs(input.rollout, d.nowMs, input.breaker, offsetMs),
    nowMs: d.nowMs + offsetMs,
    scrapeMs,
    ...resumedAt(d.rollout, offsetMs),
    ...(bake === null ? {} : { bake }),
  };
  const memories = memoriesOf(d.rollout, input);
  const judged = partsOf(d.rollout).map((part, i): JudgeInput => {
    return {
      ...common,
      judge: part.spec.judge,
      ramp: rampOf(part, input.breaker, offsetMs),
      arms: { stable: part.stable?.cluster ?? '', canary: part.canary.cluster },
      counters: countersOf(d.rollout, part, counters),
      queries: answersOf(d.rollout, part, queries),
      proxies: judgedProxies(part, input.observed.fleets, memories),
      plan: judgedPlan(part.spec, { comesInGroups: followsColour(part) }),
      routeTimeoutMs: judgedTimeoutMs(part),
      state: memories[i] ?? null,
    };
  });
  noteOffset(d);
  const lostAtMs = input.breaker?.openSinceMs ?? null;
  const blind = judged.some((one) => isBlind(one, lostAtMs === null ? null : lostAtMs + offsetMs));
  const outcomes = judged.map((one) => input.judge.assess(one));
  const outcome = jointOutcome(d.rollout, outcomes);
  const before = d.rollout.evidence;
  const undecided = outcome.verdicts.some((v) => v.verdict === 'inconclusive' && !ONLY_TIME.has(v.reason));
  change(d, {
    evidence: {
      verdicts: outcome.verdicts,
      judgedAtMs: d.nowMs,
      inconclusiveSinceMs: undecided ? (before?.inconclusiveSinceMs ?? d.nowMs) : null,
      ...(blind ? { blind } : {}),
      ...(outcome.late === undefined || outcome.late === 0 ? {} : { late: outcome.late }),
    },
  });
  // What many do not see at once is held against nobody.
  const excused = blind && input.breaker?.openSinceMs != null;
  if (!excused) keepJudgement(d, input, outcomes);
  d.point = seriesPoint(outcome, { atMs: d.nowMs, step: d.rollout.step, weight: canaryWeight(d.rollout) });
  const told = before?.verdicts.map((v) => `${v.metric} ${v.reason}`).join() ?? '';
  if (outcome.verdicts.map((v) => `${v.metric} ${v.reason}`).join() !== told) {
    const words = outcome.verdicts.map((v) => `${v.metric}: ${v.verdict} (${v.reason})`).join(', ');
    emit(d, 'verdict', words, { verdicts: outcome.verdicts });
  }
  if (excused) return { ...outcome, decision: 'hold' };
  const liveAtMs = input.rollout.push?.liveAtMs ?? null;
  // Other Envoys may count since this tick; what was measured before that is no evidence about them.
  const measuredSinceLive = live.kind === 'live' && liveAtMs !== null && d.rollout.push?.liveAtMs === liveAtMs;
  return outcome.decision === 'advance' && !measuredSinceLive ? { ...outcome, decision: 'hold' } : outcome;
}

function keepJudgement(d: Draft, input: StepInput, outcomes: readonly JudgeOutcome[]): void {
  if (outcomes.every(({ state }) => state === null)) return;
  const before = memoriesOf(d.rollout, input);
  const kept = new Map(
    partsOf(d.rollout).map((part, i) => [partName(part), outcomes[i]?.state ?? before[i] ?? {}] as const),
  );
  const first = firstName(d.rollout);
  // Of arms that are not looked at any more it stays as it was.
  const others = { ...input.judgements, ...Object.fromEntries([...kept].filter(([name]) => name !== first)) };
  d.judgement = {
    ...{ judge: input.judge.name, state: kept.get(first) ?? input.judgement ?? {} },
    ...(isSeveral(d.rollout) ? { others } : {}),
  };
}

/** Of those of all parts the samples of this one: another may be with Envoys that this one has nothing to do with. */
export function countersOf(rollout: Rollout, { canary, stable }: Rollout, counters: CountersResult): CountersResult {
  if (!isSeveral(rollout) || counters.kind === 'gap') return counters;
  const own = [canary.cluster, stable?.cluster];
  return { ...counters, series: counters.series.filter(({ cluster }) => cluster === '' || own.includes(cluster)) };
}

function answersOf(rollout: Rollout, part: Part, queries: JudgeInput['queries']): ReadonlyMap<string, ScalarResult> {
  const prefix = answerKey(rollout, partName(part), '');
  if (prefix === '') return queries;
  return new Map(
    [...queries].flatMap(([key, answer]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), answer]] : [])),
  );
}

/**
 * One failing backend or arm sends all of them back; all go on when the evidence of each allows it. One without any
 * metric of its own does not exist: every analysis is asked of each of them.
 */
function jointOutcome(rollout: Rollout, outcomes: readonly JudgeOutcome[]): JudgeOutcome {
  const [first, ...more] = outcomes;
  if (first === undefined) throw new Error(`rollout ${rollout.id} has no backend`);
  if (more.length === 0 && !isSeveral(rollout)) return first;
  const parts = partsOf(rollout);
  const named = outcomes.map(({ verdicts }, i) => {
    const part = parts[i];
    if (part === undefined) return verdicts;
    const whose = whoseOf(rollout, part);
    return verdicts.map((verdict): Verdict => {
      const metric = metricOf(rollout, partName(part), verdict.metric);
      return { ...verdict, metric, detail: detailOf(verdict, part), ...whose };
    });
  });
  const decisions = outcomes.map(({ decision }) => decision);
  const late = outcomes.reduce((sum, one) => sum + (one.late ?? 0), 0);
  const decision = decisions.includes('rollback') ? 'rollback' : decisions.includes('hold') ? 'hold' : 'advance';
  const joint: JudgeOutcome = { verdicts: failingFirst(named, outcomes), decision, state: first.state, late };
  return outcomes.every(({ skips }) => skips) ? { ...joint, skips: true } : joint;
}

/** Judges know two arms; of a test each has a name. */
function detailOf({ detail }: Verdict, { arm = CANARY }: Part): string {
  return arm === CANARY ? detail : detail.replaceAll('the canary', arm);
}

/** The first failed one is the cause: one that decides, before those of a part that is put up with. */
function failingFirst(
  verdicts: readonly (readonly Verdict[])[],
  outcomes: readonly JudgeOutcome[],
): readonly Verdict[] {
  const isGuilty = (i: number): boolean => outcomes[i]?.decision === 'rollback';
  return [...verdicts.filter((_, i) => isGuilty(i)), ...verdicts.filter((_, i) => !isGuilty(i))].flat();
}

function resumedAt({ resumedAtMs: id }: Rollout, offsetMs: number): Pick<JudgeInput, 'resumed'> {
  return id === undefined ? {} : { resumed: { id, atMs: id + offsetMs } };
}

/** At the first look at samples since it was live: from now on that time is known by their clock, whatever becomes of ours. */
function noteOffset(d: Draft): void {
  const push = d.rollout.push;
  if (d.offsetMs === undefined || push?.liveAtMs == null || push.liveOffsetMs !== undefined) return;
  change(d, { push: { ...push, liveOffsetMs: liveOffsetMs(push, d.offsetMs) } });
}

/** Why a judge sends the rollout back: the first failed analysis. */
export function failedAnalysis({ verdicts }: JudgeOutcome): Omit<Cause, 'atMs' | 'step'> {
  const verdict = verdicts.find((v) => v.verdict === 'fail') ?? null;
  const summary = verdict === null ? 'the analysis failed' : `${verdict.metric}: ${verdict.detail}`;
  return { kind: 'analysis', by: 'serin', summary, verdict, node: null };
}

/** Prometheus names of the counted nodes that are connected; of a large fleet a sample. */
export function judgedProxies(
  rollout: Rollout,
  fleets: Observations['fleets'],
  memories: readonly (JudgeState | null)[],
): readonly (string | null)[] {
  const names = Object.entries(rollout.push?.counted ?? {}).flatMap(([fleet, nodeIds]) => {
    const nodes = new Map(fleets[fleet]?.state.nodes.map((node) => [node.nodeId, node]) ?? []);
    return nodeIds.flatMap((nodeId) => {
      const node = nodes.get(nodeId);
      return node?.connected ? [node.metricsName] : [];
    });
  });
  // Of several parts all get the sample of the one that asks for most.
  return sampleProxies(names, Math.max(...memories.map((memory) => sampleSize(rollout, memory))));
}

/**
 * A comparison begins with few and asks for more. Whoever holds shares against limits keeps nothing from look to look, so
 * it is given as many as it may read. Not their sums instead: no query sums counters of which some restart.
 */
function sampleSize(rollout: Rollout, judgement: JudgeState | null): number {
  const compares = rampOf(rollout).length > 0 || (bakeOf(rollout) !== null && isComparable(judgement));
  if (rollout.spec.judge.name === 'sequential' && compares) return sequentialSample(judgement);
  const timed = currentAnalysis(rollout).some(({ kind }) => kind === 'latency');
  return timed ? MAX_SAMPLE : MAX_WITHOUT_HISTOGRAM;
}
