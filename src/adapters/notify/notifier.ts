import { Agent, type Dispatcher } from 'undici';
import type { Notice } from '../../core/rollout/event.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Delivery, Notifier } from '../../engine/ports/notifier.ts';
import { readDelivery } from './read-delivery.ts';
import { slackLegacyMessage, slackMessage } from './slack-message.ts';
import { webhookHeaders } from './webhook-headers.ts';

export interface NotifierOptions {
  readonly targets: readonly NotifyTarget[];
  /** For one try, from start to the last byte read, ms. @default 10000 */
  readonly timeoutMs?: number;
  /** @default serin */
  readonly userAgent?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NotifyTarget {
  /** What plans write under `notify`. */
  readonly name: string;
  /** A secret: whoever knows it can post. Never shown. */
  readonly url: string;
  readonly format: 'slack' | 'slack-legacy' | 'generic';
  /** Signs every message (Standard Webhooks). Two while receivers change over. */
  readonly secret?: string | readonly string[] | null;
}

export interface WebhookNotifier extends Notifier {
  /** Names of those whose receiver has said that it is gone (410): nothing is sent there by this process any more. */
  off(): readonly string[];
  /** Ends connections and tries under way. */
  close(): Promise<void>;
}

const MAX_READ_BYTES = 64 * 1024;
const MAX_WORDS = 200;

/** Messages to webhooks. Every failure is a value; whether and when to try again is the caller's to say. */
export function createNotifier(options: NotifierOptions): WebhookNotifier {
  const { clock, logger, timeoutMs = 10_000, userAgent = 'serin' } = options;
  const targets = new Map(options.targets.map((target) => [target.name, target]));
  /** Until the process ends: an address is configuration, and that is read at the start. */
  const off = new Map<string, Delivery>();
  // An own agent: no proxy variables, no redirects, no sharing with other parts.
  const agent = new Agent({ connections: 8, pipelining: 1, connect: { timeout: timeoutMs } });

  const deliver = async (name: string, notice: Notice, attempt: number): Promise<Delivery> => {
    const target = targets.get(name);
    if (target === undefined) return { kind: 'rejected', detail: `no notifier is named ${name}` };
    const url = webUrl(target.url);
    if (url === null) return { kind: 'rejected', detail: `the URL of notifier ${name} is not an http or https URL` };
    const refused = off.get(name);
    if (refused !== undefined) return refused;
    const body = JSON.stringify(payload(target.format, notice));
    const secrets = [target.secret ?? []].flat();
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': userAgent,
      ...basicAuth(url),
      ...webhookHeaders({ id: notice.id, nowMs: clock.now(), body, secrets }),
    };
    const startMs = clock.monotonicMs();
    const delivery = await post({ agent, clock, timeoutMs, url, headers, body, hidden: [target.url, ...secrets] });
    const ms = Math.round(clock.monotonicMs() - startMs);
    logger.debug('webhook tried', { target: name, noticeId: notice.id, attempt, outcome: delivery.kind, ms });
    if (delivery.kind === 'rejected' && delivery.gone === true && !off.has(name)) {
      const detail = `notifier ${name} is off until this replica is started anew: ${delivery.detail}`;
      off.set(name, { kind: 'rejected', detail, gone: true });
      logger.error('a receiver is gone; nothing is sent to it until its url is changed and this replica started anew', {
        target: name,
        detail: delivery.detail,
      });
    }
    return delivery;
  };
  return { targets: () => [...targets.keys()], off: () => [...off.keys()], deliver, close: () => agent.destroy() };
}

function payload(format: NotifyTarget['format'], notice: Notice): unknown {
  switch (format) {
    case 'slack':
      return slackMessage(notice);
    case 'slack-legacy':
      return slackLegacyMessage(notice);
    case 'generic':
      return notice;
  }
}

interface Post {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly hidden: readonly string[];
}

async function post({ agent, clock, timeoutMs, url, headers, body, hidden }: Post): Promise<Delivery> {
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
    const start = await readStart(response.body);
    return readDelivery({ status, retryAfter, words: status < 300 ? '' : shown(start, url, hidden) }, clock.now());
  } catch (error) {
    const detail = deadline.signal.aborted
      ? `the receiver gave no answer within ${timeoutMs} ms`
      : `the receiver cannot be reached (${codeOf(error)})`;
    return { kind: 'retry', afterMs: null, detail };
  } finally {
    timer.cancel();
  }
}

/**
 * The first bytes of an answer, as they came: nothing is decompressed. Once the status is here the message was taken
 * or not, whatever becomes of the rest, so a body that breaks off or never ends changes nothing.
 */
async function readStart(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      if (bytes >= MAX_READ_BYTES) break;
    }
  } catch {
    // Cut off or too slow.
  }
  return Buffer.concat(chunks).subarray(0, MAX_READ_BYTES).toString();
}

/** The receiver's own words, when they are short text: one line, without our secrets. */
function shown(text: string, url: URL, hidden: readonly string[]): string {
  if (text.includes('\ufffd') || text.includes('\0') || text.trimStart().startsWith('<')) return '';
  let clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  for (const secret of [...hidden, url.href, `${url.pathname}${url.search}`, url.pathname, url.host]) {
    if (secret.length > 1) clean = clean.replaceAll(secret, '[redacted]');
  }
  return clean.length <= MAX_WORDS ? clean : `${clean.slice(0, MAX_WORDS - 1)}…`;
}

/** Only codes: messages of the network name hosts and addresses. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'connection failed';
}

function webUrl(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url : null;
}

function basicAuth({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
