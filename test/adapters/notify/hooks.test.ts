import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHooks, type WebHooks } from '../../../src/adapters/notify/hooks.ts';
import type { HookAnswer } from '../../../src/core/rollout/hook-answer.ts';
import type { Logger } from '../../../src/engine/ports/logger.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { question } from '../../contract/hooks.contract.ts';
import { type WebhookReceiver, webhookReceiver } from '../../support/webhook-receiver.ts';

const NOW = 1_700_000_000_500;
const clock = { ...createSystemClock(), now: () => NOW };
const lines: string[] = [];
const record = (message: string, fields?: object) => lines.push(JSON.stringify({ message, ...fields }));
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };

let receiver: WebhookReceiver;
let hooks: WebHooks;

beforeEach(async () => {
  lines.length = 0;
  receiver = await webhookReceiver();
  const headers = { Authorization: 'Bearer token-is-secret' };
  const targets = [{ name: 'load-test', url: receiver.url, secret: 'a shared secret', headers }];
  hooks = createHooks({ targets, clock, logger, userAgent: 'serin/0.0.0' });
});
afterEach(async () => {
  await hooks.close();
  await receiver.close();
});

const ask = (timeoutMs = 400): Promise<HookAnswer | null> => hooks.ask(question({ timeoutMs }));
const answer = (status: number, body?: string, headers: Record<string, string> = {}) => {
  receiver.answer((response) => void response.writeHead(status, headers).end(body));
};

describe('what opens no gate', () => {
  it.each<[number, HookAnswer['kind']]>([
    [202, 'wait'],
    [301, 'failed'],
    [400, 'failed'],
    [401, 'failed'],
    [403, 'wait'],
    [404, 'failed'],
    [409, 'wait'],
    [423, 'wait'],
    [425, 'wait'],
    [429, 'wait'],
    [500, 'failed'],
    [503, 'failed'],
  ])('HTTP %d: %s', async (status, kind) => {
    answer(status);
    expect(await ask()).toMatchObject({ kind, detail: expect.stringContaining(`HTTP ${status}`) });
  });

  it('a redirect, which is not followed', async () => {
    const elsewhere = await webhookReceiver();
    receiver.redirectTo(elsewhere.url);
    expect(await ask()).toEqual({ kind: 'failed', detail: 'HTTP 307; redirects are not followed' });
    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['breaks off', (response) => void response.writeHead(200).write('{"decision":', () => response.destroy())],
    ['never ends', (response) => void response.writeHead(200).write('{"decision":')],
    ['is too long', (response) => void response.writeHead(200).end(' '.repeat(70_000))],
  ])('a 200 whose body %s: the rest may have said no', async (_name, reply) => {
    receiver.answer(reply);
    expect(await ask()).toEqual({ kind: 'failed', detail: 'HTTP 200, and its answer broke off or is too long' });
  });

  it.each<[string, string, Record<string, string>]>([
    ['is no JSON after all', '{"decision":"reject",}', {}],
    ['has the quotes of another language', "{'decision': 'wait'}", {}],
    ['is the login page of a proxy', '<!DOCTYPE html><title>Sign in</title>', {}],
    ['is packed, which nobody asked for', '\x1f\x8b\x08', { 'content-encoding': 'gzip' }],
  ])('a 200 whose body %s: it may have said no', async (_name, body, headers) => {
    answer(200, body, headers);
    expect(await ask()).toEqual({ kind: 'failed', detail: 'HTTP 200, and its answer cannot be read' });
  });

  it.each<[string, number, string, HookAnswer['kind']]>([
    ['wait, behind a byte order mark', 200, '\ufeff{"decision":"wait"}', 'wait'],
    ['wait', 200, '{"decision":"wait","message":"tests run"}', 'wait'],
    ['what nobody knows', 200, '{"decision":"yes"}', 'failed'],
    ['open, by an error', 403, '{"decision":"open"}', 'wait'],
    ['reject, from a gateway in between', 502, '{"decision":"reject"}', 'failed'],
  ])('a body that says %s', async (_name, status, body, kind) => {
    answer(status, body);
    expect(await ask()).toMatchObject({ kind });
  });

  it('nobody who listens', async () => {
    await receiver.down();
    expect(await ask()).toEqual({ kind: 'failed', detail: 'it cannot be reached (ECONNREFUSED)' });
  });

  it.each([
    [429, '7', 7_000],
    [503, '2', 2_000],
    [503, '999999', 3_600_000],
  ])('HTTP %d with Retry-After %s is asked again after %d ms', async (status, retryAfter, afterMs) => {
    answer(status, '', { 'retry-after': retryAfter });
    expect(await ask()).toMatchObject({ afterMs });
  });
});

