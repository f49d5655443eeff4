import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';
import { openXdsClient, type XdsClient, type XdsClientOptions, type XdsVariant } from '../../support/xds-client.ts';
import { stage as openStage, type Stage } from './stage.ts';

const protos = loadProtoBundle();
const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2', { endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 8082 }] } });
const web = route('web', [rule('shop')]);
const alone = (n: number) => table(n, [backend('shop', [[v1, 10_000]]), web]);
const split = (n: number, weight: number) =>
  table(n, [
    backend('shop', [
      [v1, 10_000 - weight],
      [v2, weight],
    ]),
    web,
  ]);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function stage(...args: Parameters<typeof openStage>): Promise<Stage> {
  const opened = await openStage(...args);
  ends.push(() => opened.stop());
  return opened;
}

const credited =
  (n: number, id = 'node-1') =>
  ({ nodes }: { nodes: readonly { nodeId: string; credited: { n: number } | null }[] }) =>
    nodes.find(({ nodeId }) => nodeId === id)?.credited?.n === n;

const VARIANTS: readonly (readonly [string, XdsVariant])[] = [
  ['state of the world, aggregated', { protocol: 'sotw', aggregated: true }],
  ['state of the world, a stream per type', { protocol: 'sotw', aggregated: false }],
  ['delta, aggregated', { protocol: 'delta', aggregated: true }],
  ['delta, a stream per type', { protocol: 'delta', aggregated: false }],
];

