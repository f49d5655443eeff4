import type { Subject } from './store.ts';

/** Turns due subjects into runs. At least once, possibly twice: handlers must be harmless to repeat. */
export interface WakeUps {
  /** `crashes`: how often whoever ran the subject was gone afterwards, lately. */
  start(handle: (subject: Subject, crashes: number) => Promise<void>): Promise<void>;
  /** A hint: run this now. Losing it costs seconds, never correctness. */
  kick(subject: Subject): void;
  stop(): Promise<void>;
}
