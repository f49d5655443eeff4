/** A metric on which the arms of a test are compared: what PromQL says of one arm, as totals that only grow. */
export type ReadoutMetric = {
  readonly name: string;
  /** Which way it is good. */
  readonly wanted: 'higher' | 'lower';
  /** Users of the arm. */
  readonly users: string;
} & (
  | { readonly kind: 'share'; readonly successes: string }
  | { readonly kind: 'mean'; readonly sum: string; readonly sumOfSquares: string }
);

/** Users, what they add up to and the sum of its squares; of a share all that count are ones. */
export interface ArmTotals {
  readonly users: number;
  readonly sum: number;
  readonly squares: number;
}

/** What was read of one metric so far. */
export interface ReadoutRecord {
  readonly name: string;
  /** Of a test with variants: whose it is. @default the canary's */
  readonly arm?: string;
  readonly atMs: number;
  /** What grew while the canary was to get so many users, in basis points. */
  readonly blocks: readonly { readonly weight: number; readonly stable: ArmTotals; readonly canary: ArmTotals }[];
  /** The totals that the next ones are compared with. */
  readonly last: { readonly weight: number; readonly stable: ArmTotals; readonly canary: ArmTotals };
}
