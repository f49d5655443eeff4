import { CANARY } from '../model/variants.ts';
import { armsOf, shareOf } from '../rollout/arms.ts';
import type { RolloutEvent } from '../rollout/event.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';

/** One line of what happened in a run. Times count from the start. */
export interface TimelineEntry {
  readonly atMs: number;
  readonly kind: RolloutEvent['type'] | 'waits' | 'refused';
  readonly by: string;
  readonly phase: Rollout['phase'];
  /** From 0; -1: before the first. */
  readonly step: number;
  /** Of the requests, in basis points. */
  readonly weight: number;
  /** The same of each arm of a test with variants. @default there is the canary alone */
  readonly weights?: Readonly<Record<string, number>>;
  readonly message: string;
}

/** Keeps what a decision has told, and what it waits for where that is something new. */
export class Timeline {
  readonly entries: TimelineEntry[] = [];
  readonly #startsAtMs: number;
  #waited = '';

  constructor(startsAtMs: number) {
    this.#startsAtMs = startsAtMs;
  }

  note(rollout: Rollout, events: readonly RolloutEvent[], nowMs: number): void {
    // Records bear a time of their own, a moment ahead where two decisions fall into one.
    for (const { type, by, phase, step, message } of events) {
      this.#add({ ...rollout, phase, step }, { atMs: nowMs, kind: type, by, message });
    }
    const { waitingFor } = rollout;
    // Numbers in it change with every look.
    const kind = waitingFor.replaceAll(/\d+(\.\d+)?/g, '#');
    if (kind === this.#waited || waitingFor.startsWith('nothing')) return;
    this.#waited = kind;
    // That its window is shut is an event, which says what it waits for.
    if (events.some(({ message }) => message.endsWith(`it waits for ${waitingFor}`))) return;
    this.#add(rollout, { atMs: nowMs, kind: 'waits', by: 'serin', message: waitingFor });
  }

  refused(rollout: Rollout, by: string, message: string, nowMs: number): void {
    this.#add(rollout, { atMs: nowMs, kind: 'refused', by, message });
  }

  #add(rollout: Rollout, { atMs, ...rest }: Pick<TimelineEntry, 'atMs' | 'kind' | 'by' | 'message'>): void {
    const { phase, step } = rollout;
    const at = { atMs: atMs - this.#startsAtMs, phase, step };
    if (rollout.variants === undefined) this.entries.push({ ...at, ...rest, weight: canaryWeight(rollout) });
    else {
      const weights = Object.fromEntries(armsOf(rollout).map(({ name }) => [name, shareOf(rollout, name)]));
      this.entries.push({ ...at, ...rest, weight: weights[CANARY] ?? 0, weights });
    }
  }
}
