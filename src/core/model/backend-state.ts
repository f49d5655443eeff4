import type { Revision } from './revision.ts';

/** What is stable and what is rolling, per backend. State, never written by hand. */
export interface BackendState {
  readonly backend: string;
  readonly stable: Revision | null;
  /** The one active rollout that owns this backend (invariant I8). */
  readonly rolloutId: string | null;
  /** Revisions out of use whose clusters stay served: a node that was away may still route to them. */
  readonly retired: readonly RetiredRevision[];
}

export interface RetiredRevision {
  readonly revision: Revision;
  /** Also keep its cluster for pinned requests. */
  readonly pinned: boolean;
  readonly untilMs: number;
}
