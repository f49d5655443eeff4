import type { Subject } from './store.ts';

/** Turns due subjects into runs. At least once, possibly twice: handlers must be harmless to repeat. */
export interface WakeUps {
  /** `crashes`: how often whoever ran the subject was gone afterwards, lately. */
  start(handle: (subject: Subject, crashes: number) => Promise<void>): Promise<void>;
  /** A hint: run this now. Losing it costs seconds, never correctness. */
  kick(subject: Subject): void;
  /** What is due and cannot be run here is for others: for some seconds this replica looks a little later than they do. */
  giveWay(): void;
  stop(): Promise<void>;
}
