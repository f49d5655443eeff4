import { Agent } from 'undici';
import type { HookAnswer } from '../../core/rollout/hook-answer.ts';
import type { HookQuestion } from '../../core/rollout/hook-question.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Hooks } from '../../engine/ports/hooks.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import { basicAuth, post, shown, webUrl } from './post.ts';
import { readAnswer } from './read-answer.ts';
import { webhookHeaders } from './webhook-headers.ts';

export interface HooksOptions {
  readonly targets: readonly HookTarget[];
  /** @default serin */
  readonly userAgent?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface HookTarget {
  /** What plans write under `webhook.target`. */
  readonly name: string;
  /** May be a secret, and is treated as one. */
  readonly url: string;
  /** Sent with every question; values are secrets. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Signs every question (Standard Webhooks). */
  readonly secret?: string | null;
}

export interface WebHooks extends Hooks {
  /** Ends connections and questions under way: those were not answered. */
  close(): Promise<void>;
}

const CONNECT_MS = 10_000;

/** Asks by POST. The same question has the same `idempotency-key` and the same body, whichever process puts it. */
export function createHooks({ targets, clock, logger, userAgent = 'serin' }: HooksOptions): WebHooks {
  const known = new Map(targets.map((target) => [target.name, target]));
  let closed = false;
  // An own agent: no proxy variables, no redirects, no sharing with other parts. One that hangs must not use up all.
  const agent = new Agent({ connections: 64, pipelining: 1, connect: { timeout: CONNECT_MS } });

  const put = async (target: HookTarget, question: HookQuestion): Promise<HookAnswer> => {
    const url = webUrl(target.url);
    if (url === null) return failed(`the URL of hook ${target.name} is not an http or https URL`);
    const body = JSON.stringify(question.body);
    const secrets = target.secret == null ? [] : [target.secret];
    const { id, timeoutMs } = question;
    const headers = {
      ...basicAuth(url),
      ...lowerCased(target.headers ?? {}),
      'content-type': 'application/json; charset=utf-8',
      accept: 'application/json',
      'user-agent': userAgent,
      'idempotency-key': id,
      ...webhookHeaders({ id, nowMs: clock.now(), body, secrets }),
    };
    const posted = await post({ agent, clock, timeoutMs, url, headers, body });
    if (posted.kind === 'timeout') return failed(`no answer within ${timeoutMs} ms`);
    if (posted.kind === 'unreachable') return failed(`it cannot be reached (${posted.code})`);
    const hidden = [target.url, ...secrets, ...Object.values(target.headers ?? {}).flatMap(withParts)];
    const { status, retryAfter, start, whole, encoded } = posted;
    const show = (words: string) => shown(words, url, hidden);
    return readAnswer({ status, retryAfter, body: start, whole, encoded, show }, clock.now());
  };

  return {
    targets: () => [...known.keys()],
    ask: async (question) => {
      const target = known.get(question.target);
      if (target === undefined) return failed(`this engine knows no hook ${question.target}`);
      const startMs = clock.monotonicMs();
      const answer = await put(target, question);
      if (closed) return null;
      const ms = Math.round(clock.monotonicMs() - startMs);
      const { rolloutId, ask } = question;
      logger.debug('hook asked', { target: target.name, rolloutId, ask, outcome: answer.kind, ms });
      return answer;
    },
    close: async () => {
      closed = true;
      await agent.destroy();
    },
  };
}

function failed(detail: string): HookAnswer {
  return { kind: 'failed', detail };
}

/** Two spellings of one header would both be sent. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** `Bearer abc` is a secret, and so is `abc`. */
function withParts(value: string): readonly string[] {
  return [value, ...value.split(/\s+/).filter((part) => part.length > 7)];
}
