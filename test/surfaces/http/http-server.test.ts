import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, fail, ok } from '../../../src/core/model/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { ProblemBody } from '../../../src/surfaces/api/schemas.ts';
import type { HttpOptions } from '../../../src/surfaces/http/http-api.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { fakeEngine, view } from '../../support/fake-engine.ts';

let server: ApiServer;
let engine: ReturnType<typeof fakeEngine>;
afterEach(() => server.close());

async function serve(answers: Partial<Engine> = {}, options: Partial<HttpOptions> = {}): Promise<void> {
  engine = fakeEngine(answers);
  server = await apiServer(engine, options);
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, body: json ? JSON.parse(text) : text, headers: response.headers };
}

const START = { plan: 'checkout', revision: 'v2' };

describe('bad requests', () => {
  it.each([
    ['no JSON', '{"plan":', 400],
    ['a missing field', { plan: 'checkout' }, 400],
    ['an unknown field', { ...START, weight: 100 }, 400],
    ['a wrong type', { ...START, endpoints: 'a:1' }, 400],
    ['no endpoints in the list', { ...START, endpoints: [] }, 400],
    ['a prototype in the body', '{"plan":"a","revision":"b","__proto__":{"x":1}}', 400],
    ['a body above its limit', JSON.stringify({ ...START, plan: 'x'.repeat(300_000) }), 413],
    ['900 brackets', `${'['.repeat(900)}${']'.repeat(900)}`, 400],
  ])('%s is a problem with code and hint, and nothing is asked of the engine', async (_, body, status) => {
    await serve();
    const answer = await call('POST', '/api/v1/rollouts', body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const problem = ProblemBody.parse(answer.body);
    expect(Object.keys(ERRORS)).toContain(problem.code);
    expect(problem.hint).not.toBe('');
    expect(problem.requestId).toBe(answer.headers.get('x-request-id'));
    expect(engine.calls).toEqual([]);
  });

  it('says which content type it takes', async () => {
    await serve();
    const answer = await call('POST', '/api/v1/rollouts', 'plan=checkout', { 'content-type': 'text/plain' });
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining('application/json') } });
  });

  it.each(['has a space', 'ü', 'x'.repeat(201)])('refuses the Idempotency-Key %j', async (key) => {
    await serve();
    const status = await new Promise<number>((resolve, reject) => {
      const body = JSON.stringify(START);
      const headers = { 'content-type': 'application/json', 'idempotency-key': Buffer.from(key).toString('latin1') };
      const call = httpRequest(`${server.url}/api/v1/rollouts`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      call.once('error', reject);
      call.end(body);
    });
    expect(status).toBe(400);
    expect(engine.calls).toEqual([]);
  });

  it.each(['/api/v1/nothing', '/', '/api/v1/rollouts/../../etc/passwd', '/api/v1/rollouts/UPPER%20CASE'])(
    '%s is not found or not valid, never a failure',
    async (path) => {
      await serve();
      expect([400, 404]).toContain((await call('GET', path)).status);
    },
  );

  it.each(['limit=0x10', 'limit=9999', 'phase=gone', 'unknown=1', 'limit=-1'])(
    'refuses the query %s',
    async (query) => {
      await serve();
      expect(await call('GET', `/api/v1/rollouts?${query}`)).toMatchObject({ status: 400 });
    },
  );

  it('survives bytes that are no HTTP', async () => {
    await serve();
    await new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.end('\x16\x03\x01\x02\x00nonsense\r\n\r\n'));
      socket.on('data', () => undefined).on('error', () => undefined);
      socket.on('close', () => resolve());
    });
    expect((await call('GET', '/livez')).status).toBe(200);
  });
});

