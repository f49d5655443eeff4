import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { connect, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNotifier, type NotifierOptions, type WebhookNotifier } from '../../../src/adapters/notify/notifier.ts';
import type { Clock } from '../../../src/engine/ports/clock.ts';
import type { Logger } from '../../../src/engine/ports/logger.ts';
import type { Delivery } from '../../../src/engine/ports/notifier.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { type WebhookReceiver, webhookReceiver } from '../../support/webhook-receiver.ts';
import { notice } from './notice.ts';

const NOW = 1_700_000_000_500;
const real = createSystemClock();
const clock: Clock = { now: () => NOW, monotonicMs: real.monotonicMs, setTimer: real.setTimer };
const lines: string[] = [];
const record = (message: string, fields?: object) => lines.push(JSON.stringify({ message, ...fields }));
const logger: Logger = { debug: record, info: record, warn: record, error: record, child: () => logger };
const SECRET = `whsec_${Buffer.from('a shared secret').toString('base64')}`;

let receiver: WebhookReceiver;
let notifier: WebhookNotifier;

function open(options: Partial<NotifierOptions> = {}): WebhookNotifier {
  const targets = [{ name: 'deploys', url: receiver.url, format: 'generic' as const, secret: SECRET }];
  return createNotifier({ targets, timeoutMs: 300, userAgent: 'serin/0.0.0', clock, logger, ...options });
}

beforeEach(async () => {
  lines.length = 0;
  receiver = await webhookReceiver();
  notifier = open();
});
afterEach(async () => {
  await notifier.close();
  await receiver.close();
});

const deliver = (attempt = 0): Promise<Delivery> => notifier.deliver('deploys', notice(), attempt);

