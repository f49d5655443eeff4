import { getEventListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, fail } from '../../../src/core/model/errors.ts';
import { createClient } from '../../../src/surfaces/api/client.ts';
import { presentRollout } from '../../../src/surfaces/api/present.ts';
import { apiServer } from '../../support/api-server.ts';
import { fakeEngine, view } from '../../support/fake-engine.ts';
import { freePort } from '../../support/processes.ts';
import { type WebhookReceiver, webhookReceiver } from '../../support/webhook-receiver.ts';

const SECRET = 'hunter2';
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

async function stub(reply?: (response: ServerResponse) => void): Promise<{ server: string; heard: WebhookReceiver }> {
  const heard = await webhookReceiver();
  undo.push(() => heard.close());
  if (reply === undefined) heard.hang();
  else heard.answer(reply);
  return { server: new URL(heard.url).origin, heard };
}

const clientOf = (server: string, timeoutMs?: number) =>
  createClient({ server, token: SECRET, ...(timeoutMs === undefined ? {} : { timeoutMs }) });

const problem = (code: string) => ({
  type: `urn:serin:error:${code}`,
  title: code,
  status: 409,
  detail: 'so it is',
  code,
  hint: 'Look again.',
  requestId: 'x',
  errors: [{ code, message: 'so it is', hint: 'Look again.', path: null, place: null }],
});

describe('every misbehaviour of a server is a value', () => {
  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a page', (r) => void r.writeHead(200).end('<html>'), 'answers, but not as a Serin of this version'],
    ['nothing', (r) => void r.writeHead(200).end(), 'answers, but not as a Serin of this version'],
    ['other JSON', (r) => void r.writeHead(200).end('{"ok":true}'), 'answers, but not as a Serin of this version'],
    ['null', (r) => void r.writeHead(200).end('null'), 'answers, but not as a Serin of this version'],
    ['500 without words', (r) => void r.writeHead(500).end(), 'answers with HTTP 500, but not as a Serin'],
    ['502 of a proxy', (r) => void r.writeHead(502).end('<html>'), 'answers with HTTP 502, but not as a Serin'],
    ['404 of another API', (r) => void r.writeHead(404).end('{"error":"x"}'), 'with HTTP 404, but not as a Serin'],
    [
      'a problem without errors',
      (r) => void r.writeHead(409).end(JSON.stringify({ ...problem('SERIN_CONFLICT'), errors: [] })),
      'with HTTP 409, but not as a Serin',
    ],
    ['a redirect', (r) => void r.writeHead(302, { location: '/' }).end(), 'no answer from'],
    ['a cut before the head', (r) => void r.socket?.destroy(), 'no answer from'],
    [
      'a cut in the body',
      (r) => {
        r.writeHead(200, { 'content-length': '100' }).write('{"rollouts"');
        setImmediate(() => r.destroy());
      },
      'no answer from',
    ],
  ])('%s', async (_, reply, said) => {
    const { server, heard } = await stub(reply);
    const asked = await clientOf(server).rollouts({});
    expect(asked).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_UNREACHABLE', message: expect.stringContaining(said) }],
    });
    expect(JSON.stringify(asked)).toContain(server);
    expect(JSON.stringify(asked)).not.toContain(SECRET);
    // The token was sent once, to this server.
    expect(heard.received.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${SECRET}`]);
  });

  it('ends at once when it is told to', async () => {
    const { server, heard } = await stub();
    const stop = new AbortController();
    const asked = createClient({ server, token: null, timeoutMs: 60_000, signal: stop.signal }).rollouts({});
    await expect.poll(() => heard.received.length).toBe(1);
    stop.abort();
    expect(await asked).toMatchObject({ errors: [{ code: 'SERIN_UNREACHABLE' }] });
  });

  it('never quotes what was sent', async () => {
    const asked = await createClient({ server: 'http://127.0.0.1:1', token: `${SECRET}\n` }).rollouts({});
    expect(asked).toMatchObject({ kind: 'error' });
    expect(JSON.stringify(asked)).not.toContain(SECRET);
  });

  it('nobody there', async () => {
    const server = `http://127.0.0.1:${await freePort()}`;
    expect(await clientOf(server).fleets()).toMatchObject({
      errors: [{ code: 'SERIN_UNREACHABLE', message: `no answer from ${server}: ECONNREFUSED` }],
    });
  });

  it('a code that this version does not know is a bug of nobody', async () => {
    const { server } = await stub((r) => void r.writeHead(409).end(JSON.stringify(problem('SERIN_FROM_2030'))));
    expect(await clientOf(server).fleets()).toMatchObject({
      errors: [{ code: 'SERIN_INTERNAL', message: 'so it is', hint: 'Look again.' }],
    });
  });
});

