import { assertNever } from '../model/assert-never.ts';
import { aftercare } from './aftercare.ts';
import { pending } from './phases/pending.ts';
import { preparing } from './phases/preparing.ts';
import { promoting } from './phases/promoting.ts';
import { reverting } from './phases/reverting.ts';
import { stepping } from './phases/stepping.ts';
import { type Draft, draft, finish, type StepInput, type Transition } from './transition.ts';

/**
 * The heart: one record, what was observed, and the time give one transition. Pure; no clock, no I/O, no random.
 * Running it twice on the same input gives the same transition; running it on a terminal record changes nothing.
 */
export function step(input: StepInput): Transition {
  const d = draft(input.rollout, input.backend, input.nowMs, input.observed, input.others);
  const dueAtMs = act(d, input);
  return finish(d, input.rollout, dueAtMs, input.nowMs);
}

function act(d: Draft, input: StepInput): number | null {
  const { phase } = input.rollout;
  switch (phase) {
    case 'pending':
      return pending(d, input);
    case 'preparing':
      return preparing(d, input);
    case 'stepping':
      return stepping(d, input);
    case 'promoting':
      return promoting(d, input);
    case 'rolling_back':
    case 'aborting':
      return reverting(d, input);
    case 'rolled_back':
    case 'aborted':
    case 'superseded':
      return input.rollout.aftercare === 'due' ? aftercare(d, input.observed) : null;
    case 'promoted':
    case 'failed':
      return null;
    default:
      return assertNever(phase);
  }
}
