/** The only source of time. Everything with a delay takes one, so that tests can own the time. */
export interface Clock {
  /** Epoch milliseconds, following the store's clock where there is one. */
  now(): number;
  /** Milliseconds that never run backwards; for durations. */
  monotonicMs(): number;
  setTimer(afterMs: number, fire: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}
