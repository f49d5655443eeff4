import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Delivery } from './notifier.ts';

/** Where the engine counts what it does; names and units of the series are the adapter's. */
export interface Meter {
  event(event: RolloutEvent): void;
  commitConflict(): void;
  delivery(kind: Delivery['kind']): void;
  storeUp(up: boolean): void;
  /** The rollback clock: one entry per Envoy that has gone back, ms. */
  confirmedBack(afterMs: readonly number[]): void;
  /** Scrapes of single Envoys that came too late for a judge. */
  lateScrapes(count: number): void;
}
