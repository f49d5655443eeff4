import type { OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/core/manifest/parse-documents.ts';
import type { Revision } from '../../../src/core/model/revision.ts';
import type { StickyArms } from '../../../src/core/model/sticky.ts';
import type { BackendTraffic, OwnerTraffic, RouteTraffic } from '../../../src/core/model/traffic.ts';
import { backend, revision, table } from '../../core/traffic/tables.ts';
import { envoyProcess } from '../../support/envoy-process.ts';
import { freePort } from '../../support/processes.ts';
import { type Answer, echoServices } from './services.ts';
import { type Stage, stage } from './stage.ts';

/** What a Route says, and what a real Envoy then does with requests. */
const RULES = `
- { name: exact header, matches: [{ path: { type: Exact, value: /h }, headers: [{ name: x, value: a }] }], backend: one }
- { name: suffix, matches: [{ path: { type: Exact, value: /h }, headers: [{ name: x, type: Suffix, value: -eu }] }], backend: two }
- { name: contains, matches: [{ path: { type: Exact, value: /h }, headers: [{ name: x, type: Contains, value: mid }] }], backend: three }
- { name: range, matches: [{ path: { type: Exact, value: /n }, headers: [{ name: x-n, type: Range, start: 10, end: 20 }] }], backend: one }
- { name: absent, matches: [{ path: { type: Exact, value: /n }, headers: [{ name: x-n, type: Absent }] }], backend: two }
- { name: cookie, matches: [{ path: { type: Exact, value: /c }, cookies: [{ name: arm, value: a.b }] }], backend: one }
- { name: any cookie, matches: [{ path: { type: Exact, value: /c }, cookies: [{ name: arm, type: Present }] }], backend: two }
- { name: query, matches: [{ path: { type: Exact, value: /q }, queryParams: [{ name: v, type: Prefix, value: b }] }], backend: one }
- { name: grpc, matches: [{ grpc: { service: shop.v1.Cart, method: Add } }], backend: one }
- { name: grpc service, matches: [{ grpc: { service: shop.v1.Cart } }], backend: two }
- { name: redirect, matches: [{ path: { value: /old } }], redirect: { status: 308, host: new.example.com, path: { type: ReplacePrefixMatch, value: /new } } }
- { name: respond, matches: [{ path: { value: /gone } }], respond: { status: 410, body: no more } }
- { name: strip, matches: [{ path: { value: /api } }], backend: one, rewrite: { path: { type: ReplacePrefixMatch, value: / }, host: inner.example.com } }
- { name: move, matches: [{ path: { value: /v1 } }], backend: one, rewrite: { path: { type: ReplacePrefixMatch, value: /v2/ } } }
- { name: full, matches: [{ path: { value: /full } }], backend: one, rewrite: { path: { type: ReplaceFullPath, value: /x } } }
- { name: regex, matches: [{ path: { value: /item } }], backend: one, rewrite: { path: { type: RegularExpression, pattern: "^/item/([0-9]+)", substitution: '/i?id=\\1' } } }
- name: headers
  matches: [{ path: { value: /headers } }]
  backend: one
  headers:
    request: { set: { x-set: "50%" }, add: { x-add: more }, remove: [x-gone] }
    response: { set: { x-answer: "yes" }, remove: [x-inner] }
- { name: retry, matches: [{ path: { value: /flaky } }], backend: one, retry: { statuses: [503], attempts: 2 } }
- { name: split, matches: [{ path: { value: /split } }], backends: [{ name: one, weight: 75 }, { name: two, weight: 25 }] }
- { name: mirror, matches: [{ path: { value: /mirror } }], backend: one, mirror: { backend: two } }
- { name: cors, matches: [{ path: { value: /cors } }], backend: one, cors: { origins: ["https://a.example.com"], methods: [GET], maxAge: 1h } }
- { name: fault, matches: [{ path: { value: /fault } }], backend: one, fault: { abort: { percent: 100, status: 418 } } }
- { name: limit, matches: [{ path: { value: /limit } }], backend: one, rateLimit: { requests: 2, per: 1h } }
- { name: slow, matches: [{ path: { value: /slow } }], backend: one, timeout: 100ms }
- { name: pinned, matches: [{ path: { value: /pinned } }], backend: pinned }
- { name: by cookie, matches: [{ path: { value: /by-cookie } }], backend: by-cookie }
- { name: by hash, matches: [{ path: { value: /by-hash } }], backend: by-hash }
- { name: rest, backend: three }
`;

const ends: (() => unknown)[] = [];
/** Stable and canary of the backends that roll. */
const arms: Record<string, readonly [Revision, Revision]> = {};

function split(name: string, weight: number, more: Partial<BackendTraffic> = {}): BackendTraffic {
  const [stable, canary] = arms[name] ?? [];
  if (stable === undefined || canary === undefined) throw new Error(`no arms of ${name}`);
  return backend(
    name,
    [
      [stable, 10_000 - weight],
      [canary, weight],
    ],
    more,
  );
}

let port = 0;
let s: Stage;
let owners: readonly OwnerTraffic[] = [];

const services = echoServices();
const { seen } = services;

const ask = (path: string, headers: OutgoingHttpHeaders = {}, method = 'GET'): Promise<Answer> =>
  services.ask(port, path, headers, method);
const served = async (path: string, headers: OutgoingHttpHeaders = {}) => (await ask(path, headers)).body;

function routeOf(rules: string): RouteTraffic {
  const text = `apiVersion: serin.dev/v1\nkind: Route\nmetadata: { name: shop }\nspec:\n  fleet: edge\n  hostnames: ["*"]\n  rules:${rules.replaceAll('\n', '\n    ')}`;
  const parsed = parseDocuments([{ file: 'route.yaml', text }], { shipped: [], stored: [] });
  if (parsed.kind === 'error') throw new Error(JSON.stringify(parsed.errors));
  const document = parsed.value[0]?.document;
  if (document?.kind !== 'Route') throw new Error('no Route');
  return { kind: 'route', route: document.name, spec: document.spec };
}

async function revisionAt(backendName: string, name: string) {
  const [host = '', at = ''] = (await services.add(name)).split(':');
  return revision(backendName, name, { endpoints: { kind: 'static', addresses: [{ host, port: Number(at) }] } });
}

/** The same as before but for this backend; resolves when Envoy goes by it. */
async function change(value: BackendTraffic): Promise<void> {
  owners = owners.map((one) => (one.kind === 'backend' && one.backend === value.backend ? value : one));
  const n = (s.fleet().nodes[0]?.credited?.n ?? 0) + 1;
  s.feed.set(table(n, owners));
  await s.until('credit', ({ nodes }) => nodes[0]?.nack != null || nodes[0]?.credited?.n === n);
  expect(s.fleet().nodes[0]?.nack ?? null).toBe(null);
}

beforeAll(async () => {
  const backends = [];
  for (const name of ['one', 'two', 'three']) {
    const v1 = await revisionAt(name, name);
    backends.push(backend(name, [[v1, 10_000]]));
  }
  for (const name of ['pinned', 'by-cookie', 'by-hash']) {
    arms[name] = [await revisionAt(name, 'stable'), await revisionAt(name, 'canary')];
    backends.push(split(name, 0));
  }
  port = await freePort();
  const ingress = { kind: 'listener' as const, listener: 'ingress', address: '127.0.0.1', port };
  owners = [...backends, routeOf(RULES), ingress];
  s = await stage(table(1, owners));
  ends.push(() => s.stop());
  const envoy = await envoyProcess('edge-1', 'edge', s.server.port, 'listeners too');
  ends.push(() => envoy.close());
  await envoy.start();
  await s.until('credit', ({ nodes }) => nodes[0]?.nack != null || nodes[0]?.credited?.n === 1);
  expect(s.fleet().nodes[0]?.nack ?? null).toBe(null);
});

afterAll(async () => {
  for (const end of ends.reverse()) await end();
  services.close();
});

describe('which requests', () => {
  it.each([
    ['/h', { x: 'a' }, 'one'],
    ['/h', { x: 'shop-eu' }, 'two'],
    ['/h', { x: 'in the middle' }, 'three'],
    ['/h', {}, 'three'],
    ['/n', { 'x-n': '10' }, 'one'],
    ['/n', { 'x-n': '20' }, 'three'],
    ['/n', {}, 'two'],
    ['/c', { cookie: 'b=1; arm=a.b; c=2' }, 'one'],
    ['/c', { cookie: 'arm=a.b' }, 'one'],
    ['/c', { cookie: 'arm=axb' }, 'two'],
    ['/c', { cookie: 'swarm=a.b' }, 'three'],
    ['/q?a=1&v=beta', {}, 'one'],
    ['/q?v=alpha', {}, 'three'],
    ['/shop.v1.Cart/Add', { 'content-type': 'application/grpc' }, 'one'],
    ['/shop.v1.Cart/Remove', { 'content-type': 'application/grpc+proto' }, 'two'],
    ['/shop.v1.Cart/Add', { 'content-type': 'application/json' }, 'three'],
  ] as const)('%s with %j goes to %s', async (path, headers, name) => {
    expect(await served(path, headers)).toBe(name);
  });
});

describe('what becomes of them', () => {
  it('leads elsewhere, by elements of the path', async () => {
    const answer = await ask('/old/a?b=c');
    expect([answer.status, answer.headers.location]).toEqual([308, 'http://new.example.com/new/a?b=c']);
  });

  it('answers by itself', async () => {
    expect(await ask('/gone')).toMatchObject({ status: 410, body: 'no more' });
  });

  it.each([
    ['/api/x/y?z=1', '/x/y?z=1'],
    ['/api', '/'],
    ['/v1/x', '/v2/x'],
    ['/v1', '/v2'],
    ['/full/of/it?q=1', '/x?q=1'],
    ['/item/17/more', '/i?id=17/more'],
  ])('%s reaches the service as %s', async (path, url) => {
    await ask(path);
    expect(seen.at(-1)?.url).toBe(url);
  });

  it('says another host to the service', async () => {
    await ask('/api');
    expect(seen.at(-1)?.headers.host).toBe('inner.example.com');
  });

  it('sets, adds and removes headers, to the letter', async () => {
    const answer = await ask('/headers', { 'x-add': 'first', 'x-gone': 'soon' });
    expect(seen.at(-1)?.headers).toMatchObject({ 'x-set': '50%', 'x-add': 'first, more' });
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-gone');
    expect(answer.headers['x-answer']).toBe('yes');
    expect(answer.headers).not.toHaveProperty('x-inner');
  });

  it('tries again', async () => {
    expect((await ask('/flaky')).status).toBe(200);
  });

  it('splits among backends', async () => {
    const names = await Promise.all(Array.from({ length: 400 }, () => served('/split')));
    const share = names.filter((name) => name === 'one').length / names.length;
    // Five standard deviations.
    expect(Math.abs(share - 0.75)).toBeLessThan(0.11);
    expect(new Set(names)).toEqual(new Set(['one', 'two']));
  });

  it('copies requests to another backend', async () => {
    expect(await served('/mirror')).toBe('one');
    await expect.poll(() => seen.some(({ by, url }) => by === 'two' && url === '/mirror')).toBe(true);
  });

  it('answers preflights', async () => {
    const origin = { origin: 'https://a.example.com', 'access-control-request-method': 'GET' };
    const answer = await ask('/cors', origin, 'OPTIONS');
    expect(answer.headers['access-control-allow-origin']).toBe('https://a.example.com');
    const stranger = await ask('/cors', { ...origin, origin: 'https://b.example.com' }, 'OPTIONS');
    expect(stranger.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('fails on purpose', async () => {
    expect((await ask('/fault')).status).toBe(418);
  });

  it('limits', async () => {
    const codes = [];
    for (let i = 0; i < 4; i += 1) codes.push((await ask('/limit')).status);
    expect(codes).toEqual([200, 200, 429, 429]);
  });

  it('waits for so long and no longer', async () => {
    expect((await ask('/slow')).status).toBe(504);
  });
});

describe('which requests a step pins', () => {
  it('is told by cookies, parameters, methods and paths as well', async () => {
    const matches = [
      { headers: [], cookies: [{ name: 'beta', type: 'Exact', value: '1' }] },
      { headers: [], queryParams: [{ name: 'beta', type: 'Present' }] },
      { headers: [], method: 'DELETE' },
      { headers: [], path: { type: 'PathPrefix', value: '/pinned/new' } },
    ] as const;
    const cluster = arms.pinned?.[1].cluster ?? '';
    await change(split('pinned', 0, { pins: [{ matches, cluster }] }));
    expect(await served('/pinned')).toBe('stable');
    expect(await served('/pinned/newer')).toBe('stable');
    expect(await served('/pinned', { cookie: 'a=b; beta=1' })).toBe('canary');
    expect(await served('/pinned?a=b&beta')).toBe('canary');
    expect((await ask('/pinned', {}, 'DELETE')).body).toBe('canary');
    expect(await served('/pinned/new/x?y')).toBe('canary');
  });
});

describe('a step', () => {
  it('copies requests to a canary that gets none of its own, and changes the headers of what goes there', async () => {
    const cluster = arms.pinned?.[1].cluster ?? '';
    const mark = { set: [{ name: 'x-arm', value: 'new' }], add: [], remove: [] };
    const headers = { clusters: [cluster], changes: { request: mark, response: { ...mark, remove: ['x-inner'] } } };
    await change(split('pinned', 0, { mirror: { cluster, share: 10_000 }, headers }));
    expect((await ask('/pinned/copied')).headers).not.toHaveProperty('x-arm');
    await expect.poll(() => seen.some(({ by, url }) => by === 'canary' && url === '/pinned/copied')).toBe(true);

    const matches = [{ headers: [{ name: 'x-new', type: 'Present' }] }] as const;
    await change(split('pinned', 0, { pins: [{ matches, cluster }], headers }));
    const answer = await ask('/pinned/marked', { 'x-new': '1' });
    expect([answer.body, answer.headers['x-arm'], answer.headers['x-inner']]).toEqual(['canary', 'new', undefined]);
    expect(seen.at(-1)?.headers['x-arm']).toBe('new');
    expect((await ask('/pinned')).headers['x-arm']).toBeUndefined();
  });
});

/** Users who come back: what each of them met, visit by visit. */
async function visits(users: readonly User[], path: string): Promise<readonly string[]> {
  return await Promise.all(
    users.map(async (user) => {
      const answer = await ask(path, { 'x-user': user.name, ...(user.cookie === '' ? {} : { cookie: user.cookie }) });
      user.cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? user.cookie;
      return answer.body;
    }),
  );
}

interface User {
  readonly name: string;
  cookie: string;
}

describe.each([
  ['by-cookie', { by: 'cookie', name: 'arm', tag: 't1', maxAgeMs: 60_000, drawn: [3_000, 6_000] }],
  ['by-hash', { by: 'hash', key: { by: 'header', name: 'x-user' } }],
] as const)('users who stay with an arm, %s', (name, sticky: StickyArms) => {
  const path = `/${name}`;
  const users = Array.from({ length: 300 }, (_, i): User => ({ name: `user-${i}`, cookie: '' }));
  const atCanary = (met: readonly string[]) => met.filter((arm) => arm === 'canary').length / met.length;

  it('come back to it, keep it while the canary grows, and are all on stable after a rollback', async () => {
    const first = sticky.by === 'cookie' ? { ...sticky, drawn: [3_000] } : sticky;
    await change(split(name, 3_000, { sticky: first }));
    const before = await visits(users, path);
    expect(Math.abs(atCanary(before) - 0.3)).toBeLessThan(0.14);
    expect(await visits(users, path)).toEqual(before);

    await change(split(name, 6_000, { sticky }));
    const after = await visits(users, path);
    expect(Math.abs(atCanary(after) - 0.6)).toBeLessThan(0.15);
    expect(before.filter((arm, i) => arm === 'canary' && after[i] !== 'canary')).toEqual([]);
    expect(await visits(users, path)).toEqual(after);

    await change(split(name, 0));
    expect(new Set(await visits(users, path))).toEqual(new Set(['stable']));
  });
});
