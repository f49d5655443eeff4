import type { ClientHttp2Stream } from 'node:http2';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { TYPE_URLS } from '../../../src/adapters/xds/xds-types.ts';
import { backend, route, rule, table } from '../../core/traffic/tables.ts';
import { frame, openH2Peer, statusOf } from '../../support/h2-peer.ts';
import type { XdsClient } from '../../support/xds-client.ts';
import { alone, boot, credited, kit, split, v1, v2, web } from './rules/variants.ts';
import type { Stage } from './stage.ts';

const { stage, connect, atEnd } = kit();
const protos = loadProtoBundle();
const encode = (name: string, fields: object): Buffer => {
  const message = protos.type(`envoy.service.discovery.v3.${name}`);
  return Buffer.from(message.encode(message.fromObject(fields)).finish());
};
const MIB = 1024 * 1024;

/** A well-behaved neighbour, served before and, whatever the other does, meanwhile. */
async function neighbour(s: Stage): Promise<{ served(n: number): Promise<void> }> {
  const client: XdsClient = connect(s);
  await boot(client, ['shop--v1', 'shop--v2']);
  await s.until('credit', credited(1));
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  return {
    async served(n) {
      s.feed.set(split(n, n * 100));
      await client.accept('route');
      await s.until('credit', credited(n));
      delay.disable();
      console.log(`longest turn of the loop, both sides of the wire: ${(delay.max / 1e6).toFixed(0)} ms`);
    },
  };
}

