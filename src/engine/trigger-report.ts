import type { SerinError } from '../core/model/errors.ts';

/** What became of the `revision` of a plan, for whoever has applied it. */
export interface TriggerReport {
  readonly revision: string;
  /**
   * `started`: by this apply, or `would-start` in a dry run; `begun`: by an earlier one; `stable`: nothing to do;
   * `tried`: it has ended without being promoted, and is not tried again by itself; `refused`: the next apply asks again.
   */
  readonly outcome: 'started' | 'would-start' | 'begun' | 'stable' | 'tried' | 'refused';
  readonly rollout: string | null;
  readonly message: string;
  /** Why it was refused. */
  readonly error: SerinError | null;
}
