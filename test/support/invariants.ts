import type { BackendState } from '../../src/core/model/backend-state.ts';
import { TOTAL_WEIGHT } from '../../src/core/model/documents.ts';
import { isTerminal, type Phase } from '../../src/core/model/phase.ts';
import { standingOf } from '../../src/core/model/release-windows.ts';
import type { BackendTraffic } from '../../src/core/model/traffic.ts';
import type { RolloutEvent } from '../../src/core/rollout/event.ts';
import { isGateShut } from '../../src/core/rollout/hook-state.ts';
import { endOfWayBack } from '../../src/core/rollout/moves.ts';
import { currentAnalysis } from '../../src/core/rollout/needs.ts';
import { isQueued } from '../../src/core/rollout/queued.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { backendTraffic, canaryWeight } from '../../src/core/traffic/backend-traffic.ts';

/** One committed change of a rollout, as the checkers see it. `by`: a command of a person, or the engine's tick. */
export interface Change {
  readonly before: { readonly rollout: Rollout; readonly backend: BackendState };
  readonly after: { readonly rollout: Rollout; readonly backend: BackendState };
  readonly traffic: BackendTraffic | null;
  /** Counted, connected Envoys that did not have the push before this change: the truth, not what the engine saw. */
  readonly unconfirmed: readonly string[];
  readonly by:
    | 'tick'
    | 'start'
    | 'pause'
    | 'resume'
    | 'promote'
    | 'abort'
    | 'approve'
    | 'skip'
    | 'jump'
    | 'supersede'
    | 'reconcile';
}

function allowedWeight({ phase, spec, step, winner = 'canary' }: Rollout, arm: string): number {
  if (phase === 'promoting' || phase === 'promoted') return arm === winner ? TOTAL_WEIGHT : 0;
  const now = phase === 'stepping' ? spec.strategy.steps[step] : undefined;
  return (arm === 'canary' ? now?.weight : now?.weights?.[arm]) ?? 0;
}

type Checker = (change: Change) => string | null;

/**
 * The invariants that can be read off one committed change. Tests, the simulation and the crash harness share them,
 * so that they cannot disagree about what is right. Each returns what is wrong, or nothing.
 */
