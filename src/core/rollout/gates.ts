import type { JudgeOutcome } from '../analysis/judge.ts';
import { lacksApproval } from './approval-state.ts';
import { LOOK_AGAIN_MS } from './await-live.ts';
import type { Breaker } from './breaker.ts';
import type { Notice } from './event.ts';
import { isGateShut } from './hook-state.ts';
import type { LiveCheck } from './live-check.ts';
import { revertLate } from './moves.ts';
import { currentAnalysis, nextMeasurementMs } from './needs.ts';
import { tell } from './notice.ts';
import { queryLink } from './query-link.ts';
import { change, type Draft, emit, type Settings, type StepInput, wait } from './transition.ts';
import { shutWindow } from './window-state.ts';
import { againstEnd } from './winner.ts';

/** What holds a step and a bake alike. */

/** Until when to hold for a person or for evidence, at the most; `null`: neither is missing. */
export function heldByEvidence(
  d: Draft,
  breaker: Breaker,
  outcome: JudgeOutcome | null,
  measureAtMs: number | null,
): number | null {
  const backstopMs = d.nowMs + LOOK_AGAIN_MS;
  if (d.rollout.paused !== null) {
    wait(d, `a person to resume it (${d.rollout.paused.reason})`);
    return d.rollout.deadlineAtMs;
  }
  if (currentAnalysis(d.rollout).length === 0) return null;
  if (breaker.openSinceMs !== null) {
    wait(d, 'the evidence that many rollouts lost at once');
    return measureAtMs ?? backstopMs;
  }
  if (outcome?.decision === 'advance') return null;
  const open = d.rollout.evidence?.verdicts.find((v) => v.verdict !== 'pass');
  // Without a fresh look at this very moment there is no advance: an old pass is no evidence.
  wait(d, open === undefined ? 'a measurement' : `evidence of ${open.metric} (${open.reason}: ${open.detail})`);
  // Looks in between would find nothing new: what a person or an Envoy does wakes us up.
  return measureAtMs ?? backstopMs;
}

/** From when time counts: it was live everywhere, and after many lost their evidence at once, they had it back. */
export function countedSinceMs(d: Draft, breaker: Breaker): number {
  const isJudged = currentAnalysis(d.rollout).length > 0;
  return Math.max(d.rollout.push?.liveAtMs ?? d.nowMs, isJudged ? (breaker.closedAtMs ?? 0) : 0);
}

/**
 * What the plan says for a canary that looks well, without enough requests to be sure; anything else goes back. When to
 * look again.
 */
export function atDeadline(d: Draft, input: StepInput, live: LiveCheck, goOn: () => void): number {
  const { observed, settings, breaker } = input;
  const { onInconclusive = 'rollback' } = d.rollout.spec;
  if (onInconclusive === 'hold') {
    if (d.rollout.paused === null) pause(d, `the deadline passed while waiting for ${d.rollout.waitingFor}`, settings);
    return nextMeasurementMs(d.rollout, observed.scrapeMs, d.nowMs) ?? d.nowMs + LOOK_AGAIN_MS;
  }
  const isSafe = live.kind === 'live' && settings.clockTrusted && breaker?.openSinceMs == null;
  const promotes = onInconclusive === 'promote' && isSafe && !isHeldByOthers(d);
  if (promotes && lacksOnlyPower(d, observed.scrapeMs)) {
    emit(d, 'held', 'the deadline passed; the plan promotes what looks well, though it could not be sure');
    goOn();
    return d.nowMs + LOOK_AGAIN_MS;
  }
  const summary = `the deadline passed while waiting for ${d.rollout.waitingFor}`;
  revertLate(d, observed, summary, settings);
  return d.nowMs + LOOK_AGAIN_MS;
}

/**
 * The plan may do without certainty, but not without the word of a hook or a person, nor for one who loses its test,
 * nor outside its windows.
 */
function isHeldByOthers({ rollout, nowMs }: Draft): boolean {
  const steps = rollout.phase === 'stepping';
  const waits = steps && (againstEnd(rollout) !== null || shutWindow(rollout, nowMs) !== null);
  return rollout.paused !== null || isGateShut(rollout) || lacksApproval(rollout) || waits;
}

/** Fresh evidence with nothing against the canary, on too few requests. Missing evidence is something else. */
function lacksOnlyPower({ rollout: { evidence }, nowMs }: Draft, scrapeMs: number | null): boolean {
  if (evidence === null || scrapeMs === null || nowMs - evidence.judgedAtMs > 2 * scrapeMs) return false;
  const open = evidence.verdicts.filter(({ verdict }) => verdict !== 'pass');
  return open.length > 0 && open.every(({ reason }) => reason === 'LOW_POWER' || reason === 'TOO_FEW_REQUESTS');
}

/** No evidence for too long is an alert and a pause: neither a promotion nor a rollback. */
export function pauseWithoutEvidence(d: Draft, { openSinceMs, closedAtMs }: Breaker, settings: Settings): void {
  const sinceMs = d.rollout.evidence?.inconclusiveSinceMs ?? null;
  // Of an outage that many share, people are told once, and it is nobody's own.
  if (sinceMs === null || d.rollout.paused !== null || openSinceMs !== null) return;
  if (d.nowMs - Math.max(sinceMs, closedAtMs ?? 0) < d.rollout.spec.inconclusiveAfterMs) return;
  const open = d.rollout.evidence?.verdicts.find((v) => v.verdict === 'inconclusive');
  const reason = `no evidence for too long: ${open === undefined ? 'nothing measured' : `${open.metric} (${open.reason}: ${open.detail})`}`;
  pause(d, reason, settings);
}

/** Requests that go elsewhere than they should are nothing that time heals: a person has to look, and is told at once. */
export function pauseMisrouted(d: Draft, { openSinceMs }: Breaker, settings: Settings): void {
  if (d.rollout.paused !== null || openSinceMs !== null) return;
  const open = d.rollout.evidence?.verdicts.find(({ verdict, reason }) => verdict !== 'pass' && reason === 'ROUTING');
  if (open === undefined) return;
  pause(d, `${open.metric}: ${open.detail}`, settings, [
    ['To do', 'find out why (`serin rollout explain`), then abort or resume it; resumed, the check begins anew'],
  ]);
}

export function pause(d: Draft, reason: string, settings: Settings, extra: Notice['fields'] = []): void {
  // What was not clear is what people will want to look at.
  const open = d.rollout.evidence?.verdicts.find(({ verdict }) => verdict !== 'pass');
  change(d, { paused: { by: 'serin', reason, atMs: d.nowMs } });
  emit(d, 'paused', reason);
  tell(d, 'paused', [
    ['Reason', reason],
    ...extra,
    ...(open === undefined ? [] : queryLink(d.rollout, open, settings)),
  ]);
}
