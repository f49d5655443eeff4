import { isComparable } from '../analysis/bake/bake-judge.ts';
import { isBlind } from '../analysis/blindness.ts';
import type { JudgeInput, JudgeOutcome, JudgeState, Verdict } from '../analysis/judge.ts';
import { MAX_SAMPLE, MAX_WITHOUT_HISTOGRAM, sampleProxies } from '../analysis/sample-proxies.ts';
import { sequentialSample } from '../analysis/sequential/live-judge.ts';
import { seriesPoint } from '../analysis/verdict-series.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';
import { bakeOf } from './bake.ts';
import { judgedPlan, judgedTimeoutMs } from './judged-plan.ts';
import type { LiveCheck } from './live-check.ts';
import { currentAnalysis, evidenceFromMs, rampOf } from './needs.ts';
import type { Cause, Rollout } from './rollout.ts';
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
  const stable = d.rollout.stable;
  if (analysis.length === 0 || counters === null || scrapeMs === null || stable === null) return null;
  const bake = bakeOf(input.rollout, offsetMs);
  const judged: JudgeInput = {
    analysis,
    judge: d.rollout.spec.judge,
    arms: { stable: stable.cluster, canary: d.rollout.canary.cluster },
    // Samples bear the time of who took them.
    liveAtMs: evidenceFromMs(input.rollout, d.nowMs, input.breaker, offsetMs),
    nowMs: d.nowMs + offsetMs,
    scrapeMs,
    counters,
    queries,
    proxies: judgedProxies(d.rollout, input.observed.fleets, input.judgement),
    ramp: rampOf(d.rollout, input.breaker, offsetMs),
    plan: judgedPlan(d.rollout.spec),
    routeTimeoutMs: judgedTimeoutMs(d.rollout),
    state: input.judgement,
    ...resumedAt(d.rollout, offsetMs),
    ...(bake === null ? {} : { bake }),
  };
  noteOffset(d);
  const lostAtMs = input.breaker?.openSinceMs ?? null;
  const blind = isBlind(judged, lostAtMs === null ? null : lostAtMs + offsetMs);
  const outcome = input.judge.assess(judged);
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
  if (outcome.state !== null && !excused) d.judgement = { judge: input.judge.name, state: outcome.state };
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
  judgement: JudgeState | null,
): readonly (string | null)[] {
  const names = Object.entries(rollout.push?.counted ?? {}).flatMap(([fleet, nodeIds]) => {
    const nodes = new Map(fleets[fleet]?.state.nodes.map((node) => [node.nodeId, node]) ?? []);
    return nodeIds.flatMap((nodeId) => {
      const node = nodes.get(nodeId);
      return node?.connected ? [node.metricsName] : [];
    });
  });
  return sampleProxies(names, sampleSize(rollout, judgement));
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
