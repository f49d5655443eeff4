import { nameSome } from './name-some.ts';
import { inKeyOrder } from './same-json.ts';

/** The revision that a plan is to roll out, without a start by anybody: of all its backends, or of each by its name. */
export type WantedRevision = string | Readonly<Record<string, string>>;

/**
 * What became of the `revision` of a plan, kept with its document. The key is made by the apply that changed the value,
 * and the start is asked with it: however often that is, there is one rollout.
 */
export interface PlanTrigger {
  readonly key: string;
  /** Who changed the value; the rollout is theirs. */
  readonly by: string;
  /**
   * `due`: a start is to be asked; `begun`: there is, or was, a rollout; `stable`: there was nothing to do; `tried`: the value had failed; `none`:
   * the plan has no value now, and what it had is remembered.
   */
  readonly outcome: 'due' | 'begun' | 'stable' | 'tried' | 'none';
  /** The rollout that was begun, or that had failed. */
  readonly rollout: string | null;
  /** Values before this one and their rollouts, oldest first. */
  readonly earlier: readonly EarlierValue[];
}

export interface EarlierValue {
  /** Its `wantedKey`. */
  readonly revision: string;
  readonly rollout: string;
}

/** Of the values before; one that is older is as new as any other. */
export const MAX_EARLIER_VALUES = 20;

/** By which values are told apart: whoever names the same revisions in another order wants the same. */
export function wantedKey(wanted: WantedRevision): string {
  return typeof wanted === 'string' ? wanted : inKeyOrder(wanted);
}

/** For people: `v42`, or `v42 of checkout, v7 of cart`. */
export function wantedText(wanted: WantedRevision): string {
  if (typeof wanted === 'string') return wanted;
  return nameSome(Object.entries(wanted).map(([backend, revision]) => `${revision} of ${backend}`));
}

/** What a backend of the plan is to get; `undefined`: nothing is said of it. */
export function wantedOf(wanted: WantedRevision, backend: string): string | undefined {
  if (typeof wanted === 'string') return wanted;
  return Object.hasOwn(wanted, backend) ? wanted[backend] : undefined;
}
