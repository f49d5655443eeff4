import { z } from 'zod';
import { Moment } from './moment.ts';

/** One line of the audit log. A command leaves two under one id: that it was asked for, and what came of it. */
export interface AuditEntry {
  readonly id: string;
  readonly stage: 'asked' | 'answered';
  readonly atMs: number;
  /** Name of the token; `local` where none is needed. */
  readonly by: string;
  readonly command: AuditCommand;
  /** `rollout/<id>`, `Plan/shop`, `documents`. */
  readonly target: string;
  /** Reason, revision, gate, or which documents; '' where there is nothing to say. */
  readonly detail: string;
  /** `done`, or the code of the error; `null` while it is asked for. */
  readonly result: string | null;
}

export type AuditCommand =
  | 'apply'
  | 'delete'
  | 'start'
  | 'undo'
  | 'pause'
  | 'resume'
  | 'promote'
  | 'abort'
  | 'approve'
  | 'skip'
  | 'jump'
  | 'reconcile'
  | 'endpoints'
  | 'emergency';

/** As it comes back from the store. Loose: a newer replica may have said more, and of commands that this one lacks. */
export const StoredAuditEntry = z.looseObject({
  id: z.string(),
  stage: z.enum(['asked', 'answered']),
  atMs: Moment,
  by: z.string(),
  command: z.string(),
  target: z.string(),
  detail: z.string(),
  result: z.string().nullable(),
});
