/** A decision of a person to send a backend back to stable, taken while the store could not take it. */
export interface EmergencyDecision {
  readonly id: string;
  readonly backend: string;
  /** Of the revision that was stable then. */
  readonly cluster: string;
  readonly by: string;
  readonly reason: string;
  /** Epoch ms; of the store's clock as this replica knew it. */
  readonly atMs: number;
}

export type JournalLine =
  | { readonly kind: 'decided'; readonly decision: EmergencyDecision }
  /** The store has it, or nothing was left to do. */
  | { readonly kind: 'done'; readonly id: string; readonly atMs: number; readonly outcome: string };

export type Written = { readonly kind: 'durable' } | { readonly kind: 'lost'; readonly detail: string };

/** What outlives this process while the store does not answer. Outages of the disk are values. */
export interface EmergencyJournal {
  /** Decisions that are not done, oldest first, and what could not be read, each one sentence. */
  load(): Promise<{ readonly open: readonly EmergencyDecision[]; readonly damage: readonly string[] }>;
  /** Resolves once it is on the disk, or is known not to be. */
  append(line: JournalLine): Promise<Written>;
}
