import { ERRORS, type SerinError } from '../../core/model/errors.ts';
import type { Phase } from '../../core/model/phase.ts';

/** Exit codes are API: scripts branch on them. */
export const EXIT = {
  done: 0,
  unexpected: 1,
  invalid: 2,
  rolledBack: 3,
  aborted: 4,
  timedOut: 5,
  unreachable: 6,
  notAllowed: 7,
  conflict: 8,
  differs: 9,
  interrupted: 130,
} as const;

export function exitOfErrors(errors: readonly SerinError[]): number {
  const [first] = errors;
  return first === undefined ? EXIT.unexpected : ERRORS[first.code].exit;
}

/** How a finished rollout ends the command that waited for it. */
export function exitOfPhase(phase: Phase): number {
  switch (phase) {
    case 'promoted':
      return EXIT.done;
    case 'aborted':
      return EXIT.aborted;
    case 'superseded':
      return EXIT.conflict;
    case 'rolled_back':
    case 'failed':
      return EXIT.rolledBack;
    default:
      return EXIT.unexpected;
  }
}
