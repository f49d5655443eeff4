import { retryAfterMs } from '../../core/model/retry-after.ts';
import type { Delivery } from '../../engine/ports/notifier.ts';

/** Of Standard Webhooks: the receiver wants nothing any more. */
const GONE = 410;
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
  if (status === GONE) return { kind: 'rejected', detail, gone: true };
  const again = status >= 500 || [408, 425, 429].includes(status);
  if (!again) return { kind: 'rejected', detail };
  const mayAsk = status === 429 || status === 503;
  return { kind: 'retry', afterMs: mayAsk ? retryAfterMs(retryAfter, nowMs, LONGEST_PAUSE_MS) : null, detail };
}