describe('deadlines', () => {
  it.each([
    ['never answers', undefined],
    ['never ends its answer', (r: ServerResponse) => void r.writeHead(200).write('{')],
  ])('a server that %s is left', async (_, reply) => {
    const { server } = await stub(reply);
    expect(await clientOf(server, 30).fleets()).toMatchObject({
      errors: [{ code: 'SERIN_UNREACHABLE', message: expect.stringMatching(/timed out|aborted/) }],
    });
  });

  it('hold while the garbage collector runs: Node 20 forgets a timeout signal that only `AbortSignal.any` knows', async () => {
    const { server, heard } = await stub();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const collecting = setInterval(collect, 5);
    undo.push(async () => clearInterval(collecting));
    expect(await clientOf(server, 300).fleets()).toMatchObject({
      errors: [{ code: 'SERIN_UNREACHABLE', message: expect.stringContaining('timed out') }],
    });
    expect(heard.received).toHaveLength(1);
  });

  it('are over with the answer: nothing of a request stays on the signal that ends all', async () => {
    const { server } = await stub((r) => void r.writeHead(200).end('{"fleets":[]}'));
    const stop = new AbortController();
    const client = createClient({ server, token: null, signal: stop.signal });
    for (let i = 0; i < 3; i += 1) expect((await client.fleets()).kind).toBe('ok');
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  it('leave a server that waits on request the time it was asked to wait', async () => {
    const body = JSON.stringify(presentRollout(view()));
    const { server, heard } = await stub((r) => void setTimeout(() => r.writeHead(200).end(body), 60));
    expect(await clientOf(server, 30).rolloutAfter('r1', 3, 4_000)).toMatchObject({ value: { id: 'r1' } });
    expect(heard.received[0]?.path).toBe('/api/v1/rollouts/r1?afterRev=3&waitMs=4000');
  });
});

describe('errors of a Serin', () => {
  it('come through as they were, with place and path', async () => {
    const place = { file: 'shop.yaml', line: 3, column: 5 };
    const errors = [
      { code: 'SERIN_DOCUMENT_INVALID' as const, message: 'one', hint: 'Do this.', path: 'spec.x', place },
      { code: 'SERIN_IN_USE' as const, message: 'two' },
    ];
    const server = await apiServer(fakeEngine({ apply: async () => ({ kind: 'error', errors }) }));
    undo.push(() => server.close());
    expect(await clientOf(server.url).apply([{ file: 'shop.yaml', text: 'x' }], false)).toEqual({
      kind: 'error',
      errors: [errors[0], { ...errors[1], hint: ERRORS.SERIN_IN_USE.hint }],
    });
  });

  it('are asked for under names that cannot leave their path', async () => {
    const engine = fakeEngine({ document: async () => fail('SERIN_NOT_FOUND', 'none') });
    const server = await apiServer(engine);
    undo.push(() => server.close());
    const client = clientOf(server.url);
    for (const name of ['../../rollouts', 'a?kind=Route', 'a#b', 'a/b', '%2e%2e'])
      expect((await client.document('Plan', name)).kind).toBe('error');
    expect((await client.documents('Plan&x=1')).kind).toBe('error');
    expect(engine.calls).toEqual([]);
  });
});
