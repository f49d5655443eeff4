/**
 * `Retry-After` as seconds or a date (RFC 9110, 10.2.3), between 1 s and the longest pause that is kept; `null` when it
 * says nothing usable.
 */
export function retryAfterMs(header: string | undefined, nowMs: number, longestMs: number): number | null {
  if (header === undefined) return null;
  // `Date.parse` alone takes `-5` for a date.
  const dateMs = /^[A-Z][a-z]{2},/.test(header) ? Date.parse(header) - nowMs : Number.NaN;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : dateMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 1_000), longestMs) : null;
}
