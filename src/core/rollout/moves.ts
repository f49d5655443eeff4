import { type StepSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import { usesPins } from '../traffic/backend-traffic.ts';
import { percent, stepOf, tell } from './notice.ts';
import { pushFor, pushTo, withConnected } from './push.ts';
import type { Cause, Push, Rollout } from './rollout.ts';
import { change, type Draft, emit, enterPhase, type Observations, type Settings, wait } from './transition.ts';

/** The moves that several phases and commands share. Each leaves the draft consistent. */

/**
 * Steps forward: next step, or to 100 % after the last. The caller has checked every gate. `false`: not now; the draft
 * says what it waits for.
 */
export function advance(d: Draft, observed: Observations): boolean {
  const next = d.rollout.step + 1;
  const step = d.rollout.spec.strategy.steps[next];
  const promoting = d.rollout.stable === null || step === undefined;
  const push = pushFor(d, observed, promoting ? { phase: 'promoting' } : { phase: 'stepping', step: next });
  if (push === null) return false;
  leaveStep(d);
  if (promoting) promote(d, push, 'serin');
  else enterStep(d, push, next, step);
  wait(d, 'the ACKs of the counted Envoys');
  return true;
}

function enterStep(d: Draft, push: Push, next: number, step: StepSpec): void {
  const first = d.rollout.phase !== 'stepping';
  change(d, {
    phase: 'stepping',
    step: next,
    attempt: d.rollout.attempt + 1,
    push,
    evidence: null,
    approval: null,
    history: [
      ...d.rollout.history,
      { step: next, name: step.name, weight: step.weight, committedAtMs: d.nowMs, liveAtMs: null, leftAtMs: null },
    ],
  });
  d.traffic = true;
  if (first) emit(d, 'phase', 'canary is ready on every counted Envoy; stepping begins');
  emit(d, 'step', `step ${stepOf(d.rollout)} (${step.name}): ${percent(step.weight)} to the canary`, {
    weight: step.weight,
  });
  tell(d, 'step');
}

/** Commits 100 % for the canary. The stable revision flips later, in the commit that ends the rollout. */
export function promote(d: Draft, push: Push, by: string): void {
  leaveStep(d);
  change(d, { push, attempt: d.rollout.attempt + 1, paused: null, evidence: null });
  enterPhase(d, 'promoting', 'every step passed; all traffic goes to the canary', by);
  emit(d, 'step', 'promotion: 100 % to the canary', { weight: TOTAL_WEIGHT }, by);
  d.traffic = true;
}

/**
 * Sends everything back to stable. Needs the durable commit and nothing else: no ACK, no evidence (invariant 1).
 * Before any traffic there is nothing to send back, so the rollout ends at once as failed or aborted.
 */
export function revert(
  d: Draft,
  observed: Observations,
  cause: Omit<Cause, 'atMs' | 'step'>,
  settings: Settings,
): void {
  const { phase, step } = d.rollout;
  const byPerson = cause.kind === 'person';
  leaveStep(d);
  change(d, { cause: { ...cause, atMs: d.nowMs, step }, paused: null });
  if (phase === 'pending' || phase === 'preparing' || d.rollout.stable === null) {
    end(d, byPerson ? 'aborted' : 'failed', cause.summary, settings, cause.by);
    return;
  }
  change(d, {
    push: pushTo(d, withConnected(d.rollout.push, observed), { routesOnly: true }),
    attempt: d.rollout.attempt + 1,
  });
  const to = byPerson ? 'aborting' : 'rolling_back';
  enterPhase(d, to, cause.summary, cause.by);
  emit(d, 'step', 'all traffic goes back to stable', { weight: 0 }, cause.by);
  d.traffic = true;
  tell(d, to);
}

/** The last commit of a rollout: terminal phase, ownership given back, clusters out of use kept for a while. */
export function end(
  d: Draft,
  phase: 'promoted' | 'rolled_back' | 'aborted' | 'failed',
  message: string,
  settings: Settings,
  by = 'serin',
  extra: readonly (readonly [string, string])[] = [],
): void {
  // The drill names the canary's cluster in routes, too.
  const hadTraffic = d.rollout.history.length > 0 || d.rollout.drill !== null || d.rollout.phase === 'promoting';
  d.backend = {
    ...d.backend,
    rolloutId: null,
    stable: phase === 'promoted' ? d.rollout.canary : d.backend.stable,
    retired: hadTraffic ? retire(d, phase === 'promoted', d.nowMs + settings.retireAfterMs) : d.backend.retired,
  };
  const push = d.rollout.push;
  change(d, { phase, paused: null, waitingFor: 'nothing: the rollout has ended', push });
  d.traffic = true;
  emit(d, 'finished', message, { outcome: phase }, by);
  tell(d, phase, extra);
}

function retire(d: Draft, promoted: boolean, untilMs: number): Draft['backend']['retired'] {
  const { canary, stable } = d.rollout;
  const pinned = usesPins(d.rollout);
  const gone = promoted
    ? [
        ...(stable === null ? [] : [{ revision: stable, pinned: false, untilMs }]),
        ...(pinned ? [{ revision: canary, pinned, untilMs }] : []),
      ]
    : [{ revision: canary, pinned, untilMs }];
  const all = new Map<string, Draft['backend']['retired'][number]>();
  for (const one of [...d.backend.retired, ...gone]) {
    const before = all.get(one.revision.key);
    // Retired twice (as canary with testers, then as stable): what either needs stays for as long as either needs it.
    const merged = {
      pinned: one.pinned || before?.pinned === true,
      untilMs: Math.max(one.untilMs, before?.untilMs ?? 0),
    };
    all.set(one.revision.key, { revision: one.revision, ...merged });
  }
  return [...all.values()];
}

/** As `revert`, with an event of its own for what an Envoy did. */
export function revertOn(
  d: Draft,
  observed: Observations,
  cause: Omit<Cause, 'atMs' | 'step'>,
  settings: Settings,
): void {
  const { node } = cause;
  emit(d, cause.kind === 'nack' ? 'nack' : 'held', cause.summary, node === null ? {} : { node });
  revert(d, observed, cause, settings);
}

function leaveStep(d: Draft): void {
  const last = d.rollout.history.at(-1);
  if (last === undefined || last.leftAtMs !== null) return;
  change(d, { history: [...d.rollout.history.slice(0, -1), { ...last, leftAtMs: d.nowMs }] });
}

/** Notes that the present push is in force everywhere it counts. */
export function markLive(d: Draft, rollout: Rollout, lastAckAtMs: number): number {
  const push = rollout.push;
  if (push === null) return 0;
  // ACK times come from the xDS side; a credit older than the commit belongs to equal bytes sent before it.
  const liveAtMs = Math.min(d.nowMs, Math.max(push.committedAtMs, lastAckAtMs));
  const ackMs = liveAtMs - push.committedAtMs;
  const last = rollout.history.at(-1);
  const ofStep = rollout.phase === 'stepping' && last !== undefined;
  change(d, {
    push: { ...push, liveAtMs },
    ...(ofStep ? { history: [...rollout.history.slice(0, -1), { ...last, liveAtMs: last.liveAtMs ?? liveAtMs }] } : {}),
  });
  emit(d, 'live', `in force on every counted Envoy after ${ackMs} ms`, { ackMs });
  return ackMs;
}
