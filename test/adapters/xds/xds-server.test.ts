import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { backend, revision, table } from '../../core/traffic/tables.ts';
import { alone, boot, credited, kit, split, v1, v2, web } from './rules/variants.ts';
import { stage as openStage } from './stage.ts';

const { stage, connect } = kit();

describe('who is served', () => {
  it.each([
    ['no node', null, status.INVALID_ARGUMENT, /node/],
    ['an empty id', { id: '', cluster: 'edge' }, status.INVALID_ARGUMENT, /node\.id/],
    ['an endless id', { id: 'x'.repeat(257), cluster: 'edge' }, status.INVALID_ARGUMENT, /256/],
    ['an unknown fleet', { id: 'a', cluster: 'other' }, status.PERMISSION_DENIED, /no fleet/],
  ] as const)('refuses %s', async (_name, node, code, details) => {
    const client = connect(await stage(alone(1)), { node });
    client.request({ type: 'cluster' });
    expect(await client.ended).toMatchObject({ code, details: expect.stringMatching(details) });
  });

  it('refuses too many resource names and names the setting', async () => {
    const client = connect(await stage(alone(1), { limits: { maxResourceNames: 3 } }));
    client.request({ type: 'endpoint', names: ['a', 'b', 'c', 'd'] });
    expect(await client.ended).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching('maxResourceNames'),
    });
  });

  it('refuses more streams than the limit', async () => {
    const s = await stage(alone(1), { limits: { maxStreams: 1 } });
    const first = connect(s);
    await boot(first);
    const second = connect(s);
    second.request({ type: 'cluster' });
    expect(await second.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('keeps a stream whose types it does not serve, unanswered', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    // DiscoveryRequest with only `type_url` (field 4).
    const url = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';
    client.raw(Buffer.concat([Buffer.from([0x22, url.length]), Buffer.from(url)]));
    await client.barrier();
    expect(s.log.filter(({ message }) => message.includes('not served'))).toHaveLength(1);
  });

  it('knows the node: name in Prometheus, connected or not', async () => {
    const s = await stage(alone(1));
    const metadata = { fields: { scrape: { structValue: { fields: { address: { stringValue: '10.0.0.1:9901' } } } } } };
    const client = connect(s, {
      node: {
        id: 'n',
        cluster: 'edge',
        metadata,
        userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 0 } },
      },
    });
    await boot(client);
    const [node] = (await s.until('credit', credited(1, 'n'))).nodes;
    expect(node).toMatchObject({ nodeId: 'n', connected: true, metricsName: '10.0.0.1:9901', envoyVersion: '1.40.0' });
    client.close();
    await s.until('disconnect', ({ nodes }) => nodes[0]?.connected === false);
  });
});

describe('answers', () => {
  it('answers listeners and runtime layers emptily, once, so that a start does not wait', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'listener' });
    expect((await client.accept('listener')).resources).toEqual([]);
    client.request({ type: 'runtime', names: ['weights'] });
    expect((await client.accept('runtime')).resources).toMatchObject([{ name: 'weights', layer: {} }]);
    await client.barrier();
    expect(client.pending('listener')).toBe(0);
  });
});

describe('pushes', () => {
  it('C4/C5: a NACK is reported and met with silence until the content changes', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(split(2, 100));
    client.nack(await client.next('route'), 'no such thing; Bearer abcdef');
    const refused = await s.until('nack', ({ nodes }) => nodes[0]?.nack != null);
    expect(refused.nodes[0]?.nack).toMatchObject({
      position: { n: 2 },
      type: 'route',
      message: expect.stringMatching(/^no such thing; Bearer \[redacted\]$/),
    });
    expect(refused.nodes[0]?.credited?.n).toBe(1);
    s.feed.set(split(3, 100));
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    s.feed.set(split(4, 0));
    await client.accept('route');
    const healed = await s.until('credit', credited(4));
    expect(healed.nodes[0]?.nack).toBeNull();
  });

  it('an endpoint change alone is pushed, and is credited with its ACK', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    await s.until('credit', credited(1));
    const moved = revision('shop', 'v1', {
      endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 9999 }] },
    });
    s.feed.set(table(2, [backend('shop', [[moved, 10_000]]), web]));
    const push = await client.next('endpoint');
    await client.barrier();
    expect(s.fleet().nodes[0]?.credited?.n).toBe(1);
    client.ack(push);
    await s.until('credit', credited(2));
  });
});

