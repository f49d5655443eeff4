import { PrometheusDriver } from 'prometheus-query';
import { z } from 'zod';
import type { Clock } from '../../engine/ports/clock.ts';
import { type Gap, gap } from './gap.ts';
import { redact } from './redact.ts';

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
  readonly retryAfter: unknown;
  readonly body: unknown;
}

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_SKEW_MS = 30_000;

/**
 * One instant query. The client library is used for what it does well and kept from the rest: it turns `+Inf` into
 * NaN, drops warnings, throws plain objects, follows redirects, obeys HTTP_PROXY and reads without limit. So its
 * interceptors hand over the raw answer, and what it makes of that answer itself is thrown away. `atMs: null`: at the
 * present moment of the server, which the library cannot ask for.
 */
export async function ask(connection: Connection, query: string, atMs: number | null): Promise<Answer | Gap> {
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
        data: atMs === null ? withoutTime(config.data) : (config.data as unknown),
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
        const { date, 'retry-after': retryAfter } = response.headers;
        seen.raw = { status: response.status, date, retryAfter, body: response.data };
        return response;
      },
      onRejected: (error: unknown) => {
        seen.failure = error;
        throw error;
      },
    },
  });
  try {
    await driver.instantQuery(query, atMs ?? undefined, `${timeoutMs}ms`);
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

function withoutTime(form: unknown): unknown {
  if (!(form instanceof URLSearchParams)) throw new Error('the client library sends its questions in another form now');
  form.delete('time');
  return form;
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
    const detail = `the answer is larger than ${MAX_BYTES / 1024 / 1024} MiB; narrow the query or the fleet's selector`;
    return { ...gap('BAD_ANSWER', detail), tooLarge: true };
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

function readAnswer({ status, date, retryAfter, body: text }: RawAnswer, { clock, secrets }: Connection): Answer | Gap {
  const body = parseBody(text);
  if (status < 200 || status > 299) {
    const refusal = refused(status, body, secrets);
    // What one query took too long for says nothing of the next.
    const strained = status === 429 || (status >= 500 && refusal.gap !== 'SOURCE_TIMEOUT');
    return strained
      ? { ...refusal, strain: { retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined } }
      : refusal;
  }
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
