import type { SerinError } from '../model/errors.ts';
import { isTerminal } from '../model/phase.ts';
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
export function refused({ rollout }: Draft, verb: string, hint = hintOf(rollout)): Applied {
  const { id, phase } = rollout;
  return refusedBy('SERIN_PHASE_CONFLICT', `rollout ${id} is ${phase.replace('_', ' ')}; it cannot ${verb}`, hint);
}

/** What a person can do instead, or has to wait for. */
function hintOf({ backend, phase, waitingFor }: Draft['rollout']): string | undefined {
  if (phase === 'promoted') return `It is over: \`serin rollout undo ${backend}\` takes a promotion back.`;
  if (isTerminal(phase)) return 'It is over: start another one.';
  if (phase === 'rolling_back' || phase === 'aborting') return 'All traffic goes back to stable already.';
  if (phase !== 'pending' && phase !== 'preparing') return undefined;
  return `Its first step has not begun: it waits for ${waitingFor.slice(0, 300)}.`;
}
