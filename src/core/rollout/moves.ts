import type { Verdict } from '../analysis/judge.ts';
import type { BackendState } from '../model/backend-state.ts';
import { type StepSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { armWords } from '../model/variants.ts';
import { usesPins } from '../traffic/backend-traffic.ts';
import { bakeMsOf, isBaking } from './bake.ts';
import { backendsOf, be, canaryNames, changeBackends, everyPart, partOf } from './joint.ts';
import { badRequests, hurt, stepOf, tell } from './notice.ts';
import { committedNow, pushFor, pushTo, withConnected } from './push.ts';
import { queryLink } from './query-link.ts';
import { isQueued, leaveQueue } from './queued.ts';
import type { Cause, Push, Rollout, StepRecord } from './rollout.ts';
import { shareWords } from './share-words.ts';
import { change, type Draft, emit, enterPhase, type Observations, type Settings, wait } from './transition.ts';
import { winnerOf } from './winner.ts';

/** The moves that several phases and commands share. Each leaves the draft consistent. */

const EVERY_STEP = 'every step passed';
const NO_WORSE = 'the canary is shown to be no worse than stable, so the remaining steps are skipped';

/**
 * Steps forward: next step, or to 100 % after the last. The caller has checked every gate. `false`: not now; the draft
 * says what it waits for. `skips`: the remaining steps are not needed.
 */
export function advance(d: Draft, observed: Observations, skips = false): boolean {
  const next = d.rollout.step + 1;
  const step = skips ? undefined : d.rollout.spec.strategy.steps[next];
  const promoting = d.rollout.stable === null || step === undefined;
  const end = promoting && d.rollout.variants !== undefined ? winnerOf(d.rollout) : {};
  if ('why' in end) {
    wait(d, `a person: ${end.why}`);
    return false;
  }
  const push = pushFor(d, observed, promoting ? { phase: 'promoting', ...end } : { phase: 'stepping', step: next });
  if (push === null) return false;
  enter(d, push, promoting ? null : next, 'serin', { why: skips ? NO_WORSE : EVERY_STEP, ...end });
  if (!promoting) tell(d, 'step');
  return true;
}

/** Leaves the present step for another one, or for all requests (`null`). The gates and the push are the caller's. */
export function enter(d: Draft, push: Push, to: number | null, by: string, won: Won = {}): void {
  const step = to === null ? undefined : d.rollout.spec.strategy.steps[to];
  if (to === null || step === undefined) promote(d, push, by, won);
  else enterStep(d, push, to, step, by);
  wait(d, 'the ACKs of the counted Envoys');
}

function enterStep(d: Draft, push: Push, next: number, step: StepSpec, by: string): void {
  const first = d.rollout.phase !== 'stepping';
  leaveStep(d);
  change(d, {
    phase: 'stepping',
    step: next,
    attempt: d.rollout.attempt + 1,
    push,
    evidence: null,
    approval: null,
    history: [
      ...d.rollout.history,
      { step: next, name: step.name, weight: step.weight, ...committedNow(d), liveAtMs: null, leftAtMs: null },
    ],
  });
  d.traffic = true;
  if (first) emit(d, 'phase', 'canary is ready on every counted Envoy; stepping begins');
  const words = `step ${stepOf(d.rollout)} (${step.name}): ${shareWords(step)}`;
  emit(d, 'step', words, { weight: step.weight }, by);
}

/** Why all requests go to the canary, or to which arm of a test. */
interface Won {
  readonly why?: string;
  readonly winner?: string;
}

/** Commits 100 % for the canary. The stable revision flips later, in the commit that ends the rollout. */
export function promote(d: Draft, push: Push, by: string, { why, winner }: Won = {}): void {
  leaveStep(d);
  const to = armWords(winner);
  const won = winner === undefined ? {} : { winner };
  change(d, { push, attempt: d.rollout.attempt + 1, paused: null, evidence: null, ...won });
  enterPhase(d, 'promoting', `${why === undefined ? '' : `${why}; `}all traffic goes to ${to}`, by);
  emit(d, 'step', `promotion: 100 % to ${to}`, { weight: TOTAL_WEIGHT }, by);
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
  const baking = isBaking(d.rollout) ? ({ baking: true } as const) : {};
  const total = cause.verdict === null ? null : hurt(d.rollout, cause.verdict);
  const counted = total === null ? {} : { hurt: total };
  leaveStep(d);
  change(d, { cause: { ...cause, atMs: d.nowMs, step, ...baking, ...counted }, paused: null });
  const early = cause.kind === 'person' ? 'aborted' : cause.kind === 'superseded' ? 'superseded' : 'failed';
  if (isQueued(d.rollout)) {
    leaveQueue(d, early, cause.summary, cause.by);
    return;
  }
  if (phase === 'pending' || phase === 'preparing' || d.rollout.stable === null) {
    end(d, early, cause.summary, settings, cause.by);
    return;
  }
  change(d, {
    push: pushTo(d, withConnected(d.rollout.push, observed), { routesOnly: true }),
    attempt: d.rollout.attempt + 1,
  });
  const to = early === 'failed' ? 'rolling_back' : 'aborting';
  enterPhase(d, to, cause.summary, cause.by);
  emit(d, 'step', 'all traffic goes back to stable', { weight: 0 }, cause.by);
  d.traffic = true;
  tell(d, to, cause.verdict === null ? [] : queryLink(d.rollout, cause.verdict, settings));
}

/** How a rollout ends that is going back: who sent it is known from its cause. */
export function endOfWayBack({ phase, cause }: Rollout): 'rolled_back' | 'aborted' | 'superseded' {
  if (phase !== 'aborting') return 'rolled_back';
  return cause?.kind === 'superseded' ? 'superseded' : 'aborted';
}

/** The last commit of a rollout: terminal phase, ownership given back, clusters out of use kept for a while. */
export function end(
  d: Draft,
  phase: 'promoted' | 'rolled_back' | 'aborted' | 'failed' | 'superseded',
  message: string,
  settings: Settings,
  by = 'serin',
  extra: readonly (readonly [string, string])[] = [],
): void {
  // The drill names the canary's cluster in routes, too.
  const promoted = phase === 'promoted';
  const keepWarmMs = d.rollout.spec.keepWarmMs ?? settings.retireAfterMs;
  const hadTraffic = d.rollout.history.length > 0 || d.rollout.drill !== null || d.rollout.phase === 'promoting';
  changeBackends(d, (state, part) => ({
    ...state,
    rolloutId: null,
    stable: promoted ? part.canary : state.stable,
    ...(promoted ? { previous: previousOf(d.rollout, part, d.nowMs + keepWarmMs) } : {}),
    ...(promoted && part.undoes !== undefined ? { undone: part.undoes } : {}),
    // An Envoy that was away may route to it for longer than the plan keeps it warm.
    retired: hadTraffic ? retire(d, goneOf(d.rollout, part, promoted), state, { settings, keepWarmMs }) : state.retired,
  }));
  const push = d.rollout.push;
  change(d, { phase, paused: null, waitingFor: 'nothing: the rollout has ended', push });
  d.traffic = true;
  emit(d, 'finished', message, { outcome: phase }, by);
  tell(d, phase, extra);
}

/** What an undo goes back to. It is no way forward again: what was undone is rolled out anew. */
function previousOf(rollout: Rollout, { id, stable, undoes }: Rollout, warmUntilMs: number): BackendState['previous'] {
  if (stable === null || undoes !== undefined) return null;
  const together = rollout.joint === undefined ? {} : { joint: backendsOf(rollout) };
  return { revision: stable, rolloutId: id, warmUntilMs, ...together };
}

interface Retiring {
  readonly settings: Settings;
  readonly keepWarmMs: number;
}

interface Gone extends Pick<BackendState['retired'][number], 'revision' | 'pinned'> {
  /** It was stable, and an undo goes back to it. */
  readonly warm: boolean;
}

/** What goes out of use. Of what was promoted testers have a cluster of their own, which does. */
function goneOf(rollout: Rollout, { backend, stable, canary: own }: Rollout, promoted: boolean): readonly Gone[] {
  const parts = rollout.variants === undefined ? [partOf(rollout, backend)] : everyPart(rollout);
  const arms = parts.flatMap((part): readonly Gone[] => {
    const pinned = usesPins(part);
    const isLeft = !promoted || part.canary.key !== own.key || pinned;
    return isLeft ? [{ revision: part.canary, pinned, warm: false }] : [];
  });
  return promoted && stable !== null ? [{ revision: stable, pinned: false, warm: true }, ...arms] : arms;
}

function retire(
  { nowMs }: Draft,
  gone: readonly Gone[],
  state: BackendState,
  { settings, keepWarmMs }: Retiring,
): BackendState['retired'] {
  const untilMs = nowMs + settings.retireAfterMs;
  const warmUntilMs = Math.max(untilMs, nowMs + keepWarmMs);
  const fresh = gone.map(({ warm, ...one }) => ({ ...one, untilMs: warm ? warmUntilMs : untilMs }));
  const all = new Map<string, BackendState['retired'][number]>();
  for (const one of [...state.retired, ...fresh]) {
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

/** All counted Envoys are at 100 %, and nothing more is waited for. */
export function finishPromotion(d: Draft, settings: Settings, by = 'serin'): void {
  const { push } = d.rollout;
  const ackMs = push?.liveAtMs == null ? 0 : push.liveAtMs - push.committedAtMs;
  const bakeMs = push?.liveAtMs == null || bakeMsOf(d.rollout) === 0 ? null : d.nowMs - push.liveAtMs;
  end(d, 'promoted', `${canaryNames(d.rollout)} ${be(d.rollout)} stable now`, settings, by, [
    ['Last Envoy at 100 % after', `${ackMs} ms`],
    ...(bakeMs === null ? [] : [['Baked', formatDuration(Math.floor(bakeMs / 1_000) * 1_000)] as const]),
  ]);
}

/** As `revert`, where nobody is at fault: a time has passed. */
export function revertLate(d: Draft, observed: Observations, summary: string, settings: Settings): void {
  revert(d, observed, { kind: 'deadline', by: 'serin', summary, verdict: null, node: null }, settings);
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
  const bad = badIn(d.rollout.evidence?.verdicts ?? []);
  change(d, { history: [...d.rollout.history.slice(0, -1), { ...last, leftAtMs: d.nowMs, ...bad }] });
}

/** What the canary had done in a step when it was left, by metric. */
function badIn(verdicts: readonly Verdict[]): Pick<StepRecord, 'bad'> {
  const counts = verdicts.flatMap((verdict) => {
    const count = badRequests(verdict);
    return count === null || count === 0 ? [] : [[verdict.metric, count] as const];
  });
  return counts.length === 0 ? {} : { bad: Object.fromEntries(counts) };
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
