/** What the joint ranking of two samples says about the first one. */
export interface Ranking {
  /** Sum of the ranks of the first sample; ties share the mean of their ranks. */
  readonly rankSum: number;
  /** Σ(t³ − t) over groups of t equal values. */
  readonly ties: number;
}

/** Ranks of `x − shift` among both samples. Both are sorted upwards, and shifting keeps their order. */
export function rankJointly(x: Float64Array, y: Float64Array, shift: number): Ranking {
  let [i, j, below, rankSum, ties] = [0, 0, 0, 0, 0];
  while (i < x.length || j < y.length) {
    const value = Math.min(valueAt(x, i) - shift, valueAt(y, j));
    const [iFrom, jFrom] = [i, j];
    while (i < x.length && valueAt(x, i) - shift === value) i += 1;
    while (j < y.length && valueAt(y, j) === value) j += 1;
    const [own, size] = [i - iFrom, i - iFrom + j - jFrom];
    rankSum += own * (below + (size + 1) / 2);
    ties += size ** 3 - size;
    below += size;
  }
  return { rankSum, ties };
}

export function sorted(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}

/** Beyond the end nothing is smaller. */
function valueAt(values: Float64Array, index: number): number {
  return values[index] ?? Number.POSITIVE_INFINITY;
}
