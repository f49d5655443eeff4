import type { HostPort } from './documents.ts';
import type { Revision } from './revision.ts';

/** What is stable and what is rolling, per backend. State, never written by hand. */
export interface BackendState {
  readonly backend: string;
  readonly stable: Revision | null;
  /** The one active rollout that owns this backend (invariant I8). */
  readonly rolloutId: string | null;
  /**
   * The rollout that begins when the present one has ended; it owns nothing yet. Records of earlier versions lack it:
   * there is none.
   */
  readonly next?: string | null | undefined;
  /** Revisions out of use whose clusters stay served: a node that was away may still route to them. */
  readonly retired: readonly RetiredRevision[];
  /** What was stable before, for an undo. Records of earlier versions lack it: nothing is known. */
  readonly previous?: PreviousRevision | null | undefined;
  /** The promotion that an undo took back last. @default none was */
  readonly undone?: string | undefined;
  /** What the API was told of its hosts. @default nothing */
  readonly endpoints?: ApiEndpoints | undefined;
  /** The newest build that was started, and what it was. @default no start said one */
  readonly build?: { readonly number: number; readonly revision: string } | null | undefined;
}

/** Of a backend that had no rollout yet. */
export function freshBackend(backend: string): BackendState {
  return { backend, stable: null, rolloutId: null, retired: [] };
}

/** The rollout that has it, or else the one that waits for it; `null`: it is free. */
export function takenBy({ rolloutId, next }: Pick<BackendState, 'rolloutId' | 'next'>): string | null {
  return rolloutId ?? next ?? null;
}

/** The revision that the present stable one took the place of. */
export interface PreviousRevision {
  readonly revision: Revision;
  /** By which rollout. */
  readonly rolloutId: string;
  /** So long the plan keeps it ready to take all requests again. */
  readonly warmUntilMs: number;
  /** All backends that were promoted together. @default it alone was */
  readonly joint?: readonly string[];
}

export interface RetiredRevision {
  readonly revision: Revision;
  /** Also keep its cluster for pinned requests. */
  readonly pinned: boolean;
  readonly untilMs: number;
}

/**
 * Endpoints that are told by the API (`endpoints: { api: {} }`), by the name of the revision. They are no part of the
 * revision: it keeps its key and its cluster, whose counters would begin anew, while its hosts come and go.
 */
export interface ApiEndpoints {
  /** Grows with every change, so that who has seen one can ask that nobody was faster. */
  readonly rev: number;
  /** The last change, whatever it was: Envoys hear of it by then. Records of earlier versions lack it. */
  readonly atMs?: number;
  /** The one that was set last comes last. */
  readonly revisions: readonly RevisionEndpoints[];
}

export interface RevisionEndpoints {
  readonly revision: string;
  readonly addresses: readonly HostPort[];
  readonly by: string;
  readonly atMs: number;
}