describe('who may call', () => {
  it('refuses a Host that is no loopback address: a page may have rebound its name', async () => {
    await serve();
    const status = await new Promise<number>((resolve) => {
      httpRequest(`${server.url}/api/v1/rollouts`, { headers: { host: 'evil.example.com' } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).end();
    });
    expect(status).toBe(403);
    expect(engine.calls).toEqual([]);
  });

  it('refuses a call from another origin', async () => {
    await serve();
    const answer = await call('POST', '/api/v1/rollouts', START, { origin: 'https://evil.example.com' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'SERIN_FORBIDDEN' } });
    expect(engine.calls).toEqual([]);
  });

  it('wants a token where there are some, and says who called', async () => {
    const sha256 = createHash('sha256').update('correct').digest('hex');
    await serve({}, { tokens: [{ name: 'ci', sha256 }] });
    const without = await call('GET', '/api/v1/rollouts');
    expect(without).toMatchObject({ status: 401, body: { code: 'SERIN_UNAUTHENTICATED' } });
    expect(without.headers.get('www-authenticate')).toBe('Bearer');
    expect((await call('GET', '/api/v1/rollouts', undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
    const with_ = await call('POST', '/api/v1/rollouts', START, { authorization: 'Bearer correct' });
    expect(with_.status).toBe(201);
    expect(engine.calls).toMatchObject([['start', { by: 'ci' }]]);
    // Probes of the platform have no token.
    expect((await call('GET', '/livez')).status).toBe(200);
    expect((await call('GET', '/readyz')).status).toBe(200);
    expect((await call('GET', '/metrics')).status).toBe(401);
  });
});

describe('outcomes of the engine', () => {
  it.each(Object.entries(ERRORS))('%s keeps its status and its hint', async (code, { status, hint }) => {
    await serve({ rollout: async () => fail(code as keyof typeof ERRORS, 'because') });
    const answer = await call('GET', '/api/v1/rollouts/r1');
    expect(answer.status).toBe(status);
    expect(ProblemBody.parse(answer.body)).toMatchObject({ code, detail: 'because', hint });
    expect(answer.headers.has('retry-after')).toBe(status === 503);
  });

  it('lists every error with its place', async () => {
    const place = { file: 'a.yaml', line: 3, column: 5 };
    await serve({
      apply: async () => ({
        kind: 'error',
        errors: [
          { code: 'SERIN_DOCUMENT_INVALID', message: 'one', place, path: 'spec.x' },
          { code: 'SERIN_UNKNOWN_REFERENCE', message: 'two' },
        ],
      }),
    });
    const answer = await call('POST', '/api/v1/apply', { files: [{ file: 'a.yaml', text: 'x' }] });
    expect(answer).toMatchObject({
      status: 400,
      body: {
        errors: [
          { message: 'one', place, path: 'spec.x' },
          { message: 'two', place: null, path: null },
        ],
      },
    });
  });

  it('hides what a bug said, and gives the request id to report it with', async () => {
    await serve({
      rollout: async () => {
        throw new Error('password=hunter2');
      },
    });
    const answer = await call('GET', '/api/v1/rollouts/r1', undefined, { 'x-request-id': 'build-17' });
    expect(answer).toMatchObject({ status: 500, body: { code: 'SERIN_INTERNAL', requestId: 'build-17' } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });

  it('creates with 201, and answers a repeat with 200', async () => {
    let first = true;
    await serve({
      start: async () => {
        const created = first;
        first = false;
        return ok({ view: view(), created });
      },
    });
    const headers = { 'idempotency-key': 'build-17' };
    expect((await call('POST', '/api/v1/rollouts', START, headers)).status).toBe(201);
    expect((await call('POST', '/api/v1/rollouts', START, headers)).status).toBe(200);
    expect(engine.calls).toMatchObject([
      ['start', { idempotencyKey: 'build-17' }],
      ['start', { idempotencyKey: 'build-17' }],
    ]);
  });

  it.each([
    ['pause', { reason: 'lunch' }, { type: 'pause', reason: 'lunch' }],
    ['resume', { rev: 4 }, { type: 'resume' }],
    ['promote', {}, { type: 'promote' }],
    ['abort', {}, { type: 'abort', reason: 'aborted by a person' }],
    ['approve', { gate: { step: 1, attempt: 2 } }, { type: 'approve', gate: { step: 1, attempt: 2 } }],
    [
      'approve',
      { gate: { step: 1, attempt: 2 }, hook: 'checks', reason: 'it is down' },
      { type: 'approve', gate: { step: 1, attempt: 2 }, hook: 'checks', reason: 'it is down' },
    ],
    [
      'skip',
      { gate: { step: 1, attempt: 2 } },
      { type: 'skip', gate: { step: 1, attempt: 2 }, reason: 'skipped by a person', force: false },
    ],
    [
      'jump',
      { to: 'half', gate: { step: 1, attempt: 2 }, reason: 'less of it', force: true },
      { type: 'jump', to: 'half', gate: { step: 1, attempt: 2 }, reason: 'less of it', force: true },
    ],
  ])('%s reaches the engine as a command', async (name, body, command) => {
    await serve();
    expect((await call('POST', `/api/v1/rollouts/r1/${name}`, body)).status).toBe(200);
    expect(engine.calls).toMatchObject([['command', { id: 'r1', command, by: 'local' }]]);
  });
});

describe('an explanation of a request', () => {
  const request = { method: 'GET', host: 'shop.example.com', path: '/', headers: [['x-canary', 'always']] };

  it('is asked of the engine, and by default of whatever is there now', async () => {
    await serve();
    expect((await call('POST', '/api/v1/explain', { request })).status).toBe(404);
    await call('POST', '/api/v1/explain', { request, fleet: 'edge', rollout: 'r1', step: 'half' });
    expect(engine.calls).toEqual([
      ['explain', { request, fleet: null, rollout: null, step: null }],
      ['explain', { request, fleet: 'edge', rollout: 'r1', step: 'half' }],
    ]);
  });

  it.each([
    ['a path that is none', { request: { ...request, path: 'x' } }],
    ['a method that is none', { request: { ...request, method: 'get' } }],
    ['a header of three', { request: { ...request, headers: [['a', 'b', 'c']] } }],
    ['a thousand headers', { request: { ...request, headers: Array(1_000).fill(['a', 'b']) } }],
    ['an id that is none', { request, rollout: '../x' }],
    ['no request', {}],
  ])('given %s, is refused', async (_, body) => {
    await serve();
    expect((await call('POST', '/api/v1/explain', body)).status).toBe(400);
    expect(engine.calls).toEqual([]);
  });
});

describe('waiting for a change', () => {
  it('answers as soon as the rollout has left the rev', async () => {
    let rev = 3;
    await serve(
      { rollout: async () => ok(view({}, rev)) },
      {
        pause: async () => {
          rev += 1;
        },
      },
    );
    expect(await call('GET', '/api/v1/rollouts/r1?afterRev=5')).toMatchObject({ status: 200, body: { rev: 6 } });
  });

  it('answers at once when the rollout has ended, when the time is over, and while draining', async () => {
    await serve({ rollout: async () => ok(view({ phase: 'promoted' }, 3)) });
    expect(await call('GET', '/api/v1/rollouts/r1?afterRev=3')).toMatchObject({ body: { phase: 'promoted' } });
    await server.close();
    await serve({ rollout: async () => ok(view({}, 3)) });
    expect(await call('GET', '/api/v1/rollouts/r1?afterRev=3&waitMs=0')).toMatchObject({ body: { rev: 3 } });
    await server.close();
    await serve({ rollout: async () => ok(view({}, 3)) }, { accepting: () => false });
    expect(await call('GET', '/api/v1/rollouts/r1?afterRev=3')).toMatchObject({ body: { rev: 3 } });
  });
});

describe('what operators ask for', () => {
  it('F5: is alive without its store, but not ready', async () => {
    await serve({ readiness: async () => [{ name: 'store', roles: ['api'], ok: false, detail: 'unavailable' }] });
    expect((await call('GET', '/livez')).status).toBe(200);
    expect(await call('GET', '/readyz')).toMatchObject({
      status: 503,
      body: {
        ready: false,
        checks: [
          { name: 'accepting', ok: true },
          { name: 'store', ok: false },
        ],
      },
    });
  });

  it('answers for each of its roles by that one alone', async () => {
    const checks = [
      { name: 'store', roles: ['api', 'scheduler'], ok: false, detail: 'unavailable' },
      { name: 'xds/edge', roles: ['xds'], ok: true, detail: 'table loaded' },
    ] as const;
    await serve({ readiness: async () => checks }, { roles: ['scheduler', 'xds'] });
    const names = async (path: string) => {
      const { status, body } = await call('GET', path);
      return [status, (body as { checks: { name: string }[] }).checks.map(({ name }) => name)];
    };
    expect(await names('/readyz')).toEqual([503, ['accepting', 'store', 'xds/edge']]);
    expect(await names('/readyz/scheduler')).toEqual([503, ['accepting', 'store']]);
    expect(await names('/readyz/xds')).toEqual([200, ['accepting', 'xds/edge']]);
    expect(await call('GET', '/readyz/api')).toMatchObject({
      status: 404,
      body: { detail: 'this replica has not the role api' },
    });
    expect((await call('GET', '/readyz/queue')).status).toBe(400);
  });

  it('serves no API without the role, and says so', async () => {
    await serve({}, { roles: ['xds'] });
    for (const path of ['/api/v1/rollouts', '/api/v1/fleets', '/api/v1/documents', '/api/v1/dead-letters']) {
      expect(await call('GET', path), path).toMatchObject({
        status: 404,
        body: { detail: 'this replica has not the role api' },
      });
    }
    for (const path of ['/livez', '/readyz', '/metrics']) expect((await call('GET', path)).status, path).toBe(200);
  });

  it('is not ready while it drains', async () => {
    await serve({}, { accepting: () => false });
    expect((await call('GET', '/readyz')).status).toBe(503);
  });

  it('answers what is under way when it closes, and takes nothing new', async () => {
    let release = (): void => undefined;
    let asked = false;
    await serve({
      command: async () => {
        asked = true;
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return ok(view());
      },
    });
    const pending = call('POST', '/api/v1/rollouts/r1/pause', {});
    await expect.poll(() => asked).toBe(true);
    const closing = server.close();
    await expect
      .poll(() =>
        call('GET', '/livez').then(
          () => 'answered',
          () => 'refused',
        ),
      )
      .toBe('refused');
    release();
    expect((await pending).status).toBe(200);
    await closing;
  });

  it('shows its metrics', async () => {
    await serve();
    const answer = await call('GET', '/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(answer.body).toContain('serin_');
  });

  it('describes every path it serves in /openapi.json', async () => {
    await serve();
    const { body } = await call('GET', '/openapi.json');
    const { openapi, paths } = body as { openapi: string; paths: Record<string, Record<string, unknown>> };
    expect(openapi).toBe('3.1.0');
    const served = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(served.toSorted()).toEqual(
      [
        'POST /api/v1/apply',
        'POST /api/v1/undo',
        'GET /api/v1/backends/{name}/endpoints',
        'PUT /api/v1/backends/{name}/endpoints',
        'POST /api/v1/store/reconcile',
        'GET /api/v1/emergency',
        'POST /api/v1/emergency/stable',
        'POST /api/v1/emergency/end',
        'GET /api/v1/documents',
        'GET /api/v1/documents/{kind}/{name}',
        'DELETE /api/v1/documents/{kind}/{name}',
        'POST /api/v1/rollouts',
        'GET /api/v1/rollouts',
        'GET /api/v1/rollouts/{id}',
        'GET /api/v1/rollouts/{id}/events',
        'GET /api/v1/rollouts/{id}/decisions',
        'GET /api/v1/rollouts/{id}/recording',
        'GET /api/v1/rollouts/{id}/verdicts',
        ...['pause', 'resume', 'promote', 'abort', 'approve', 'skip', 'jump'].map(
          (name) => `POST /api/v1/rollouts/{id}/${name}`,
        ),
        'POST /api/v1/explain',
        'GET /api/v1/fleets',
        'GET /api/v1/fleets/{fleet}',
        'GET /api/v1/fleets/{fleet}/nodes',
        'GET /api/v1/fleets/{fleet}/nodes/{id}',
        'GET /api/v1/fleets/{fleet}/nodes/{id}/diff',
        'GET /api/v1/dead-letters',
        'GET /api/v1/audit',
        'GET /livez',
        'GET /readyz',
        'GET /readyz/{role}',
      ].toSorted(),
    );
  });
});
