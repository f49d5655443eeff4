import { Agent } from 'undici';
import type { Notice } from '../../core/rollout/event.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { Delivery, Notifier } from '../../engine/ports/notifier.ts';
import { basicAuth, type Post, post, shown, webUrl } from './post.ts';
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
    const delivery = await tryOnce({ agent, clock, timeoutMs, url, headers, body, hidden: [target.url, ...secrets] });
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

interface Try extends Post {
  readonly hidden: readonly string[];
}

/** Once the status is here the message was taken or not, whatever becomes of the rest of the answer. */
async function tryOnce({ hidden, ...wanted }: Try): Promise<Delivery> {
  const { url, clock, timeoutMs } = wanted;
  const posted = await post(wanted);
  switch (posted.kind) {
    case 'timeout':
      return { kind: 'retry', afterMs: null, detail: `the receiver gave no answer within ${timeoutMs} ms` };
    case 'unreachable':
      return { kind: 'retry', afterMs: null, detail: `the receiver cannot be reached (${posted.code})` };
    case 'answered': {
      const { status, retryAfter, start } = posted;
      return readDelivery({ status, retryAfter, words: status < 300 ? '' : shown(start, url, hidden) }, clock.now());
    }
  }
}