describe('what opens a gate', () => {
  it.each<[number, string | undefined]>([
    [200, undefined],
    [200, 'ok'],
    [200, '{"status":"passed"}'],
    [204, undefined],
    [202, '{"decision":"open"}'],
  ])('HTTP %d with %s', async (status, body) => {
    answer(status, body);
    expect(await ask()).toEqual({ kind: 'open', detail: `HTTP ${status}` });
  });
});

it.each([200, 422])('a body that rejects sends back, with HTTP %d, in the words of the hook', async (status) => {
  answer(status, '{"decision":"reject","message":"p99 is 2 s"}');
  expect(await ask()).toEqual({ kind: 'reject', detail: `HTTP ${status}: p99 is 2 s` });
});

describe('a question', () => {
  it('has the same key and the same body each time, and is signed', async () => {
    await ask();
    await ask();
    const [first, again] = receiver.received;
    expect(again).toEqual(first);
    expect(JSON.parse(first?.body ?? '')).toEqual(question().body);
    const digest = createHmac('sha256', 'a shared secret').update(`r1-gate-1-1.1700000000.${first?.body}`);
    expect(first?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'serin/0.0.0',
      'idempotency-key': 'r1-gate-1-1',
      'webhook-id': 'r1-gate-1-1',
      'webhook-signature': `v1,${digest.digest('base64')}`,
      authorization: 'Bearer token-is-secret',
    });
  });

  it('says once who asks: a header of its own comes before what its URL has', async () => {
    const url = receiver.url.replace('//', '//serin:password@');
    const headers = { Authorization: 'Bearer token-is-secret' };
    const own = createHooks({ targets: [{ name: 'load-test', url, headers }], clock, logger });
    await own.ask(question());
    expect(receiver.received[0]?.headers.authorization).toBe('Bearer token-is-secret');
    await own.close();
  });

  it('I17: shows no secret, whatever the hook quotes of it', async () => {
    const quoted = `no access for ${receiver.url} with token-is-secret (a shared secret)`;
    answer(403, quoted);
    const refused = await ask();
    answer(200, JSON.stringify({ decision: 'reject', message: quoted }));
    const rejected = await ask();
    const seen = JSON.stringify([refused, rejected, lines]);
    for (const secret of ['token-is-secret', 'a shared secret', 'path-is-secret', 'query-is-secret']) {
      expect(seen).not.toContain(secret);
    }
    expect(refused?.detail).toContain('HTTP 403: no access for [redacted]');
    expect(lines).toHaveLength(2);
  });

  it('I17: shows no part of what lets it in, as a hook that quotes its request has them', async () => {
    const url = new URL(receiver.url);
    Object.assign(url, { username: 'serin', password: '50%is-secret', search: '?key=key-is-secret' });
    const own = createHooks({ targets: [{ name: 'load-test', url: url.href }], clock, logger });
    receiver.answer((response) => {
      const { authorization } = receiver.received.at(-1)?.headers ?? {};
      response.writeHead(403).end(`who is ${authorization} or 50%is-secret with key-is-secret?`);
    });
    expect((await own.ask(question()))?.detail).toBe(
      'HTTP 403: who is Basic [redacted] or [redacted] with [redacted]?',
    );
    await own.close();
  });
});