describe('a message', () => {
  it('is the notice itself, signed as Standard Webhooks say', async () => {
    expect(await deliver()).toEqual({ kind: 'delivered' });
    const [message] = receiver.received;
    expect(JSON.parse(message?.body ?? '')).toEqual(notice());
    const signed = `r1-rolling_back-3-1700000000000.1700000000.${message?.body}`;
    const digest = createHmac('sha256', 'a shared secret').update(signed).digest('base64');
    expect(message?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'serin/0.0.0',
      'webhook-id': 'r1-rolling_back-3-1700000000000',
      'webhook-timestamp': '1700000000',
      'webhook-signature': `v1,${digest}`,
    });
  });

  it('has one signature per secret, and none without one', async () => {
    const target = { name: 'deploys', url: receiver.url, format: 'generic' as const };
    for (const secret of [[SECRET, 'plain'], null]) {
      const other = open({ targets: [{ ...target, secret }] });
      await other.deliver('deploys', notice(), 0);
      await other.close();
    }
    expect(receiver.received[0]?.headers['webhook-signature']).toMatch(/^v1,[\w+/]+=* v1,[\w+/]+=*$/);
    expect(receiver.received[1]?.headers).not.toHaveProperty('webhook-signature');
  });

  it('keeps its id over retries', async () => {
    receiver.fail(500, 2);
    const kinds = [await deliver(0), await deliver(1), await deliver(2)].map(({ kind }) => kind);
    expect(kinds).toEqual(['retry', 'retry', 'delivered']);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  it('has an id that fits a header, whatever the notice is called', async () => {
    await notifier.deliver('deploys', notice({ id: 'a.b\r\nx: y–' }), 0);
    expect(receiver.received[0]?.headers['webhook-id']).toBe('a_b__x__y_');
  });

  it.each(['slack', 'slack-legacy'] as const)('comes as %s', async (format) => {
    const other = open({ targets: [{ name: 'deploys', url: receiver.url, format }] });
    await other.deliver('deploys', notice(), 0);
    await other.close();
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({
      text: expect.stringContaining('checkout: v42 is being rolled back'),
      attachments: [{ color: '#e01e5a' }],
    });
  });

  it('sends userinfo of the URL as basic auth', async () => {
    const url = receiver.url.replace('//', '//me:p%40ss@');
    const other = open({ targets: [{ name: 'deploys', url, format: 'generic' }] });
    expect(await other.deliver('deploys', notice(), 0)).toEqual({ kind: 'delivered' });
    await other.close();
    expect(receiver.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });
});

describe('what the receiver answers', () => {
  it.each<[number, Delivery['kind']]>([
    [200, 'delivered'],
    [204, 'delivered'],
    [301, 'retry'],
    [304, 'retry'],
    [400, 'rejected'],
    [401, 'rejected'],
    [403, 'rejected'],
    [404, 'rejected'],
    [408, 'retry'],
    [410, 'rejected'],
    [413, 'rejected'],
    [422, 'rejected'],
    [425, 'retry'],
    [429, 'retry'],
    [500, 'retry'],
    [503, 'retry'],
    [599, 'retry'],
  ])('%d means %s', async (status, kind) => {
    receiver.fail(status, 1);
    expect(await deliver()).toMatchObject({ kind });
    expect(receiver.received).toHaveLength(1);
  });

  it.each<[number, string, number | null]>([
    [429, '7', 7_000],
    [503, '2', 2_000],
    [429, '0', 1_000],
    [429, '999999', 3_600_000],
    [429, new Date(NOW + 90_500).toUTCString(), 90_500],
    [429, 'soon', null],
    [429, '-5', null],
    [500, '7', null],
  ])('F25: %d with Retry-After %s waits %s ms', async (status, retryAfter, afterMs) => {
    receiver.fail(status, 1, { 'retry-after': retryAfter });
    const delivery = await deliver();
    const waits = delivery.kind === 'retry' ? delivery.afterMs : Number.NaN;
    // A date has no milliseconds.
    if (afterMs === null) expect(waits).toBeNull();
    else expect(Math.abs((waits ?? 0) - afterMs)).toBeLessThan(1_000);
  });

  it('is quoted when it is short text', async () => {
    receiver.answer((r) => r.writeHead(404).end('channel_is_archived\n'));
    expect(await deliver()).toEqual({
      kind: 'rejected',
      detail: 'the receiver answered HTTP 404: channel_is_archived',
    });
    receiver.answer((r) => r.writeHead(502).end('<html>bad gateway</html>'));
    expect(await deliver()).toMatchObject({ detail: 'the receiver answered HTTP 502' });
    receiver.answer((r) => r.writeHead(502).end(gzipSync('x'.repeat(10_000))));
    expect(await deliver()).toMatchObject({ detail: 'the receiver answered HTTP 502' });
    receiver.answer((r) => r.writeHead(500).end('y'.repeat(1 << 20)));
    expect(((await deliver()) as { detail: string }).detail.length).toBeLessThan(300);
  });

  it('F25: of 410 turns the receiver off: nothing more is sent to it, and it is told', async () => {
    expect(notifier.off()).toEqual([]);
    receiver.answer((r) => r.writeHead(410).end('this workflow was deleted'));
    const [first, next] = [await deliver(), await deliver()];
    expect(first).toMatchObject({ kind: 'rejected', detail: expect.stringContaining('HTTP 410: this workflow') });
    expect(next).toMatchObject({ kind: 'rejected', detail: expect.stringContaining('notifier deploys is off') });
    expect(receiver.received).toHaveLength(1);
    expect(notifier.off()).toEqual(['deploys']);
    expect(lines.filter((line) => line.includes('a receiver is gone'))).toHaveLength(1);
    expect(lines.join()).not.toContain('path-is-secret');
  });

  it('F25: of 410 turns that receiver off and no other, until the process is started anew', async () => {
    const other = await webhookReceiver();
    const targets = [receiver, other].map(({ url }, i) => ({ name: `n${i}`, url, format: 'generic' as const }));
    const both = open({ targets });
    receiver.fail(410, 1);
    expect(await both.deliver('n0', notice(), 0)).toMatchObject({ kind: 'rejected' });
    expect(await both.deliver('n1', notice(), 0)).toEqual({ kind: 'delivered' });
    const anew = open({ targets });
    expect(await anew.deliver('n0', notice(), 0)).toEqual({ kind: 'delivered' });
    await Promise.all([both.close(), anew.close(), other.close()]);
  });

  it('F25: is not followed elsewhere', async () => {
    const elsewhere = await webhookReceiver();
    receiver.redirectTo(elsewhere.url);
    expect(await deliver()).toMatchObject({
      kind: 'retry',
      detail: expect.stringContaining('redirects are not followed'),
    });
    expect(elsewhere.received).toHaveLength(0);
    await elsewhere.close();
  });

  it('F25: counts once the status is here, whatever becomes of the body', async () => {
    receiver.answer(endless);
    // So patient that only the cap on what is read can end it.
    const patient = open({ timeoutMs: 600_000 });
    expect(await patient.deliver('deploys', notice(), 0)).toEqual({ kind: 'delivered' });
    await patient.close();
    receiver.answer(trickle);
    expect(await deliver()).toEqual({ kind: 'delivered' });
    receiver.answer((r) => {
      r.writeHead(200, { 'content-length': '100' });
      r.write('o', () => r.socket?.destroy());
    });
    expect(await deliver()).toEqual({ kind: 'delivered' });
  });
});

/** Writes for as long as somebody reads. */
function endless(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
  };
  response.on('drain', more);
  more();
}

function trickle(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write('x'), 20);
  response.on('close', () => clearInterval(timer));
}

