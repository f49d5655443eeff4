import { PrometheusDriver } from 'prometheus-query';
import { z } from 'zod';
import type { EvidenceGap } from '../../core/analysis/judge.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import { redact } from './redact.ts';

export interface Gap {
  readonly kind: 'gap';
  readonly gap: EvidenceGap;
  readonly detail: string;
}

/** The `data` of a complete answer without warnings; `result` is not looked at yet. */
export interface Answer {
  readonly kind: 'ok';
  readonly resultType: string;
  readonly result: unknown;
}

export interface Connection {
  /** Without userinfo. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Never shown, wherever they turn up. */
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface RawAnswer {
  readonly status: number;
  readonly date: unknown;
  readonly body: unknown;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_SKEW_MS = 30_000;

/**
 * One instant query. The client library is used for what it does well and kept from the rest: it turns `+Inf` into
 * NaN, drops warnings, throws plain objects, follows redirects, obeys HTTP_PROXY and reads without limit. So its
 * interceptors hand over the raw answer, and what it makes of that answer itself is thrown away.
 */
export async function ask(connection: Connection, query: string, atMs: number): Promise<Answer | Gap> {
  const { clock, timeoutMs } = connection;
  const deadline = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => deadline.abort());
  const seen: { raw: RawAnswer | null; failure: unknown } = { raw: null, failure: null };
  const driver = new PrometheusDriver({
    endpoint: connection.endpoint,
    headers: connection.headers,
    timeout: timeoutMs,
    preferPost: true,
    requestInterceptor: {
      onFulfilled: (config) => ({
        ...config,
        // The library's own timeout is per silence; one byte a second would keep it waiting for ever.
        signal: deadline.signal,
        maxRedirects: 0,
        maxContentLength: MAX_BYTES,
        proxy: false,
        responseType: 'text',
        transformResponse: [(body: unknown) => body],
        validateStatus: () => true,
      }),
    },
    responseInterceptor: {
      onFulfilled: (response) => {
        seen.raw = { status: response.status, date: response.headers.date, body: response.data };
        return response;
      },
      onRejected: (error: unknown) => {
        seen.failure = error;
        throw error;
      },
    },
  });
  try {
    await driver.instantQuery(query, atMs, `${timeoutMs}ms`);
  } catch (error) {
    // Expected: without a parsed body the library finds nothing it knows.
    seen.failure ??= error;
  } finally {
    timer.cancel();
  }
  return seen.raw === null
    ? unanswered(seen.failure, deadline.signal.aborted, timeoutMs)
    : readAnswer(seen.raw, connection);
}

function unanswered(failure: unknown, timedOut: boolean, timeoutMs: number): Gap {
  const { code, message } = z
    .object({ code: z.string().optional(), message: z.string().optional() })
    .catch({})
    .parse(failure);
  if (timedOut || code === 'ECONNABORTED' || code === 'ETIMEDOUT') {
    return gap('SOURCE_TIMEOUT', `Prometheus gave no complete answer within ${timeoutMs} ms`);
  }
  if (message?.includes('maxContentLength') === true) {
    return gap(
      'BAD_ANSWER',
      `the answer is larger than ${MAX_BYTES / 1024 / 1024} MiB; narrow the query or the fleet's selector`,
    );
  }
  // Only the code: the message may name hosts and URLs.
  return gap('SOURCE_DOWN', `Prometheus cannot be reached (${code ?? 'connection failed'})`);
}

const Body = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('success'),
    data: z.object({ resultType: z.string(), result: z.unknown() }),
    warnings: z.array(z.string()).nullish(),
  }),
  z.object({ status: z.literal('error'), errorType: z.string().catch(''), error: z.string().catch('') }),
]);
type Body = z.infer<typeof Body>;

function readAnswer({ status, date, body: text }: RawAnswer, { clock, secrets }: Connection): Answer | Gap {
  const body = parseBody(text);
  if (status < 200 || status > 299) return refused(status, body, secrets);
  if (body === null) return gap('BAD_ANSWER', 'the answer is not one of the Prometheus query API');
  if (body.status === 'error') return refused(status, body, secrets);
  const skewMs = typeof date === 'string' ? Date.parse(date) - clock.now() : Number.NaN;
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    const detail = `the clock of Prometheus is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead' : 'behind'}`;
    return gap('CLOCK_SKEW', detail);
  }
  const [warning] = body.warnings ?? [];
  // Partial data comes with a warning and looks whole otherwise.
  if (warning !== undefined) return gap('WARNINGS', `Prometheus warns: ${redact(warning, secrets)}`);
  return { kind: 'ok', ...body.data };
}

function parseBody(text: unknown): Body | null {
  if (typeof text !== 'string') return null;
  try {
    const parsed = Body.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function refused(status: number, body: Body | null, secrets: readonly string[]): Gap {
  const http = `HTTP ${status}`;
  const [type, words] = body?.status === 'error' ? [body.errorType, redact(body.error, secrets)] : ['', ''];
  const said = words === '' ? '' : `: ${words}`;
  if (type === 'timeout' || status === 504) return gap('SOURCE_TIMEOUT', `Prometheus ran out of time (${http})${said}`);
  if (status >= 500) return gap('SOURCE_DOWN', `Prometheus is not able to answer (${http})${said}`);
  if (status >= 300 && status < 400)
    return gap('BAD_ANSWER', `the URL redirects (${http}); redirects are not followed`);
  if (status === 429) return gap('SOURCE_REFUSED', `Prometheus limits our queries (${http})${said}`);
  if (status === 401 || status === 403) return gap('SOURCE_REFUSED', `Prometheus refuses our credentials (${http})`);
  if (status === 404 || status === 405) return gap('SOURCE_REFUSED', `there is no query API at the URL (${http})`);
  return gap(
    'SOURCE_REFUSED',
    `Prometheus refuses the query (${http}${type === '' ? '' : `, ${redact(type, secrets)}`})${said}`,
  );
}

export function gap(kind: EvidenceGap, detail: string): Gap {
  return { kind: 'gap', gap: kind, detail };
}
