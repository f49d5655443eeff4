import type { JudgeOutcome } from '../analysis/judge.ts';
import type { LiveCheck } from './live-check.ts';
import { currentAnalysis, evidenceFromMs } from './needs.ts';
import type { Cause } from './rollout.ts';
import { change, type Draft, emit, type StepInput } from './transition.ts';

/**
 * Judges what was measured in this round. Before the push is live everywhere only a failure counts:
 * a laggard must not blind us to a canary that is failing on the other nodes.
 */
export function judgePush(d: Draft, input: StepInput, live: LiveCheck): JudgeOutcome | null {
  const analysis = currentAnalysis(d.rollout);
  const { counters, queries, scrapeMs } = input.observed;
  const stable = d.rollout.stable;
  if (analysis.length === 0 || counters === null || scrapeMs === null || stable === null) return null;
  const outcome = input.judge.assess({
    analysis,
    arms: { stable: stable.cluster, canary: d.rollout.canary.cluster },
    liveAtMs: evidenceFromMs(input.rollout, d.nowMs),
    nowMs: d.nowMs,
    scrapeMs,
    counters,
    queries,
    proxies: countedProxies(d, input),
    state: d.rollout.evidence?.judge ?? null,
  });
  const before = d.rollout.evidence;
  const undecided = outcome.verdicts.some((v) => v.verdict === 'inconclusive');
  change(d, {
    evidence: {
      verdicts: outcome.verdicts,
      judgedAtMs: d.nowMs,
      inconclusiveSinceMs: undecided ? (before?.inconclusiveSinceMs ?? d.nowMs) : null,
      judge: outcome.state,
    },
  });
  const told = before?.verdicts.map((v) => `${v.metric} ${v.reason}`).join() ?? '';
  if (outcome.verdicts.map((v) => `${v.metric} ${v.reason}`).join() !== told) {
    const words = outcome.verdicts.map((v) => `${v.metric}: ${v.verdict} (${v.reason})`).join(', ');
    emit(d, 'verdict', words, { verdicts: outcome.verdicts });
  }
  const liveAtMs = input.rollout.push?.liveAtMs ?? null;
  // Other Envoys may count since this tick; what was measured before that is no evidence about them.
  const measuredSinceLive = live.kind === 'live' && liveAtMs !== null && d.rollout.push?.liveAtMs === liveAtMs;
  return outcome.decision === 'advance' && !measuredSinceLive ? { ...outcome, decision: 'hold' } : outcome;
}

/** Why a judge sends the rollout back: the first failed analysis. */
export function failedAnalysis({ verdicts }: JudgeOutcome): Omit<Cause, 'atMs' | 'step'> {
  const verdict = verdicts.find((v) => v.verdict === 'fail') ?? null;
  const summary = verdict === null ? 'the analysis failed' : `${verdict.metric}: ${verdict.detail}`;
  return { kind: 'analysis', by: 'serin', summary, verdict, node: null };
}

function countedProxies(d: Draft, { observed }: StepInput): (string | null)[] {
  const counted = d.rollout.push?.counted ?? {};
  return Object.entries(counted).flatMap(([fleet, nodeIds]) => {
    const names = new Map(observed.fleets[fleet]?.state.nodes.map((node) => [node.nodeId, node]) ?? []);
    return nodeIds.flatMap((nodeId) => {
      const node = names.get(nodeId);
      return node?.connected ? [node.metricsName] : [];
    });
  });
}
