import { readFileSync } from 'node:fs';
import { createServer as createTlsServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BackendGrammar } from '../../../src/core/manifest/backend-grammar.ts';
import { cutRevision } from '../../../src/core/model/cut-revision.ts';
import type { OwnerTraffic } from '../../../src/core/model/traffic.ts';
import { backend, route, rule, table } from '../../core/traffic/tables.ts';
import { type EnvoyProcess, envoyProcess } from '../../support/envoy-process.ts';
import { echoServices } from './services.ts';
import { type Stage, stage } from './stage.ts';

/** What a Backend says about its hosts, and how a real Envoy then speaks to them. */

const tls = (name: string) => resolve('test/fixtures/tls', name);
const services = echoServices();
let secure: Server;
let secureAt = '';
/** What the secure service heard of whoever asked. */
let heard: { readonly sni: unknown; readonly subject: unknown } | null = null;
let s: Stage;
let envoy: EnvoyProcess;
let n = 1;

/** A backend as a document says, at one path. */
function owners(settings: object, at: string, revision = 'v1'): readonly OwnerTraffic[] {
  const spec = BackendGrammar.parse(settings);
  const endpoints = at === '' ? null : [at];
  const cut = cutRevision({ backend: 'shop', spec, revision, endpoints });
  if (cut.kind === 'error') throw new Error(JSON.stringify(cut.errors));
  return [backend('shop', [[cut.value, 10_000]]), route('web', [rule('shop', { timeoutMs: 500 })])];
}

/** Lets Envoy have it; what it says against it, or nothing. */
async function given(all: readonly OwnerTraffic[]): Promise<string | null> {
  n += 1;
  s.feed.set(table(n, all));
  const has = ({ nodes: [node] }: ReturnType<Stage['fleet']>) =>
    node?.credited?.n === n || node?.nack?.position.n === n;
  const { nodes } = await s.until('an answer', has);
  return nodes[0]?.nack?.message ?? null;
}

const ask = (path = '/') => services.ask(envoy.listenPort, path);

async function clusterOf(name: string): Promise<Record<string, unknown>> {
  const dump = await fetch(`http://127.0.0.1:${envoy.adminPort}/config_dump?resource=dynamic_active_clusters`);
  const { configs } = (await dump.json()) as { configs: { cluster: Record<string, unknown> }[] };
  return configs.find(({ cluster }) => String(cluster.name).startsWith(name))?.cluster ?? {};
}

beforeAll(async () => {
  const [key, cert] = [readFileSync(tls('server-key.pem')), readFileSync(tls('server.pem'))];
  secure = createTlsServer({ key, cert, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as TLSSocket & { servername?: unknown };
    heard = { sni: socket.servername, subject: socket.getPeerCertificate().subject?.CN };
    response.end('secure');
  });
  await new Promise<void>((done) => secure.listen(0, '127.0.0.1', done));
  secureAt = `127.0.0.1:${(secure.address() as AddressInfo).port}`;
  s = await stage(table(n, owners({}, await services.add('plain'), 'v0')));
  envoy = await envoyProcess('edge-1', 'edge', s.server.port);
  await envoy.start();
  await s.until('credit', ({ nodes }) => nodes[0]?.credited?.n === n);
});

afterAll(async () => {
  await envoy.close();
  await s.stop();
  services.close();
  secure.closeAllConnections();
  secure.close();
});

