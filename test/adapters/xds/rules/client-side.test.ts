import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { table } from '../../../core/traffic/tables.ts';
import { alone, boot, credited, forEachVariant, split } from './variants.ts';

forEachVariant(({ delta, stage, connect }) => {
  it('C3: every response of a type has a nonce of its own, also one of a table that is sent again', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    const first = await client.next('endpoint');
    client.ack(first, ['shop--v1', 'shop--v2']);
    const second = await client.next('endpoint');
    client.ack(second, ['shop--v1']);
    client.request({ type: 'endpoint', nonce: second.nonce, names: ['shop--v1', 'shop--v2'] });
    const third = await client.next('endpoint');
    expect(new Set([first.nonce, second.nonce, third.nonce]).size).toBe(3);
  });

  it('C7: a name that was given twice is answered once', async () => {
    const client = connect(await stage(split(1, 0)));
    client.request({ type: 'cluster', names: ['shop--v1', 'shop--v1'] });
    expect((await client.accept('cluster')).names).toEqual(['shop--v1']);
    client.request({ type: 'endpoint', names: ['shop--v2', 'shop--v2', 'gone', 'gone'] });
    expect([...(await client.accept('endpoint')).names].sort()).toEqual(['gone', 'shop--v2']);
  });

  it('C10: a star beside names keeps everything; without it only the names are left', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    client.request({ type: 'cluster', names: ['*', 'shop--v1'] });
    expect((await client.accept('cluster')).names).toEqual(['shop--v1']);
    s.feed.set(split(2, 0));
    const everything = await client.next('cluster');
    expect(everything.names).toContain('shop--v2');
    client.ack(everything, ['shop--v1']);
    await client.barrier();
    s.feed.set(alone(3));
    s.feed.set(split(4, 0));
    await client.barrier();
    while (client.pending('cluster') > 0) {
      // What is told of the one that was given back is at most that it is gone.
      expect((await client.accept('cluster')).names).not.toContain('shop--v2');
    }
  });

  it('C12: after an outage a client is told what it has, at the versions it has', async () => {
    const before = await stage(alone(7));
    const { port } = before.server;
    const first = connect(before);
    first.request({ type: 'cluster' });
    const had = await first.accept('cluster');
    await before.stop();
    expect((await first.ended).code).not.toBe(status.OK);
    const after = await stage(alone(9), { port });
    const again = connect(after);
    again.request({ type: 'cluster' });
    const has = await again.next('cluster');
    expect([has.version, has.versions]).toEqual([had.version, had.versions]);
  });

  it('C13: whatever a start waits for is answered at once, also with nothing', async () => {
    const client = connect(await stage(table(1, [])));
    client.request({ type: 'runtime', names: ['weights'] });
    await client.accept('runtime');
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'endpoint', names: ['unheard-of'] });
    await client.accept('endpoint');
    client.request({ type: 'listener' });
    await client.accept('listener');
    // A missing route configuration can be said to be missing in delta alone.
    client.request({ type: 'route', names: ['unheard-of'] });
    if (delta) expect((await client.accept('route')).removed).toEqual(['unheard-of']);
  });

  it('C14: who refuses everything gets each content once, delta also by itself; who asks without end is ended, alone', async () => {
    const s = await stage(split(1, 0), { limits: { requestBurst: 30, requestsPerSecond: 0.001 } });
    const neighbour = connect(s);
    await boot(neighbour, ['shop--v1', 'shop--v2']);
    await s.until('credit', credited(1));
    const client = connect(s, { node: { id: 'node-2', cluster: 'edge' } });
    client.request({ type: 'cluster' });
    client.nack(await client.next('cluster'), 'never');
    // Of what was refused together, each by itself once.
    if (delta) for (const _ of ['shop--v1', 'shop--v2']) client.nack(await client.next('cluster'), 'never');
    await client.barrier();
    expect(client.pending('cluster')).toBe(0);
    for (let i = 0; i < 40; i += 1) client.request({ type: 'cluster', names: [`name-${i}`] });
    expect(await client.ended).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('xds.limits.requestsPerSecond'),
    });
    s.feed.set(split(2, 100));
    await neighbour.accept('route');
    await s.until('credit', credited(2));
  });

  it('C15: a return with 10,000 names is served, a message beyond the limit is refused', async () => {
    const s = await stage(alone(1));
    const names = Array.from({ length: 10_000 }, (_, i) => `service-${i}--revision`);
    const client = connect(s);
    client.request({ type: 'endpoint', names, initial: Object.fromEntries(names.map((name) => [name, '0123456789'])) });
    const { names: answered, removed } = await client.next('endpoint');
    expect(answered.length + removed.length).toBe(10_000);
    const large = connect(s);
    large.raw(Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(await large.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('C16: a stream of old age ends in order, and the next one is served', async () => {
    const s = await stage(alone(1), { limits: { maxConnectionAgeMs: 500 } });
    const client = connect(s);
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    expect(await client.ended).toMatchObject({ code: status.OK });
    const next = connect(s);
    next.request({ type: 'cluster' });
    await next.next('cluster');
  });
});
