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
  | 'pause'
  | 'resume'
  | 'promote'
  | 'abort'
  | 'approve'
  | 'reconcile';