describe('a receiver in trouble', () => {
  it('may come back later', async () => {
    await receiver.down();
    expect(await deliver()).toEqual({
      kind: 'retry',
      afterMs: null,
      detail: 'the receiver cannot be reached (ECONNREFUSED)',
    });
    await receiver.up();
    expect(await deliver(1)).toEqual({ kind: 'delivered' });
  });

  it('F25: has a total deadline', async () => {
    receiver.hang();
    expect(await deliver()).toEqual({
      kind: 'retry',
      afterMs: null,
      detail: 'the receiver gave no answer within 300 ms',
    });
  });

  it('may reset the connection', async () => {
    receiver.answer((r) => r.socket?.resetAndDestroy());
    expect(await deliver()).toMatchObject({ kind: 'retry', detail: expect.stringContaining('cannot be reached') });
  });

  it('may speak no HTTP, or no TLS', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('220 smtp\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    for (const scheme of ['http', 'https']) {
      const targets = [{ name: 'deploys', url: `${scheme}://127.0.0.1:${port}/hook`, format: 'generic' as const }];
      const other = open({ targets });
      expect(await other.deliver('deploys', notice(), 0)).toMatchObject({ kind: 'retry', afterMs: null });
      await other.close();
    }
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a target', () => {
  it('must be known and have a web address', async () => {
    const targets = [
      { name: 'a', url: 'not a url', format: 'slack' as const },
      { name: 'b', url: 'file:///etc/passwd', format: 'slack' as const },
    ];
    const other = open({ targets });
    expect(other.targets()).toEqual(['a', 'b']);
    for (const name of ['a', 'b', 'constructor']) {
      expect(await other.deliver(name, notice(), 0)).toMatchObject({ kind: 'rejected' });
    }
    await other.close();
  });

  it('stays secret in details and logs', async () => {
    const shown: unknown[] = [];
    for (const status of [200, 307, 404, 500]) {
      receiver.answer((r) => r.writeHead(status, { location: receiver.url }).end(`no ${receiver.url} ${SECRET}`));
      shown.push(await deliver());
    }
    receiver.hang();
    shown.push(await deliver());
    await receiver.down();
    shown.push(await deliver());
    expect(JSON.stringify([shown, lines])).not.toMatch(/is-secret|whsec|127\.0\.0\.1/);
    expect(lines).toHaveLength(6);
  });
});

it('does not obey proxy variables', async () => {
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = 'http://127.0.0.1:9';
  try {
    expect(await deliver()).toEqual({ kind: 'delivered' });
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});

it('lets go of its connections when closed', async () => {
  await deliver();
  await notifier.close();
  await receiver.down();
  const refused = await new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
    socket.once('error', () => resolve(true)).once('connect', () => resolve(false));
  });
  expect(refused).toBe(true);
  expect(await deliver()).toMatchObject({ kind: 'retry' });
});
