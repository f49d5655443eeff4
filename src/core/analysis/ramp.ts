/** A step that gave the canary a part of the traffic; times by the clock of the samples. */
export interface RampStep {
  /** Share of the canary, 0–1. */
  readonly share: number;
  readonly committedAtMs: number;
  /** `null`: not yet on every counted Envoy. */
  readonly liveAtMs: number | null;
}
