import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { backend, revision, table } from '../../../core/traffic/tables.ts';
import { alone, boot, forEachVariant, prepared, split, v1, v2, web } from './variants.ts';

forEachVariant(({ stage, connect }) => {
  it('D1: one request ACKs and subscribes; one with an old nonce, or none, still changes the subscription', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    client.ack(await client.next('endpoint'), ['shop--v1', 'shop--v2']);
    expect((await client.accept('endpoint')).names).toEqual(['shop--v2']);
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2', 'third'], nonce: 'old' });
    expect((await client.accept('endpoint')).names.concat()).toEqual(['third']);
    client.request({ type: 'endpoint', names: ['shop--v1', 'shop--v2', 'third', 'fourth'] });
    expect((await client.accept('endpoint')).names).toEqual(['fourth']);
  });

  it('D2: a name that is asked for again is answered again; one that was never asked for is given back in vain', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'route', names: ['edge', 'other'] });
    await client.accept('route');
    client.request({ type: 'route', names: ['edge', 'other'], again: ['edge'] });
    expect(await client.accept('route')).toMatchObject({ names: ['edge'], removed: [] });
  });

  it('D4: what a client held and is gone is taken away, what changed or is new is sent', async () => {
    const s = await stage(split(1, 0));
    const first = connect(s);
    first.request({ type: 'cluster' });
    const { versions } = await first.accept('cluster');
    const client = connect(s);
    const initial = { 'shop--v1': String(versions['shop--v1']), 'shop--v2': 'old', gone: '1' };
    client.request({ type: 'cluster', initial });
    expect(await client.next('cluster')).toMatchObject({ names: ['shop--v2'], removed: ['gone'] });
  });

  it('D5: what is asked for by name is sent although the client says to have it; all clusters need not be', async () => {
    const s = await stage(alone(1));
    const first = connect(s);
    await boot(first);
    first.request({ type: 'endpoint', names: ['shop--v1'], again: ['shop--v1'] });
    const { versions } = await first.accept('endpoint');
    const client = connect(s);
    client.request({ type: 'endpoint', names: ['shop--v1'], initial: versions });
    expect((await client.next('endpoint')).names).toEqual(['shop--v1']);
    const wild = connect(s);
    wild.request({ type: 'cluster' });
    const clusters = (await wild.accept('cluster')).versions;
    const back = connect(s);
    back.request({ type: 'cluster', initial: clusters });
    expect(await back.next('cluster')).toMatchObject({ names: [], removed: [] });
  });

  it('D6: an Envoy that forgets its wildcard is turned away', async () => {
    const version = (minorNumber: number) => ({ version: { majorNumber: 1, minorNumber, patch: 4 } });
    const s = await stage(alone(1));
    const old = connect(s, { node: { id: 'old', cluster: 'edge', userAgentBuildVersion: version(18) } });
    old.request({ type: 'cluster' });
    expect(await old.ended).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('1.19'),
    });
    const young = connect(s, { node: { id: 'young', cluster: 'edge', userAgentBuildVersion: version(19) } });
    young.request({ type: 'cluster' });
    await young.accept('cluster');
  });

  it('D7: a name that is given back under a star is answered: it is wanted all the same, or gone', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'cluster', names: ['*', 'shop--v1', 'gone'] });
    await client.accept('cluster');
    client.request({ type: 'cluster', names: ['*'] });
    expect(await client.accept('cluster')).toMatchObject({ names: ['shop--v1'], removed: ['gone'] });
  });

  it('D9: each resource has its own version; what one request adds and takes away is not asked for', async () => {
    const s = await stage(split(1, 0));
    const client = connect(s);
    client.request({ type: 'cluster' });
    const { versions } = await client.accept('cluster');
    expect(new Set(Object.values(versions)).size).toBe(2);
    s.feed.set(table(2, [backend('shop', [[v1, 10_000]], { revisions: [v1, slow2] }), web]));
    const changed = await client.accept('cluster');
    expect(changed.names).toEqual(['shop--v2']);
    expect(changed.versions['shop--v2']).not.toBe(versions['shop--v2']);
    client.request({ type: 'endpoint', names: ['shop--v1'] });
    await client.accept('endpoint');
    // given back and asked for in one request
    client.request({ type: 'endpoint', names: [], again: ['shop--v1'] });
    await client.barrier();
    s.feed.set(table(3, [backend('shop', [[moved1, 10_000]], { revisions: [moved1, slow2] }), web]));
    await client.barrier();
    expect(client.pending('endpoint')).toBe(0);
  });

  it('D10: what was refused stays unsent until it changes, and is taken away when it is withdrawn', async () => {
    const s = await stage(alone(1));
    const client = connect(s);
    await boot(client);
    s.feed.set(prepared(2));
    client.nack(await client.next('cluster'), 'no');
    s.feed.set(prepared(3));
    await client.barrier();
    expect(client.pending('cluster')).toBe(0);
    // Envoy may have applied what it could of the response.
    s.feed.set(alone(4));
    expect(await client.next('cluster')).toMatchObject({ names: [], removed: ['shop--v2'] });
  });

  it('D12: what no parent names any more, after a return, is said to be gone', async () => {
    const client = connect(await stage(alone(1)));
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'route', names: ['retired', 'edge'], initial: { retired: '1', edge: '1' } });
    expect(await client.next('route')).toMatchObject({ names: ['edge'], removed: ['retired'] });
  });
}, 'delta');

const slow2 = revision('shop', 'v2', { connectTimeoutMs: 3_000, endpoints: v2.endpoints });
const moved1 = revision('shop', 'v1', {
  endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 9_999 }] },
});
