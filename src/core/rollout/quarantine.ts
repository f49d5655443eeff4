import type { BackendState } from '../model/backend-state.ts';
import { isTerminal } from '../model/phase.ts';
import { revertLate } from './moves.ts';
import { tell } from './notice.ts';
import type { Rollout } from './rollout.ts';
import {
  change,
  draft,
  emit,
  finish,
  type Observations,
  type Settings,
  type Transition,
  wait,
  withoutMetrics,
} from './transition.ts';

/** So often within ten minutes, and a rollout is set aside. */
export const MAX_CRASHES = 3;
/** A way back that crashes whoever looks at it is looked at again so much later: it is with the Envoys already. */
const WAY_BACK_AGAIN_MS = 600_000;

/** Is it to be kept from what usually looks at it? */
export function isQuarantined(rollout: Rollout, crashes: number): boolean {
  return rollout.paused?.quarantined === true || (crashes >= MAX_CRASHES && !isTerminal(rollout.phase));
}

/**
 * What is done with a rollout that crashes whoever looks at it: its weight stays, people are told, and at its deadline
 * it goes back. Neither measures nor judges, nor asks what the phase is about: one of these crashes.
 */
export function quarantine(input: {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** As in `StepInput`. */
  readonly others?: readonly BackendState[];
  readonly observed: Pick<Observations, 'fleets'>;
  readonly crashes: number;
  readonly settings: Settings;
  readonly nowMs: number;
}): Transition {
  const { rollout, crashes, settings } = input;
  const d = draft(rollout, input.backend, input.nowMs, {}, input.others);
  if (rollout.phase === 'rolling_back' || rollout.phase === 'aborting') {
    return finish(d, rollout, d.nowMs + WAY_BACK_AGAIN_MS, input.nowMs);
  }
  if (d.nowMs >= rollout.deadlineAtMs) {
    const summary = 'the deadline passed while it was set aside: looking at it had ended engines';
    revertLate(d, withoutMetrics(input.observed), summary, settings);
    return finish(d, rollout, isTerminal(d.rollout.phase) ? null : d.nowMs, input.nowMs);
  }
  if (rollout.paused?.quarantined !== true) {
    const reason = `set aside: it ended whoever looked at it ${crashes} times within ten minutes`;
    change(d, { paused: { by: 'serin', reason, atMs: d.nowMs, quarantined: true } });
    emit(d, 'quarantined', reason);
    tell(d, 'quarantined', [
      ['Reason', reason],
      ['Until then', 'its weight stays; other rollouts go on'],
      ['To do', 'abort it, or resume it once the cause is gone; at its deadline it goes back'],
    ]);
    wait(d, `a person to abort or resume it, or its deadline (${reason})`);
  }
  return finish(d, rollout, rollout.deadlineAtMs, input.nowMs);
}
