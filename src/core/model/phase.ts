/** A rollout's phase. `paused` is a flag beside it, not a phase. */
export const PHASES = [
  'pending',
  'preparing',
  'stepping',
  'promoting',
  'promoted',
  'rolling_back',
  'rolled_back',
  'aborting',
  'aborted',
  'failed',
  'superseded',
] as const;
export type Phase = (typeof PHASES)[number];

const TERMINAL: ReadonlySet<Phase> = new Set(['promoted', 'rolled_back', 'aborted', 'failed', 'superseded']);

/** A terminal phase is never left (invariant I2). */
export function isTerminal(phase: Phase): boolean {
  return TERMINAL.has(phase);
}