describe('TLS to the hosts', () => {
  const ca = { file: tls('ca.pem') };

  it('with the name that was asked for, a signer that is known and a certificate of Envoy’s own', async () => {
    const certificate = { chain: tls('server.pem'), key: tls('server-key.pem') };
    expect(await given(owners({ tls: { sni: 'localhost', ca, certificate } }, secureAt))).toBeNull();
    expect((await ask()).body).toBe('secure');
    expect(heard).toEqual({ sni: 'localhost', subject: 'localhost' });
  });

  it.each([
    ['a signer that is not known', { sni: 'localhost', ca: { file: tls('other-ca.pem') } }],
    ['a certificate for another name', { ca, names: ['shop.internal'] }],
  ])('does not speak to %s', async (_, settings) => {
    expect(await given(owners({ tls: settings }, secureAt))).toBeNull();
    expect((await ask()).status).toBe(503);
  });

  it('speaks to whoever answers where that was said', async () => {
    expect(await given(owners({ tls: { verify: false } }, secureAt))).toBeNull();
    expect((await ask()).body).toBe('secure');
  });

  it.each([
    ['file', '/no/such/file.pem'],
    ['sds', 'no-such-secret'],
  ])('is refused where an Envoy has no such %s', async (kind, name) => {
    expect(await given(owners({ tls: { sni: 'localhost', ca: { [kind]: name } } }, secureAt))).toContain(name);
  });
});

describe('which host a request goes to', () => {
  it.each([
    ['least-request', '2s', { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { slow_start_config: {} } }],
    ['ring-hash', undefined, { lb_policy: 'RING_HASH' }],
    ['random', undefined, { lb_policy: 'RANDOM' }],
  ])('%s', async (policy, slowStart, wanted) => {
    const loadBalancing = { policy, ...(slowStart === undefined ? {} : { slowStart }) };
    const at = await services.add(policy);
    expect(await given(owners({ loadBalancing }, at))).toBeNull();
    expect(await clusterOf('shop--v1')).toMatchObject(wanted);
    expect((await ask()).body).toBe(policy);
  });

  it('leaves out a host that answers badly, and then says so itself', async () => {
    const outlierEjection = { consecutive5xx: 3, interval: '100ms', maxEjected: 100 };
    expect(await given(owners({ outlierEjection }, await services.add('bad')))).toBeNull();
    await expect.poll(async () => (await ask('/broken')).status).toBe(503);
    expect((await ask('/')).status).toBe(503);
  });

  it('has so many requests open and no more', async () => {
    expect(await given(owners({ circuitBreaker: { requests: 1 } }, await services.add('narrow')))).toBeNull();
    const both = await Promise.all([ask('/slow'), ask('/slow')]);
    expect(both.map(({ status }) => status).sort()).toEqual([503, 504]);
    expect(both.some(({ headers }) => headers['x-envoy-overloaded'] === 'true')).toBe(true);
  });
});

describe('whether a host is well', () => {
  it('is told by a connection, where nothing else can be asked', async () => {
    const healthCheck = { tcp: true, interval: '100ms' };
    expect(await given(owners({ healthCheck }, await services.add('listens')))).toBeNull();
    expect((await ask()).body).toBe('listens');
  });

  it('is told by gRPC: one that does not speak it is not well', async () => {
    const healthCheck = { grpc: { service: 'shop.v1.Cart' }, interval: '100ms', unhealthyThreshold: 1 };
    expect(await given(owners({ protocol: 'grpc', healthCheck }, await services.add('http')))).toBeNull();
    expect((await ask()).status).toBe(503);
    expect(await clusterOf('shop--v1')).toMatchObject({
      health_checks: [{ grpc_health_check: { service_name: 'shop.v1.Cart' } }],
    });
  });
});

describe('a cluster of the Envoys’ own', () => {
  it('gets the requests by its name', async () => {
    // Any will do: the one by which it hears Serin, which answers only to gRPC.
    expect(await given(owners({ endpoints: { cluster: 'serin_{{ revision }}' } }, '', 'xds'))).toBeNull();
    expect((await ask()).status).toBe(415);
  });

  it('that an Envoy does not have is refused there, and the table before it stays', async () => {
    const said = await given(owners({ endpoints: { cluster: 'elsewhere-{{ revision }}' } }, '', 'v9'));
    expect(said).toContain('elsewhere-v9');
    expect((await ask()).status).toBe(415);
  });
});
