import type { Delivery } from '../../engine/ports/notifier.ts';

const LONGEST_PAUSE_MS = 3_600_000;

export interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** What the receiver said, fit to be shown; '' when nothing. */
  readonly words: string;
}

/**
 * What an answer means. Redirects are failures and are not followed: the address was checked, its target was not.
 * They are tried again like an outage, since a proxy in front of the receiver may cause them for a while.
 */
export function readDelivery({ status, retryAfter, words }: Reply, nowMs: number): Delivery {
  const detail = `the receiver answered HTTP ${status}${words === '' ? '' : `: ${words}`}`;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status >= 300 && status < 400) {
    return { kind: 'retry', afterMs: null, detail: `${detail}; redirects are not followed` };
  }
  const again = status >= 500 || [408, 425, 429].includes(status);
  if (!again) return { kind: 'rejected', detail };
  const mayAsk = status === 429 || status === 503;
  return { kind: 'retry', afterMs: mayAsk ? pauseMs(retryAfter, nowMs) : null, detail };
}

/** `Retry-After` as seconds or a date (RFC 9110, 10.2.3), between 1 s and 1 h; `null` when it says nothing usable. */
function pauseMs(retryAfter: string | undefined, nowMs: number): number | null {
  if (retryAfter === undefined) return null;
  // `Date.parse` alone takes `-5` for a date.
  const dateMs = /^[A-Z][a-z]{2},/.test(retryAfter) ? Date.parse(retryAfter) - nowMs : Number.NaN;
  const ms = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : dateMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 1_000), LONGEST_PAUSE_MS) : null;
}
