import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { loadProtoBundle } from '../../../../src/adapters/xds/proto-bundle.ts';
import { alone, boot, credited, forEachVariant, kit, split } from './variants.ts';

forEachVariant(({ delta, variant, stage, connect }) => {
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
});

const { stage, connect } = kit();

it.each(['sotw', 'delta'] as const)('C1: a %s stream of one type refuses another', async (protocol) => {
  const s = await stage(alone(1));
  const client = connect(s, { protocol, aggregated: false });
  const typeUrl = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
  client.raw(bareRequest(protocol === 'delta', { node: { id: 'node-1', cluster: 'edge' }, typeUrl }), 'cluster');
  expect(await client.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
});

const protos = loadProtoBundle();

/** A request with nothing but these fields. */
function bareRequest(delta: boolean, fields: object): Buffer {
  const message = protos.type(`envoy.service.discovery.v3.${delta ? 'Delta' : ''}DiscoveryRequest`);
  return Buffer.from(message.encode(message.fromObject(fields)).finish());
}
