import { describe, expect, it } from 'vitest';
import type { Stage } from '../stage.ts';
import { alone, boot, credited, forEachVariant, kit, split } from './variants.ts';

forEachVariant(({ stage, connect, variant }) => {
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

  it('I3: who returns is told nothing that may be older than what another replica told it', async () => {
    // given a replica that cannot read the store, and an Envoy that another one has told something newer
    const s = await stage(alone(1));
    s.feed.fail('unavailable');
    const back = connect(s, { node: { id: 'back', cluster: 'edge' } });
    back.request({ type: 'cluster', version: 'newer', initial: { 'shop--v2': 'newer' } });
    await s.until('the return', ({ nodes }) => nodes[0]?.connected === true);
    // when others start anew, they are served with what was read last
    const fresh = connect(s, { node: { id: 'fresh', cluster: 'edge' } });
    fresh.request({ type: 'cluster' });
    await fresh.accept('cluster');
    expect(back.pending('cluster')).toBe(0);
    // then the one that returns is told what is read next
    s.feed.fail(null);
    s.feed.set(split(2, 500));
    expect([...(await back.next('cluster')).names].sort()).toEqual(['shop--v1', 'shop--v2']);
  });

  it('I11: one that asks for no clusters, as those that it has warm, gets no routes before them, not even its first', async () => {
    // given an Envoy whose replica died before it had any routes
    const s = await stage(split(1, 500), { limits: { stuckAfterMs: 60_000 } });
    const client = connect(s);
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    await client.accept('endpoint');
    client.request({ type: 'route', names: ['edge'] });
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    // when it has warmed them, and asks
    client.request({ type: 'cluster' });
    const clusters = await client.next('cluster');
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    // then
    client.ack(clusters);
    expect(JSON.stringify((await client.next('route')).resources)).toContain('shop--v2');
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
    // Whose clusters the young one's are cannot be told where each type has its own stream.
    if (!variant.aggregated) await old.accept('endpoint');
    await s.until('credit', credited(1));
    s.feed.set(split(2, 100));
    await old.accept('route');
    await old.barrier();
    expect(s.fleet().nodes[0]?.credited?.n).toBe(1);
    young.close();
    await s.until('credit', credited(2));
  });
});

const { stage, connect } = kit();

it.each(['sotw', 'delta'] as const)(
  'I11: %s routes on a stream of their own wait for the clusters of the other',
  async (protocol) => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const main = connect(s, { protocol, aggregated: true });
    const own = connect(s, { protocol, aggregated: false });
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

describe.each(['sotw', 'delta'] as const)('I11: %s routes on a stream of their own', (protocol) => {
  const apart = async (s: Stage) => {
    const main = connect(s, { protocol, aggregated: true });
    const own = connect(s, { protocol, aggregated: false });
    main.request({ type: 'cluster' });
    await main.accept('cluster');
    own.request({ type: 'route', names: ['edge'] });
    const held = await own.accept('route');
    await s.until('credit', credited(1));
    return { main, own, held: { version: held.version, initial: held.versions } };
  };

  it('that come back first wait until the other stream has brought the clusters', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const before = await apart(s);
    before.main.close();
    before.own.close();
    await s.until('disconnect', ({ nodes }) => nodes[0]?.connected === false);
    s.feed.set(split(2, 500));
    const own = connect(s, { protocol, aggregated: false });
    own.request({ type: 'route', names: ['edge'], ...before.held });
    await own.barrier();
    expect(own.pending('route')).toBe(0);
    const main = connect(s, { protocol, aggregated: true });
    main.request({ type: 'cluster' });
    const clusters = await main.next('cluster');
    await own.barrier();
    expect(own.pending('route')).toBe(0);
    main.ack(clusters);
    expect(JSON.stringify((await own.accept('route')).resources)).toContain('shop--v2');
    await s.until('credit', credited(2));
  });

  it('that stay while the other stream is away wait for its return', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const { main, own } = await apart(s);
    main.close();
    await s.until('the end of one stream', ({ nodes }) => nodes[0]?.types.length === 1);
    s.feed.set(split(2, 500));
    await own.barrier();
    expect(own.pending('route')).toBe(0);
    const back = connect(s, { protocol, aggregated: true });
    back.request({ type: 'cluster' });
    await back.accept('cluster');
    expect(JSON.stringify((await own.accept('route')).resources)).toContain('shop--v2');
  });
});
