import type { SerinError } from '../model/errors.ts';
import type { Draft, Transition } from './transition.ts';

export type CommandOutcome =
  | { readonly kind: 'accepted'; readonly transition: Transition }
  /** Already so: nothing to commit, and asking twice is no error. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly error: SerinError };

/** What became of the draft. */
export type Applied = 'accepted' | Exclude<CommandOutcome, { kind: 'accepted' }>;

export const UNCHANGED = { kind: 'unchanged' } as const;

export function refusedBy(code: SerinError['code'], message: string, hint?: string): Applied {
  return { kind: 'refused', error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

/** It is in a phase where nobody can. */
export function refused({ rollout: { id, phase } }: Draft, verb: string, hint?: string): Applied {
  return refusedBy('SERIN_PHASE_CONFLICT', `rollout ${id} is ${phase.replace('_', ' ')}; it cannot ${verb}`, hint);
}
