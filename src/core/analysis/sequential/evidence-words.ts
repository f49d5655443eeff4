/** Beyond, it is certain, and how much more so tells nobody anything. */
const MOST_SHOWN = 10_000;

export function evidenceWords(lnE: number): string {
  return lnE > Math.log(MOST_SHOWN) ? `over ${MOST_SHOWN}` : String(Number(Math.exp(lnE).toPrecision(3)));
}

/** Where evidence of harm sends back. */
export function evidenceLimit(alpha: number): number {
  return Math.round(1 / alpha);
}

/** For numbers that machines read: certain is certain. */
export function evidenceNumber(lnE: number): number {
  return Math.exp(Math.min(lnE, 30));
}
