import type { Schema, Shapes } from '../../core/model/schema.ts';
import type { StoreRead, Unavailable } from './store.ts';

/** One owner of a table, or the trial of a fleet. */
export interface ArchiveCell {
  readonly n: number;
  readonly value: unknown;
  /** As of a record. */
  readonly schema?: string;
}

/** One thing in the store; one line of an export. Bodies are as they were stored, not checked. */
export type ArchiveLine =
  | {
      readonly kind: 'record';
      readonly key: string;
      readonly rev: number;
      /** Its place among the others: greater is newer. */
      readonly order: number;
      readonly body: unknown;
      /** Of which version it is; absent: of one from before there were stamps. */
      readonly schema?: string;
    }
  | {
      readonly kind: 'fleet';
      readonly fleet: string;
      readonly n: number;
      readonly owners: readonly (ArchiveCell & { readonly owner: string })[];
      readonly trial: (ArchiveCell & { readonly by: string }) | null;
    }
  | { readonly kind: 'due'; readonly subject: string; readonly atMs: number }
  | { readonly kind: 'notice'; readonly queue: string; readonly notice: unknown }
  | { readonly kind: 'dead'; readonly queue: string; readonly detail: string; readonly notice: unknown }
  | { readonly kind: 'event'; readonly rolloutId: string; readonly id: string; readonly event: unknown }
  | {
      readonly kind: 'decision';
      readonly rolloutId: string;
      readonly run: string;
      readonly looks: number;
      readonly rev: number;
      readonly decision: unknown;
    }
  /** Who did what; `id`: its moment, ascending. */
  | { readonly kind: 'audit'; readonly id: string; readonly entry: unknown };

/** So many lines of the audit log are in a dump, the newest: as many as are kept when nobody says otherwise. */
export const MAX_AUDIT_LINES = 100_000;

/** Something that is not as Serin writes it. */
export interface Damage {
  /** The key, or what the key is about. */
  readonly where: string;
  readonly detail: string;
}

/** All that is durable in the store, as of one moment. */
export interface StoreDump {
  readonly schema: Schema;
  /** `null`: the store is empty, nobody has used it yet. */
  readonly epoch: string | null;
  readonly takenAtMs: number;
  readonly lines: readonly ArchiveLine[];
  /** What could not be read, and indexes that do not fit. */
  readonly damage: readonly Damage[];
}

export type LoadOutcome =
  | { readonly kind: 'loaded'; readonly epoch: string }
  /** There is something in it, and nobody said that it may go. */
  | { readonly kind: 'not empty' }
  | Unavailable;

/** The store as a whole, for backup and repair. */
export interface StoreArchive {
  /** What the present version knows about shapes. */
  readonly shapes: Shapes;
  /** Version 0 where none is said. */
  schema(): Promise<StoreRead<Schema>>;
  /** Never back to an older one. */
  raiseSchema(schema: Schema): Promise<StoreRead<'done'>>;
  dump(): Promise<StoreRead<StoreDump>>;
  /**
   * Fills the store, under a new epoch. Cut off half-way it leaves a frozen store, which `replace` can fill again. Lines
   * of the audit log that the store has stay, and those that it lacks come in between.
   */
  load(lines: readonly ArchiveLine[], options: { readonly replace: boolean }): Promise<LoadOutcome>;
}
