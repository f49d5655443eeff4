import { retryAfterMs } from '../../core/model/retry-after.ts';
import type { HookAnswer } from '../../core/rollout/hook-answer.ts';

/** By these a hook says that it is not yet: they are answers, and not its failure. */
const NOT_YET = [202, 403, 409, 423, 425, 429];
const LONGEST_PAUSE_MS = 3_600_000;
const DECISIONS = ['open', 'wait', 'reject'] as const;

export interface HookReply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
  /** Is that all of it? */
  readonly whole: boolean;
  /** Is it packed in a way that nobody asked for? */
  readonly encoded: boolean;
  /** Makes what the hook says fit to be shown. */
  readonly show: (words: string) => string;
}

/**
 * What an answer means. A 2xx opens the gate, unless its body says otherwise; half an answer, or one that cannot be read,
 * may have said otherwise, so it opens nothing. No error and no redirect opens it, whatever its body says: they may come
 * from somebody in between.
 */
export function readAnswer(reply: HookReply, nowMs: number): HookAnswer {
  const { status, body, whole, encoded, retryAfter, show } = reply;
  const read = status < 300 || (status >= 400 && status < 500) ? saidIn(body) : null;
  const said = read === 'garbled' ? null : read;
  const words = show(said?.message ?? (status >= 300 || (status === 202 && said === null) ? body : ''));
  const detail = `HTTP ${status}${words === '' ? '' : `: ${words}`}`;
  const pauseMs = status === 429 || status === 503 ? retryAfterMs(retryAfter, nowMs, LONGEST_PAUSE_MS) : null;
  const later = pauseMs === null ? {} : { afterMs: pauseMs };
  if (said !== null && whole && said.decision === 'reject') return { kind: 'reject', detail };
  if (NOT_YET.includes(status) && (status >= 300 || said?.decision !== 'open'))
    return { kind: 'wait', detail, ...later };
  if (status >= 300 && status < 400) return { kind: 'failed', detail: `HTTP ${status}; redirects are not followed` };
  if (status < 200 || status >= 300) return { kind: 'failed', detail, ...later };
  if (!whole) return { kind: 'failed', detail: `HTTP ${status}, and its answer broke off or is too long` };
  if (read === 'garbled' || (encoded && body !== '')) {
    return { kind: 'failed', detail: `HTTP ${status}, and its answer cannot be read` };
  }
  if (said?.decision === undefined) return { kind: 'open', detail };
  const decision = DECISIONS.find((one) => one === said.decision);
  if (decision !== undefined) return { kind: decision, detail };
  return { kind: 'failed', detail: `HTTP ${status} with a decision that is none of ${DECISIONS.join(', ')}` };
}

interface Said {
  readonly decision?: unknown;
  readonly message?: string;
}

/** A JSON object, as far as it concerns us; `null`: it is none; `garbled`: it was to be one, or is a page for a browser. */
function saidIn(body: string): Said | 'garbled' | null {
  // A byte order mark is no part of JSON, and some servers begin with one; `trim` takes it for a space.
  const text = body.trim();
  // As a rule somebody in between wants a login, and the hook was never asked.
  if (/^<(!doctype|html)\b/i.test(text)) return 'garbled';
  if (!text.startsWith('{')) return null;
  try {
    const { decision, message } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(decision === undefined ? {} : { decision }),
      ...(typeof message === 'string' ? { message } : {}),
    };
  } catch {
    return 'garbled';
  }
}