describe.each(VARIANTS)('%s', (_name, variant) => {
  const delta = variant.protocol === 'delta';

  function connect({ server }: Stage, options: Partial<XdsClientOptions> = {}): XdsClient {
    const client = openXdsClient({ port: server.port, ...variant, ...options });
    ends.push(() => client.close());
    return client;
  }

  /** Like an Envoy at start: clusters, their endpoints, then routes, each ACKed. */
  async function boot(client: XdsClient, services: readonly string[] = ['shop--v1']): Promise<void> {
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'endpoint', names: services });
    await client.accept('endpoint');
    client.request({ type: 'route', names: ['edge'] });
    await client.accept('route');
  }

  it('C1: keeps types apart, and refuses bytes that are no request on that stream alone', async () => {
    const s = await stage(alone(1));
    const good = connect(s);
    await boot(good);
    await s.until('credit', credited(1));
    const bad = connect(s, { node: { id: 'node-2', cluster: 'edge' } });
    bad.raw(Buffer.from('ffffffff', 'hex'));
    expect(await bad.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    s.feed.set(split(2, 0));
    expect((await good.next('cluster')).names).toContain('shop--v2');
  });

  it('C1: an empty type means the one of the stream; where there are several it is refused', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    const node = { id: 'node-1', cluster: 'edge' };
    client.raw(bareRequest(delta, { node }), 'cluster');
    if (variant.aggregated) {
      expect(await client.ended).toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringContaining('type_url'),
      });
    } else expect((await client.next('cluster')).names).toEqual(['shop--v1']);
  });

  it('C2: knows the node from the first message of a stream', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    client.request({ type: 'runtime', names: ['weights'] });
    await client.accept('runtime');
    await boot(client);
    await s.until('credit', credited(1));
    expect(s.fleet().nodes).toHaveLength(1);
  });

  it('C3/C4/C5: a refusal is known by its error, and met with silence until the content changes', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(split(2, 100));
    client.nack(await client.next('route'), 'no such thing');
    const refused = await s.until('nack', ({ nodes }) => nodes[0]?.nack != null);
    expect(refused.nodes[0]?.nack).toMatchObject({ position: { n: 2 }, type: 'route', message: 'no such thing' });
    s.feed.set(split(3, 100));
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    expect(s.fleet().nodes[0]?.credited?.n).toBe(1);
    s.feed.set(split(4, 0));
    await client.accept('route');
    await s.until('credit', credited(4));
    expect(s.fleet().nodes[0]?.nack).toBeNull();
  });

  it('C6: sends only what changed', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(split(2, 500));
    await client.accept('route');
    await client.barrier();
    expect([client.pending('cluster'), client.pending('endpoint'), client.pending('route')]).toEqual([0, 0, 0]);
  });

  it('C8: a name that does not exist is remembered and sent when it appears', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(split(2, 0));
    await client.accept('cluster');
    expect((await client.next('endpoint')).resources).toContainEqual(
      expect.objectContaining({ clusterName: 'shop--v2', endpoints: [expect.anything()] }),
    );
  });

  it('C9: an empty list is everything for clusters, and nothing for endpoints and routes', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'endpoint' });
    client.request({ type: 'route' });
    client.request({ type: 'cluster' });
    expect((await client.accept('cluster')).names).toEqual(['shop--v1']);
    await client.barrier();
    expect([client.pending('endpoint'), client.pending('route')]).toEqual([0, 0]);
  });

  it('C11: versions are content hashes: equal on another server, whatever the fleet revision', async () => {
    const versions: unknown[] = [];
    for (const position of [alone(1), alone(9)]) {
      const client = connect(await stage(position));
      client.request({ type: 'cluster' });
      const { version, versions: each } = await client.next('cluster');
      versions.push(delta ? each : version);
    }
    expect(versions[0]).toEqual(versions[1]);
  });

  it('C17/S1: keeps one response per type under way, and lets the newest win', async () => {
    const s = await stage(split(1, 0), { limits: { stuckAfterMs: 60_000 } });
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(1));
    s.feed.set(split(2, 100));
    const under = await client.next('route');
    for (const n of [3, 4, 5]) {
      s.feed.set(split(n, n * 100));
      await client.barrier();
    }
    expect(client.pending('route')).toBe(0);
    client.ack(under);
    const latest = await client.next('route');
    expect(JSON.stringify(latest.resources)).toContain('"value":500');
    client.ack(latest);
    await s.until('credit', credited(5));
    expect(client.pending('route')).toBe(0);
  });

  it('a response that is stuck is overtaken by a withdrawal', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 0 } });
    const client = connect(s);
    await boot(client);
    s.feed.set(split(2, 0));
    await client.next('cluster');
    s.feed.set(alone(3));
    const withdrawn = await client.next('cluster');
    if (delta) expect(withdrawn.removed).toEqual(['shop--v2']);
    else expect(withdrawn.names).toEqual(['shop--v1']);
    client.ack(withdrawn);
    await s.until('credit', credited(3));
  });

  it('C18: says who it is', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'cluster' });
    expect((await client.next('cluster')).controlPlane).toBe('serin');
  });

  it('S2/D3: a cluster that is gone is deleted', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(alone(2));
    await client.accept('route');
    const gone = await client.next('cluster');
    if (delta) expect(gone).toMatchObject({ names: [], removed: ['shop--v2'] });
    else expect(gone.names).toEqual(['shop--v1']);
    client.ack(gone);
    await s.until('credit', credited(2));
  });

  it('S3/D2: a name that was given back and is asked for again is answered again', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2'] });
    const first = await client.next('endpoint');
    client.ack(first, ['shop--v1']);
    client.request({ type: 'endpoint', nonce: first.nonce, names: ['shop--v1', 'shop--v2'] });
    expect((await client.next('endpoint')).names).toContain('shop--v2');
  });

  it('S5/D12: a new stream is answered in full, and told what no longer exists', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    const initial = { 'shop--v1': 'old', gone: '1' };
    client.request({ type: 'cluster', version: 'old', initial });
    const clusters = await client.next('cluster');
    expect(clusters.names).toEqual(['shop--v1']);
    if (delta) expect(clusters.removed).toEqual(['gone']);
    client.request({ type: 'endpoint', names: ['shop--v1', 'gone'], initial });
    const endpoints = await client.next('endpoint');
    if (delta) expect(endpoints).toMatchObject({ names: ['shop--v1'], removed: ['gone'] });
    else expect([...endpoints.names].sort()).toEqual(['gone', 'shop--v1']);
    client.request({ type: 'route', names: ['edge'], version: 'old', initial: { edge: 'old' } });
    client.ack(clusters);
    expect((await client.next('route')).names).toEqual(['edge']);
  });

  it('S5/D3: endpoints that nobody knows get an empty answer, so that nothing warms until a time-out', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'endpoint', names: ['unheard-of'] });
    expect((await client.next('endpoint')).resources).toEqual([{ clusterName: 'unheard-of' }]);
  });

  it('S6: answers whoever asks for a part only', async () => {
    const client = connect(await stage(split(1, 0)));
    client.request({ type: 'endpoint', names: ['shop--v2'] });
    expect((await client.next('endpoint')).names).toEqual(['shop--v2']);
    client.request({ type: 'cluster', names: ['shop--v1'] });
    expect((await client.next('cluster')).names).toEqual(['shop--v1']);
  });

  it('D8: a first request for everything is answered even if there is nothing', async () => {
    const client = connect(await stage(table(1, [])));
    client.request({ type: 'cluster' });
    expect((await client.next('cluster')).names).toEqual([]);
    client.request({ type: 'listener' });
    expect((await client.next('listener')).names).toEqual([]);
  });

  it('D11: a changed cluster is followed by its endpoints, unasked', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    const slower = revision('shop', 'v1', { connectTimeoutMs: 2_000 });
    s.feed.set(table(2, [backend('shop', [[slower, 10_000]]), web]));
    await client.next('cluster');
    expect((await client.next('endpoint')).names).toEqual(['shop--v1']);
  });

  it('D11: a new cluster that shares its endpoints with one that is there gets them, unasked', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(table(2, [backend('shop', [[v1, 10_000]], { pinned: [v1.key] }), web]));
    expect((await client.next('cluster')).names).toContain('shop--v1--pin');
    expect((await client.next('endpoint')).names).toEqual(['shop--v1']);
  });

  it('I3: sends nothing before the store was read, then everything', async () => {
    const s = await stage(null);
    const client = connect(s);
    client.request({ type: 'cluster' });
    await s.until('connect', ({ nodes }) => nodes[0]?.connected === true);
    expect(client.pending('cluster')).toBe(0);
    s.feed.set(alone(1));
    expect((await client.next('cluster')).names).toEqual(['shop--v1']);
  });

  it('I11: routes wait for the clusters they name, and clusters for the routes that name them', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const client = connect(s);
    await boot(client);
    s.feed.set(split(2, 500));
    const clusters = await client.next('cluster');
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    client.ack(clusters);
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2'] });
    await client.accept('endpoint');
    const withCanary = await client.next('route');
    expect(JSON.stringify(withCanary.resources)).toContain('shop--v2');
    client.ack(withCanary);
    await s.until('credit', credited(2));
    s.feed.set(alone(3));
    const without = await client.next('route');
    await client.barrier();
    expect(client.pending('cluster')).toBe(0);
    client.ack(without);
    await client.accept('cluster');
    await s.until('credit', credited(3));
  });

  it('credits nobody for clusters alone', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    await client.barrier();
    expect(s.fleet().nodes[0]?.credited).toBeNull();
  });

  it('credits a client that gets its routes alone', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    client.request({ type: 'route', names: ['edge'] });
    await client.accept('route');
    await s.until('credit', credited(1));
    s.feed.set(split(2, 500));
    await client.accept('route');
    await s.until('credit', credited(2));
  });

  it('a node is as far as the last of its streams', async () => {
    const s = await stage(split(1, 0));
    const old = connect(s);
    await boot(old, ['shop--v1', 'shop--v2']);
    const young = connect(s);
    await boot(young, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(1));
    s.feed.set(split(2, 100));
    await old.accept('route');
    await old.barrier();
    expect(s.fleet().nodes[0]?.credited?.n).toBe(1);
    young.close();
    await s.until('credit', credited(2));
  });
});

