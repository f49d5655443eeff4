/** Evidence before and after the clip; both are natural logarithms. */
export interface ClippedSum {
  readonly raw: number;
  readonly logE: number;
}

export const NO_EVIDENCE: ClippedSum = { raw: 0, logE: 0 };

/**
 * A gain counts up to `clip` per tick, so that one scrape can never decide. A loss first eats what the clip held
 * back: a canary that fails in bursts is still seen. `logE` never exceeds `raw`, so the bound of `raw` holds for it.
 */
export function addClipped(before: ClippedSum, raw: number, clip: number): ClippedSum {
  if (Number.isNaN(raw) || !(clip > 0)) throw new RangeError(`no evidence: raw ${raw}, clip ${clip}`);
  const gain = raw - before.raw;
  return { raw, logE: gain > 0 ? before.logE + Math.min(gain, clip) : Math.min(before.logE, raw) };
}
