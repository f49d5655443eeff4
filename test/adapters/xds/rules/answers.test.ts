import { expect, it } from 'vitest';
import { backend, revision, table } from '../../../core/traffic/tables.ts';
import { alone, boot, credited, forEachVariant, prepared, split, v1, web } from './variants.ts';

const v3 = revision('shop', 'v3');

forEachVariant(({ delta, stage, connect }) => {
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

  it('S2: endpoints of a cluster that is on its way out are never answered as empty', async () => {
    // given an Envoy whose routes still name v2, which the newest table does not have any more
    const s = await stage(split(1, 500));
    const client = connect(s);
    await boot(client, ['shop--v1', 'shop--v2']);
    s.feed.set(
      table(2, [
        backend('shop', [
          [v1, 0],
          [v3, 10_000],
        ]),
        web,
      ]),
    );
    await client.accept('cluster');
    const names = ['shop--v1', 'shop--v2', 'shop--v3'];
    client.request({ type: 'endpoint', names });
    const first = await client.accept('endpoint');
    // when it asks for the endpoints of one more
    client.request({ type: 'endpoint', names: [...names, 'not-here'], nonce: first.nonce });
    const second = await client.accept('endpoint');
    // then only what never was there is empty
    expect([...first.names, ...second.names]).not.toContain('shop--v2');
    expect(second.resources).toContainEqual({ clusterName: 'not-here' });
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

  it('D11: endpoints that were asked for before any cluster come again with the first clusters', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    await client.accept('endpoint');
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    expect((await client.accept('endpoint')).names).toEqual(['shop--v1']);
    await client.barrier();
    expect(client.pending('endpoint')).toBe(0);
  });

  it('D11: endpoints of a cluster that only comes later come again with it, also where it was asked for before', async () => {
    const s = await stage(alone(1), { limits: { stuckAfterMs: 60_000 } });
    const client = connect(s);
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2'] });
    await client.accept('endpoint');
    client.request({ type: 'cluster' });
    // Not ACKed yet: Envoy has clusters that warm. So the endpoints of the next ones come before these do.
    const first = await client.next('cluster');
    await client.accept('endpoint');
    s.feed.set(prepared(2));
    expect((await client.accept('endpoint')).names).toContain('shop--v2');
    client.ack(first);
    expect((await client.next('cluster')).names).toContain('shop--v2');
    expect((await client.next('endpoint')).names).toContain('shop--v2');
  });
});