describe('a hostile peer gets a status, or nothing, and nobody else notices', () => {
  const bombs: readonly (readonly [string, 'sotw' | 'delta', () => Buffer, status])[] = [
    ['bytes that are no message', 'sotw', () => Buffer.from('ffffffff', 'hex'), status.INVALID_ARGUMENT],
    ['four megabytes of zeros', 'sotw', () => Buffer.alloc(4 * MIB - 1), status.INVALID_ARGUMENT],
    ['a message beyond the limit', 'delta', () => Buffer.alloc(4 * MIB + 1), status.RESOURCE_EXHAUSTED],
    [
      'two million fields of no meaning',
      'sotw',
      () => Buffer.alloc(4 * MIB - 2, '7801', 'hex'),
      status.INVALID_ARGUMENT,
    ],
    [
      'a node of four megabytes',
      'sotw',
      () => encode('DiscoveryRequest', { typeUrl: TYPE_URLS.cluster, node: { id: 'x'.repeat(4 * MIB - 1_000) } }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a node whose metadata has 250 KB in small pieces',
      'sotw',
      () =>
        encode('DiscoveryRequest', {
          typeUrl: TYPE_URLS.cluster,
          node: { ...FIRST.node, metadata: manyFields(20_000) },
        }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a name of four megabytes',
      'sotw',
      () =>
        encode('DiscoveryRequest', {
          ...FIRST,
          typeUrl: TYPE_URLS.endpoint,
          resourceNames: ['x'.repeat(4 * MIB - 1_000)],
        }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a type URL of four megabytes',
      'sotw',
      () => encode('DiscoveryRequest', { ...FIRST, typeUrl: 'x'.repeat(4 * MIB - 1_000) }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a subscription to 100,000 names',
      'sotw',
      () => encode('DiscoveryRequest', { ...FIRST, typeUrl: TYPE_URLS.endpoint, resourceNames: numbers(100_000) }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a subscription to 100,000 names',
      'delta',
      () =>
        encode('DeltaDiscoveryRequest', {
          ...FIRST,
          typeUrl: TYPE_URLS.endpoint,
          resourceNamesSubscribe: numbers(100_000),
        }),
      status.INVALID_ARGUMENT,
    ],
    [
      'a return with 60,000 resources',
      'delta',
      () =>
        encode('DeltaDiscoveryRequest', {
          ...FIRST,
          typeUrl: TYPE_URLS.cluster,
          initialResourceVersions: Object.fromEntries(numbers(60_000).map((name) => [name, '1'])),
        }),
      status.INVALID_ARGUMENT,
    ],
    ['a node that goes down 2,000 levels', 'sotw', () => nested(2_000), status.INVALID_ARGUMENT],
  ];

  it.each(bombs)('%s (%s)', async (_name, protocol, bomb, code) => {
    const s = await stage(split(1, 0));
    const good = await neighbour(s);
    const bad = connect(s, { protocol });
    bad.raw(bomb());
    expect(await bad.ended).toMatchObject({ code });
    await good.served(2);
  });

  it('a refusal that quotes four megabytes is read, and its stream lives on', async () => {
    const s = await stage(split(1, 0));
    const good = await neighbour(s);
    const bad = connect(s, { node: { id: 'bad', cluster: 'edge' } });
    bad.request({ type: 'cluster' });
    const quoted = `goo.gle/debugproto ${'name: "hunter2" '.repeat(250_000)}: Proto constraint validation failed (a: bad)`;
    bad.nack(await bad.next('cluster'), quoted);
    const { nodes } = await s.until('nack', ({ nodes }) => nodes.some(({ nack }) => nack != null));
    expect(nodes.find(({ nodeId }) => nodeId === 'bad')?.nack?.message).toBe('Proto constraint validation failed: bad');
    await bad.barrier();
    await good.served(2);
  });

  it('100,000 names in many small requests', async () => {
    const s = await stage(split(1, 0));
    const good = await neighbour(s);
    const bad = connect(s, { protocol: 'delta', node: { id: 'bad', cluster: 'edge' } });
    for (let i = 0; i < 20; i += 1) {
      const resourceNamesSubscribe = numbers(5_000).map((name) => `${i}-${name}`);
      bad.raw(encode('DeltaDiscoveryRequest', { ...BAD, typeUrl: TYPE_URLS.endpoint, resourceNamesSubscribe }));
    }
    expect(await bad.ended).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('xds.limits.maxResourceNames'),
    });
    await good.served(2);
  });

  it('who never ACKs has at most 64 responses unanswered', async () => {
    const s = await stage(split(1, 0), { limits: { stuckAfterMs: 0 } });
    const good = await neighbour(s);
    const bad = connect(s, { protocol: 'delta', node: { id: 'bad', cluster: 'edge' } });
    for (let i = 0; i < 70; i += 1) bad.request({ type: 'endpoint', names: [`name-${i}`] });
    expect(await bad.ended).toEqual(
      expect.objectContaining({
        code: status.RESOURCE_EXHAUSTED,
        details: 'more than 64 responses are unanswered',
      }),
    );
    expect(bad.pending('endpoint')).toBe(64);
    await good.served(2);
  });

  it('who ACKs late has no bound', async () => {
    const s = await stage(split(1, 0), { limits: { stuckAfterMs: 0 } });
    const late = connect(s, { protocol: 'delta' });
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 60; i += 1) late.request({ type: 'endpoint', names: [`name-${round}-${i}`] });
      for (let i = 0; i < 60; i += 1) late.ack(await late.next('endpoint'));
    }
    await late.barrier();
  });

  it('a flood of requests', async () => {
    const s = await stage(split(1, 0));
    const good = await neighbour(s);
    const bad = connect(s, { node: { id: 'bad', cluster: 'edge' } });
    for (let i = 0; i < 5_000; i += 1) bad.request({ type: 'endpoint', names: [`name-${i}`] });
    expect(await bad.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await good.served(2);
  });

  it('a flood of unknown types is logged a few times, and ends as any flood', async () => {
    const s = await stage(split(1, 0));
    const good = await neighbour(s);
    const bad = connect(s, { node: { id: 'bad', cluster: 'edge' } });
    for (let i = 0; i < 5_000; i += 1) bad.raw(encode('DiscoveryRequest', { ...BAD, typeUrl: `type.of/${i}` }));
    expect(await bad.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(s.log.filter(({ message }) => message.includes('not served')).length).toBeLessThanOrEqual(16);
    await good.served(2);
  });

  it('a stream without a request', async () => {
    const s = await stage(split(1, 0), { limits: { silenceMs: 200 } });
    const good = await neighbour(s);
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    expect(await statusOf(peer.open())).toBe(status.DEADLINE_EXCEEDED);
    await good.served(2);
  });

  it('more streams on one connection than are allowed', async () => {
    const s = await stage(split(1, 0), { limits: { maxStreamsPerConnection: 4 } });
    const good = await neighbour(s);
    const peer = openH2Peer(s.server.port);
    atEnd(() => peer.close());
    const request = encode('DiscoveryRequest', { ...BAD, typeUrl: TYPE_URLS.cluster });
    let answered = 0;
    const all = Array.from({ length: 50 }, () => {
      const stream = peer.open();
      stream.on('data', () => {
        answered += 1;
      });
      stream.write(frame(request));
      return stream;
    });
    await good.served(2);
    await s.until('four', ({ nodes }) => nodes.some(({ nodeId, connected }) => nodeId === 'bad' && connected));
    expect(answered).toBeLessThanOrEqual(4);
    for (const stream of all) stream.destroy();
  });

  it('who never reads has one response waiting, and gets the newest when it does', async () => {
    const hosts = Array.from({ length: 400 }, (_, i) => `host-${i}.${'x'.repeat(200)}.example`);
    const wide = (n: number, weight: number) =>
      table(n, [
        backend('shop', [
          [v1, 10_000 - weight],
          [v2, weight],
        ]),
        web,
        ...hosts.map((host, i) => route(`r${i}`, [rule('shop')], [host])),
      ]);
    const s = await stage(wide(1, 0), { limits: { stuckAfterMs: 0 } });
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(1));
    const peer = openH2Peer(s.server.port, 1_024);
    atEnd(() => peer.close());
    const stream = peer.open();
    stream.pause();
    const ask = (type: 'cluster' | 'route', names: string[]) =>
      stream.write(frame(encode('DiscoveryRequest', { ...BAD, typeUrl: TYPE_URLS[type], resourceNames: names })));
    ask('route', ['edge']);
    await s.until('slow', ({ nodes }) => nodes.some(({ nodeId, connected }) => nodeId === 'bad' && connected));
    for (let n = 2; n <= 40; n += 1) {
      s.feed.set(wide(n, n));
      await client.accept('route');
      await s.until('credit', credited(n));
    }
    // The first one, long out of date, and behind it only the newest.
    const [first, second] = await messages(stream, 2);
    expect(first?.length).toBeGreaterThan(64 * 1024);
    expect([first, second].map((bytes) => bytes && decode(bytes).nonce)).toEqual(['1', '40']);
  });
});

it('a table whose routes name a cluster that is not there is refused before it is sent, and the record is named', async () => {
  const s = await stage(alone(1));
  const client = connect(s);
  await boot(client);
  const split = [{ cluster: 'shop--v9', weight: 10_000 }];
  s.feed.set(table(2, [backend('shop', [[v1, 10_000]], { split }), web]));
  await client.barrier();
  expect([client.pending('cluster'), client.pending('route')]).toEqual([0, 0]);
  const [error] = s.server.refusals().get('edge')?.errors ?? [];
  expect(error?.message).toContain('backend/shop: its split names cluster shop--v9');
  s.feed.set(alone(3));
  await s.until('credit', credited(3));
  expect(s.server.refusals().size).toBe(0);
});

const FIRST = { node: { id: 'node-1', cluster: 'edge' } };
const BAD = { node: { id: 'bad', cluster: 'edge' } };
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => i.toString(36));

const manyFields = (count: number): object => ({
  fields: Object.fromEntries(numbers(count).map((name) => [name, { boolValue: true }])),
});

function decode(bytes: Buffer): { readonly nonce: string } {
  return protos.type('envoy.service.discovery.v3.DiscoveryResponse').decode(bytes) as unknown as { nonce: string };
}

/** Reads so many messages from a stream that nobody has read before. */
function messages(stream: ClientHttp2Stream, count: number): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const taken: Buffer[] = [];
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        taken.push(rest.subarray(5, end));
        rest = rest.subarray(end);
        if (taken.length === count) resolve(taken);
      }
    });
    stream.resume();
  });
}

/** Node metadata of structures within structures, written by hand: no encoder goes so deep. */
function nested(levels: number): Buffer {
  const field = (tag: number, body: Buffer): Buffer => {
    const length: number[] = [];
    for (let rest = body.length; ; rest >>>= 7) {
      length.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
      if (rest < 0x80) break;
    }
    return Buffer.concat([Buffer.from([tag, ...length]), body]);
  };
  let struct: Buffer = Buffer.alloc(0);
  // Struct.fields 1 { key 1, value 2 { struct_value 5 } }
  for (let i = 0; i < levels; i += 1) {
    const entry = Buffer.concat([field(0x0a, Buffer.from('a')), field(0x12, field(0x2a, struct))]);
    struct = field(0x0a, entry);
  }
  // DiscoveryRequest { node 2 { id 1, metadata 3 }, type_url 4 }
  const node = Buffer.concat([field(0x0a, Buffer.from('deep')), field(0x1a, struct)]);
  return Buffer.concat([field(0x12, node), field(0x22, Buffer.from(TYPE_URLS.cluster))]);
}