const CHECKERS: Readonly<Record<string, Checker>> = {
  'I1 weights are of this step, or stable, and sum to the total': ({ after, traffic }) => {
    if (traffic === null || traffic.split.length === 0) return null;
    const sum = traffic.split.reduce((total, arm) => total + arm.weight, 0);
    if (sum !== TOTAL_WEIGHT) return `weights sum to ${sum}`;
    const { rollout } = after;
    for (const { name, canary } of [{ name: 'canary', canary: rollout.canary }, ...(rollout.variants ?? [])]) {
      const given = traffic.split.find((arm) => arm.cluster === canary.cluster)?.weight ?? 0;
      const allowed = allowedWeight(rollout, name);
      if (given !== allowed) return `weight ${given} of ${name} in ${rollout.phase}, allowed ${allowed}`;
    }
    return null;
  },
  'I7 Envoys are told what the records say, in the same commit': ({ before, after, traffic }) => {
    // What Envoys are told is made from the rollout that owns the backend.
    if (isQueued(before.rollout)) return traffic === null ? null : `${after.rollout.id} waits, and says something`;
    const told = JSON.stringify(traffic ?? trafficOf(before));
    return told === JSON.stringify(trafficOf(after)) ? null : `${after.rollout.phase}: the traffic is another's`;
  },
  'I2 a terminal phase is never left, and nothing moves in it': ({ before, after, traffic }) => {
    if (!isTerminal(before.rollout.phase)) return null;
    // The one look after a way back is noted; it changes nothing else.
    const { aftercare, updatedAtMs } = after.rollout;
    const same = JSON.stringify({ ...before.rollout, aftercare, updatedAtMs }) === JSON.stringify(after.rollout);
    if (same && traffic === null && before.rollout.aftercare === 'due' && aftercare === 'done') return null;
    return `${before.rollout.phase} became ${after.rollout.phase}`;
  },
  'I3 after a rollback decision nothing raises canary weight': ({ before, after }) => {
    const returning = before.rollout.phase === 'rolling_back' || before.rollout.phase === 'aborting';
    if (!returning) return null;
    const allowed: Phase[] = [before.rollout.phase, endOfWayBack(before.rollout)];
    return allowed.includes(after.rollout.phase) ? null : `${before.rollout.phase} became ${after.rollout.phase}`;
  },
  'I4 steps take effect once and in order, but where a person says otherwise': ({ before, after, by }) => {
    const [from, to] = [before.rollout, after.rollout];
    if (to.phase !== 'stepping')
      return to.step === from.step ? null : `step ${from.step} became ${to.step} in ${to.phase}`;
    if (to.step === from.step) return to.attempt === from.attempt ? null : 'the same step took effect twice';
    if (to.step !== from.step + 1 && by !== 'jump') return `step ${from.step} was followed by ${to.step}`;
    return to.attempt === from.attempt + 1 ? null : `attempt ${from.attempt} became ${to.attempt}`;
  },
  'I8 the backend belongs to its active rollout': ({ after }) => {
    const owned = after.backend.rolloutId === after.rollout.id;
    return owned === (!isTerminal(after.rollout.phase) && !isQueued(after.rollout))
      ? null
      : `${after.rollout.phase}, owner ${after.backend.rolloutId}`;
  },
  'F29 who waits is named behind the owner, and has begun nothing': ({ before, after }) => {
    const { id, phase, push, step, history } = after.rollout;
    const named = after.backend.next === id;
    if (named !== isQueued(after.rollout)) return `${phase}, next is ${after.backend.next}`;
    if (isQueued(after.rollout) && !isQueued(before.rollout)) return 'what has begun waits again';
    const idle = phase === 'pending' && push === null && step === -1 && history.length === 0;
    return !isQueued(after.rollout) || idle ? null : `it waits, and is ${phase} at step ${step}`;
  },
  'I9 no advance without evidence': ({ before, after, by }) => {
    if (by !== 'tick' || !advanced(before.rollout, after.rollout)) return null;
    if (currentAnalysis(before.rollout).length === 0) return null;
    // Which verdict let it go is checked where the judge is scripted; never right is leaving a step that was not live.
    return before.rollout.push?.liveAtMs == null ? 'a judged step was left before it was live' : null;
  },
  'F26 no step is left by itself while its hook keeps the gate shut': ({ before, after, by }) =>
    by === 'tick' && isGateShut(before.rollout) && advanced(before.rollout, after.rollout) && !opened(after.rollout)
      ? `step ${before.rollout.step} was left`
      : null,
  'windows by itself nothing gives the canary more while they are shut': ({ before, after, by }) => {
    const { spec, updatedAtMs } = after.rollout;
    if (by !== 'tick' || spec.windows === undefined) return null;
    const [from, to] = [canaryWeight(before.rollout), canaryWeight(after.rollout)];
    if (to <= from || standingOf(spec.windows, updatedAtMs).kind === 'open') return null;
    return `from ${from} to ${to} at ${new Date(updatedAtMs).toISOString()}`;
  },
  'a jump leaves what was confirmed, and what goes back leaves evidence behind': ({ before, after, by }) => {
    if ((by !== 'skip' && by !== 'jump') || after.rollout.attempt === before.rollout.attempt) return null;
    const { rollout } = after;
    if (rollout.evidence !== null) return 'evidence of the step before counts in the new one';
    if (rollout.push?.liveAtMs != null) return 'the new step is in force before anybody has it';
    if (rollout.jumps?.at(-1)?.atMs !== rollout.updatedAtMs) return 'nobody is told of it';
    return advanced(before.rollout, rollout) && before.rollout.push?.liveAtMs == null
      ? 'it went on before the step before was in force everywhere'
      : null;
  },
  'I10 no advance, no end before the Envoys have confirmed': ({ before, after, by, unconfirmed }) => {
    const ended =
      !isTerminal(before.rollout.phase) &&
      !isQueued(before.rollout) &&
      ['promoted', 'rolled_back', 'superseded'].includes(after.rollout.phase);
    if (by !== 'tick' || !(ended || advanced(before.rollout, after.rollout))) return null;
    return unconfirmed.length === 0 ? null : `${unconfirmed.join(', ')} had not confirmed ${before.rollout.phase}`;
  },
  'I16 a paused rollout does not advance by itself': ({ before, after, by }) =>
    by === 'tick' && before.rollout.paused !== null && advanced(before.rollout, after.rollout)
      ? `went from step ${before.rollout.step} to ${after.rollout.step} while paused`
      : null,
  'the stable revision flips in the promoting commit alone': ({ before, after }) => {
    const flipped = before.backend.stable?.key !== after.backend.stable?.key;
    return flipped === (after.rollout.phase === 'promoted' && before.rollout.phase === 'promoting')
      ? null
      : `stable ${before.backend.stable?.name} → ${after.backend.stable?.name} in ${after.rollout.phase}`;
  },
};

/** Every violated invariant of one change, in words. */
export function violations(change: Change): string[] {
  return Object.entries(CHECKERS).flatMap(([invariant, check]) => {
    const wrong = check(change);
    return wrong === null ? [] : [`${invariant}: ${wrong}`];
  });
}

/** I15: what changes in a record is told by the events of the same commit, and the last of them tells how it stands. */
export function eventViolations({ before, after }: Change, events: readonly RolloutEvent[]): string[] {
  const told = (['phase', 'step', 'attempt'] as const).filter(
    (field) => before.rollout[field] !== after.rollout[field],
  );
  if ((before.rollout.paused === null) !== (after.rollout.paused === null)) told.push('phase');
  if (told.length > 0 && events.length === 0) return [`I15 ${told.join(', ')} changed without an event`];
  const last = events.at(-1);
  if (last === undefined) return [];
  const { phase, step } = after.rollout;
  return last.phase === phase && last.step === step
    ? []
    : [`I15 the last event tells of ${last.phase} at step ${last.step}, the record of ${phase} at ${step}`];
}

/** The word that opens the gate may come in the very look that goes on. */
function opened({ hook }: Rollout): boolean {
  return hook?.answer?.kind === 'open';
}

function trafficOf({ rollout, backend }: Change['before']): BackendTraffic {
  return backendTraffic(backend, isTerminal(rollout.phase) ? null : rollout);
}

function advanced(before: Rollout, after: Rollout): boolean {
  return after.step > before.step || (after.phase === 'promoting' && before.phase !== 'promoting');
}