describe('make before break', () => {
  it('holds them on a reconnected stream too, but not for a client without routes', async () => {
    const s = await stage(split(1, 500));
    const back = connect(s);
    back.request({ type: 'cluster', version: 'old' });
    back.request({ type: 'route', names: ['edge'], version: 'old' });
    const clusters = await back.next('cluster');
    await back.barrier();
    expect(back.pending('route')).toBe(0);
    back.ack(clusters);
    await back.next('route');
    const fresh = connect(s, { node: { id: 'fresh', cluster: 'edge' } });
    fresh.request({ type: 'cluster' });
    fresh.request({ type: 'route', names: ['edge'] });
    await fresh.next('route');
  });

  it('swaps one cluster for another without a moment in which routes miss theirs', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(table(2, [backend('shop', [[v2, 10_000]]), web]));
    expect((await client.accept('cluster')).names).toEqual(['shop--v1', 'shop--v2']);
    expect(JSON.stringify((await client.accept('route')).resources)).not.toContain('shop--v1');
    expect((await client.accept('cluster')).names).toEqual(['shop--v2']);
    client.request({ type: 'endpoint', names: ['shop--v2'] });
    await client.accept('endpoint');
    await s.until('credit', credited(2));
  });

  it('a refused table is not sent, named, and leaves the last good one', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(table(2, [backend('shop', [[v1, 1]]), web]));
    await client.barrier();
    expect(s.server.refusals().get('edge')?.errors[0]?.message).toMatch('backend/shop');
    expect(client.pending('route')).toBe(0);
    s.feed.set(split(3, 0));
    await client.next('cluster');
    expect(s.server.refusals().size).toBe(0);
  });

  it('F6: a store that lost its data does not empty the fleet', async () => {
    const s = await stage(alone(5));
    const client = connect(s);
    await boot(client);
    s.feed.set(table(0, [], 'e2'));
    await client.barrier();
    expect(client.pending('cluster')).toBe(0);
    expect(s.server.refusals().get('edge')?.errors[0]?.message).toMatch('epoch');
  });
});

describe('a store that has lost what was published', () => {
  it('F6: freezes the fleet: nothing is sent, no old ACK counts, whatever the store says afterwards', async () => {
    // given
    const s = await stage(split(5, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(5));
    // when the store comes back with less, and a decision is committed on it
    s.feed.set(split(3, 0));
    s.feed.set(split(4, 100));
    await client.barrier();
    s.feed.set(split(6, 100));
    await client.barrier();
    // then
    expect(client.pending('route')).toBe(0);
    expect(s.fleet().nodes[0]?.credited).toBeNull();
    expect(s.server.refusals().get('edge')?.errors[0]).toMatchObject({
      code: 'SERIN_STORE_REGRESSED',
      message: 'the store has lost fleet revisions (it was at 5, then at 3)',
    });
  });

  it('goes on under the epoch that a person has begun, and old ACKs do not count for it', async () => {
    const s = await stage(split(5, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(5));
    s.feed.set(split(3, 0));
    await client.barrier();
    s.feed.set(
      table(
        4,
        [
          backend('shop', [
            [v1, 9_000],
            [v2, 1_000],
          ]),
          web,
        ],
        'e2',
      ),
    );
    await client.accept('route');
    const { nodes } = await s.until('credit', (state) => state.nodes[0]?.credited?.epoch === 'e2');
    expect(nodes[0]?.credited).toEqual({ epoch: 'e2', n: 4 });
    expect(s.server.refusals().size).toBe(0);
  });

  it('sends nothing while the store says that it is frozen', async () => {
    const s = await stage(split(5, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(5));
    s.feed.freeze('the store has lost commits');
    await client.barrier();
    expect(s.server.refusals().get('edge')?.errors[0]).toMatchObject({
      code: 'SERIN_STORE_REGRESSED',
      message: 'the store has lost commits',
    });
    expect(s.fleet().nodes[0]?.credited).toBeNull();
  });

  it('goes on in the same epoch when the store is what it was again, and sends what comes then', async () => {
    const s = await stage(split(5, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(5));
    s.feed.freeze('the store has lost commits');
    await client.barrier();
    s.feed.freeze(null);
    await client.barrier();
    expect(s.server.refusals().size).toBe(0);
    expect(s.fleet().nodes[0]?.credited).toEqual({ epoch: 'e1', n: 5 });
    s.feed.set(split(6, 1_000));
    await client.accept('route');
    await s.until('credit', credited(6));
  });

  it('does not, when it is thawed with less than it had', async () => {
    const s = await stage(split(5, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.freeze('the store has lost commits');
    await client.barrier();
    s.feed.set(split(4, 1_000));
    s.feed.freeze(null);
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    expect(s.server.refusals().get('edge')?.errors[0]).toMatchObject({ code: 'SERIN_STORE_REGRESSED' });
  });
});

describe('credit', () => {
  it('a revision that changes nothing here is credited without a message, a new epoch too', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(alone(7));
    await s.until('credit', credited(7));
    s.feed.set(table(2, [backend('shop', [[v1, 10_000]]), web], 'e2'));
    const { nodes } = await s.until('new epoch', (state) => state.nodes[0]?.credited?.epoch === 'e2');
    expect(nodes[0]?.credited).toEqual({ epoch: 'e2', n: 2 });
    expect([client.pending('cluster'), client.pending('route')]).toEqual([0, 0]);
  });
});

describe('outages and the end', () => {
  it('a store that is down or hangs changes nothing; afterwards the news goes out', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    for (const failure of ['unavailable', 'hang'] as const) {
      s.feed.fail(failure);
      s.feed.set(split(failure === 'hang' ? 3 : 2, failure === 'hang' ? 300 : 200));
      await client.barrier();
      expect(client.pending('route')).toBe(0);
      s.feed.fail(null);
      // The poll finds it, without a hint.
      await client.accept('route');
    }
    await s.until('credit', credited(3));
  });

  it('drain ends streams in order and does not wait for its deadline', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    const startMs = performance.now();
    await s.server.drain(5_000);
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(await client.ended).toMatchObject({ code: status.OK });
  });

  it('refuses to start on a port that is taken', async () => {
    const s = await stage(alone(1));
    await expect(openStage(alone(1), { port: s.server.port })).rejects.toThrow();
  });
});
