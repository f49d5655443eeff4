import type { FleetState } from '../model/fleet-state.ts';
import { FleetLedger } from './fleet-ledger.ts';
import type { LedgerStream, StreamIdentity, StreamProgress } from './ledger-stream.ts';

/** The streams of this very process; which name others know it by may change, its streams stay. */
export const SELF = 'self';

/** `told`: something that a rollout may wait for; `noted`: something to show; `membership`: a stream came or went. */
export type LedgerChange = 'told' | 'noted' | { readonly kind: 'membership'; readonly slot: number };

/** One stream of this process in the ledger of its fleet. */
export interface LedgerEntry {
  /** The stream is further, or back, or was refused something. */
  changed(change: 'told' | 'noted'): void;
  close(): void;
}

/** The ledgers of all fleets: written by whoever holds streams, read by whoever asks what is live where. */
export class FleetLedgers {
  readonly #now: () => number;
  readonly #observedSinceMs: number;
  readonly #fleets = new Map<string, FleetLedger>();
  readonly #slots = new Map<string, { readonly free: number[]; next: number }>();
  readonly #listeners = new Set<(fleet: string) => void>();
  readonly #watchers = new Set<(fleet: string, change: LedgerChange) => void>();
  /** Is what all replicas know in here? With nobody else there is nothing to miss. */
  complete: () => boolean = () => true;
  #selfName = SELF;

  constructor(now: () => number) {
    this.#now = now;
    this.#observedSinceMs = now();
  }

  /** What other replicas know this one by. */
  get selfName(): string {
    return this.#selfName;
  }

  set selfName(name: string) {
    this.#selfName = name;
    for (const ledger of this.#fleets.values()) ledger.renamed(SELF);
  }

  state(fleet: string): FleetState {
    return this.of(fleet).state(this.complete(), this.#now());
  }

  onProgress(listener: (fleet: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every change of this process's own streams, for who passes them on. */
  watch(watcher: (fleet: string, change: LedgerChange) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  of(fleet: string): FleetLedger {
    const known =
      this.#fleets.get(fleet) ??
      new FleetLedger(fleet, this.#observedSinceMs, (replica) => (replica === SELF ? this.#selfName : replica));
    this.#fleets.set(fleet, known);
    return known;
  }

  names(): Iterable<string> {
    return this.#fleets.keys();
  }

  /**
   * Enters a stream of this process.
   *
   * @param progress how far it is; asked when somebody wants to know, not at every change
   */
  open(fleet: string, identity: Omit<StreamIdentity, 'openedAtMs'>, progress: () => StreamProgress): LedgerEntry {
    const slots = this.#slots.get(fleet) ?? { free: [], next: 0 };
    this.#slots.set(fleet, slots);
    const slot = slots.free.pop() ?? slots.next++;
    const nowMs = this.#now();
    const stream: LedgerStream = {
      identity: { ...identity, openedAtMs: nowMs },
      get progress() {
        return progress();
      },
    };
    const ledger = this.of(fleet);
    const node = ledger.open(SELF, slot, stream, nowMs);
    this.#tell(fleet, { kind: 'membership', slot });
    return {
      changed: (change) => {
        ledger.touch(node);
        this.#tell(fleet, change);
      },
      close: () => {
        ledger.close(SELF, slot, this.#now());
        slots.free.push(slot);
        this.#tell(fleet, { kind: 'membership', slot });
      },
    };
  }

  /** Something in this fleet has changed for another reason than streams of this process. */
  touched(fleet: string): void {
    for (const listener of this.#listeners) listener(fleet);
  }

  #tell(fleet: string, change: LedgerChange): void {
    for (const watcher of this.#watchers) watcher(fleet, change);
    if (change !== 'noted') this.touched(fleet);
  }
}
