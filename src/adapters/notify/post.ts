import type { Agent, Dispatcher } from 'undici';
import type { Clock } from '../../engine/ports/clock.ts';

/** One POST to somebody else's server, bounded in time and size; no redirect is followed. */
export interface Post {
  readonly agent: Agent;
  readonly clock: Clock;
  /** From start to the last byte read. */
  readonly timeoutMs: number;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export type Posted =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfter: string | undefined;
      /** The first bytes of the answer; `whole`: they are all of it. */
      readonly start: string;
      readonly whole: boolean;
      /** Packed, though nobody asked for that. */
      readonly encoded: boolean;
    }
  | { readonly kind: 'timeout' }
  /** A code of the network, fit to be shown. */
  | { readonly kind: 'unreachable'; readonly code: string };

const MAX_READ_BYTES = 64 * 1024;
const MAX_WORDS = 200;

export async function post({ agent, clock, timeoutMs, url, headers, body }: Post): Promise<Posted> {
  const deadline = new AbortController();
  const timer = clock.setTimer(timeoutMs, () => deadline.abort());
  try {
    const response = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers,
      body,
      signal: deadline.signal,
    });
    const { statusCode: status } = response;
    const retryAfter = [response.headers['retry-after']].flat()[0];
    const encoding = [response.headers['content-encoding']].flat()[0] ?? 'identity';
    const encoded = encoding.toLowerCase() !== 'identity';
    return { kind: 'answered', status, retryAfter, encoded, ...(await readStart(response.body)) };
  } catch (error) {
    return deadline.signal.aborted ? { kind: 'timeout' } : { kind: 'unreachable', code: codeOf(error) };
  } finally {
    timer.cancel();
  }
}

/** The first bytes of an answer, as they came: nothing is decompressed. */
async function readStart(body: Dispatcher.ResponseData['body']): Promise<{ start: string; whole: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let whole = true;
  try {
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      if (bytes < MAX_READ_BYTES) continue;
      whole = false;
      break;
    }
  } catch {
    // Cut off or too slow.
    whole = false;
  }
  return { start: Buffer.concat(chunks).subarray(0, MAX_READ_BYTES).toString(), whole };
}

/** The other side's own words, when they are short text: one line, without our secrets nor what the URL holds of them. */
export function shown(text: string, url: URL, hidden: readonly string[]): string {
  if (text.includes('\ufffd') || text.includes('\0') || text.trimStart().startsWith('<')) return '';
  let clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  for (const secret of [...hidden, url.href, `${url.pathname}${url.search}`, url.pathname, url.host, ...partsOf(url)]) {
    if (secret.length > 1) clean = clean.replaceAll(secret, '[redacted]');
  }
  return clean.length <= MAX_WORDS ? clean : `${clean.slice(0, MAX_WORDS - 1)}…`;
}

/** What receivers quote by itself: what they were let in by, and the values of the query; short ones are any word. */
function partsOf(url: URL): readonly string[] {
  const { authorization = '' } = basicAuth(url);
  const parts = [authorization.replace(/^Basic /, ''), url.password, plain(url.password), ...url.searchParams.values()];
  return parts.filter((part) => part.length > 7);
}

/** Only codes: messages of the network name hosts and addresses. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'connection failed';
}

export function webUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url : null;
}

export function basicAuth({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const text = `${plain(username)}:${plain(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

/** A `%` that begins no escape is one. */
function plain(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}
