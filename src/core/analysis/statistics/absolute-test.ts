import type { Stratum } from './stratum.ts';
import type { TiltTestSpec } from './tilt-test.ts';

/** One arm against a fixed rate: a limit takes the place of the share, so the same test serves. */
export function againstLimit(bad: number, requests: number, limit: number): Stratum {
  return { x: bad, n: requests, w: limit };
}

/** `side` 1 looks for a rate above the limit, -1 for one below it. */
export function absoluteTest(side: 1 | -1, starts: TiltTestSpec['starts']): TiltTestSpec {
  return { ratio: 1, side, starts, clip: Number.POSITIVE_INFINITY };
}