it.each(['sotw', 'delta'] as const)('C1: a %s stream of one type refuses another', async (protocol) => {
  const s = await stage(alone(1));
  const client = openXdsClient({ port: s.server.port, protocol, aggregated: false });
  ends.push(() => client.close());
  const typeUrl = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
  client.raw(bareRequest(protocol === 'delta', { node: { id: 'node-1', cluster: 'edge' }, typeUrl }), 'cluster');
  expect(await client.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
});

it.each(['sotw', 'delta'] as const)(
  'I11: %s routes on a stream of their own wait for the clusters of the other',
  async (protocol) => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const [main, own] = [true, false].map((aggregated) => {
      const client = openXdsClient({ port: s.server.port, protocol, aggregated });
      ends.push(() => client.close());
      return client;
    }) as [XdsClient, XdsClient];
    main.request({ type: 'cluster' });
    await main.accept('cluster');
    own.request({ type: 'route', names: ['edge'] });
    await own.accept('route');
    await s.until('credit', credited(1));
    s.feed.set(split(2, 500));
    const clusters = await main.next('cluster');
    await own.barrier();
    expect(own.pending('route')).toBe(0);
    main.ack(clusters);
    await own.accept('route');
    await s.until('credit', credited(2));
    s.feed.set(alone(3));
    const without = await own.next('route');
    await main.barrier();
    expect(main.pending('cluster')).toBe(0);
    own.ack(without);
    await main.accept('cluster');
    await s.until('credit', credited(3));
  },
);

/** A request with nothing but these fields. */
function bareRequest(delta: boolean, fields: object): Buffer {
  const message = protos.type(`envoy.service.discovery.v3.${delta ? 'Delta' : ''}DiscoveryRequest`);
  return Buffer.from(message.encode(message.fromObject(fields)).finish());
}
