import { expect, it } from 'vitest';
import { backend, revision, table } from '../../../core/traffic/tables.ts';
import { alone, boot, credited, forEachVariant, prepared, split, v1, v2, web } from './variants.ts';

const moved = revision('shop', 'v2', {
  endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 9_999 }] },
});
const slower = revision('shop', 'v1', { connectTimeoutMs: 2_000 });

forEachVariant(({ stage, connect }) => {
  it('S1: a request with an old nonce is not answered, and takes no part in what follows', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(split(2, 100));
    const current = await client.next('route');
    client.request({ type: 'route', names: ['edge'], nonce: '1' });
    client.request({ type: 'route', names: ['edge'], nonce: 'unheard-of', error: 'late' });
    await client.barrier();
    expect(client.pending('route')).toBe(0);
    expect(s.fleet().nodes[0]?.nack ?? null).toBeNull();
    client.ack(current);
    await s.until('credit', credited(2));
  });

  it('S1: an ACK of the last of several responses is one of all of them', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 0 } });
    const client = connect(s);
    await boot(client);
    s.feed.set(prepared(2));
    await client.next('cluster');
    s.feed.set(table(3, [backend('shop', [[slower, 10_000]], { revisions: [slower, v2] }), web]));
    const last = await client.next('cluster');
    client.ack(last);
    await client.accept('endpoint');
    await s.until('credit', credited(3));
  });

  it('S2: a route configuration that is gone is not taken from those who use it', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(table(2, [backend('shop', [[v1, 10_000]])]));
    await client.barrier();
    while (client.pending('route') > 0) {
      const { names, removed } = await client.accept('route');
      expect(names.length + removed.length).toBeGreaterThan(0);
    }
  });

  it('S3: the endpoint request that follows a changed cluster looks like a repeated ACK, and is answered once', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    const had = await client.accept('endpoint');
    s.feed.set(table(2, [backend('shop', [[slower, 10_000]]), web]));
    await client.next('cluster');
    client.request({ type: 'endpoint', names: ['shop--v1'], nonce: had.nonce, version: had.version });
    expect((await client.accept('endpoint')).names).toEqual(['shop--v1']);
    await client.barrier();
    expect(client.pending('endpoint')).toBe(0);
  });

  it('S4: names that were given back are not answered any more', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2', 'other'] });
    const last = await client.next('endpoint');
    client.ack(last, ['shop--v1']);
    await client.barrier();
    s.feed.set(
      table(2, [
        backend('shop', [
          [v1, 10_000],
          [moved, 0],
        ]),
        web,
      ]),
    );
    await client.barrier();
    expect(client.pending('endpoint')).toBe(0);
  });

  it('S5: a first request is answered in full also with the version held and the nonce of an earlier stream', async () => {
    const s = await stage(alone(1));
    const first = connect(s);
    first.request({ type: 'endpoint', names: ['shop--v1'] });
    const { version, versions } = await first.next('endpoint');
    const again = connect(s);
    again.request({ type: 'endpoint', names: ['shop--v1'], version, nonce: '77', initial: versions });
    expect(await again.next('endpoint')).toMatchObject({ version, names: ['shop--v1'] });
  });
});
