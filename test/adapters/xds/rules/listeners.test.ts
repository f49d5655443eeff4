import { expect, it } from 'vitest';
import type { ListenerTraffic } from '../../../../src/core/model/traffic.ts';
import { backend, table } from '../../../core/traffic/tables.ts';
import type { XdsClient } from '../../../support/xds-client.ts';
import { boot, credited, forEachVariant, v1, web } from './variants.ts';

const at = (listener: string, port: number): ListenerTraffic => ({
  kind: 'listener',
  listener,
  address: '127.0.0.1',
  port,
});
const listening = (n: number, ...listeners: readonly ListenerTraffic[]) =>
  table(n, [backend('shop', [[v1, 10_000]]), web, ...listeners]);
const [ingress, admin] = [at('ingress', 10_000), at('admin', 10_001)];

async function start(client: XdsClient): Promise<void> {
  await boot(client);
  client.request({ type: 'listener' });
  await client.accept('listener');
}

forEachVariant(({ delta, stage, connect }) => {
  it('who asks for all listeners gets those of the fleet, and is credited with them', async () => {
    const s = await stage(listening(1, ingress, admin));
    const client = connect(s);
    await boot(client);
    client.request({ type: 'listener' });
    const response = await client.next('listener');
    expect(response.names).toEqual(['admin', 'ingress']);
    expect(response.resources[1]).toMatchObject({ address: { socketAddress: { portValue: 10_000 } } });
    await client.barrier();
    expect(s.fleet().nodes[0]?.credited).toBeNull();
    client.ack(response);
    await s.until('credit', credited(1));
  });

  it('S2: a listener that moves is sent again, one that is gone is deleted, and nothing else is', async () => {
    const s = await stage(listening(1, ingress, admin));
    const client = connect(s);
    await start(client);
    s.feed.set(listening(2, at('ingress', 10_002), admin));
    const moved = await client.accept('listener');
    expect(moved.names).toEqual(delta ? ['ingress'] : ['admin', 'ingress']);
    s.feed.set(listening(3, at('ingress', 10_002)));
    const gone = await client.accept('listener');
    if (delta) expect(gone).toMatchObject({ names: [], removed: ['admin'] });
    else expect(gone.names).toEqual(['ingress']);
    await s.until('credit', credited(3));
    expect([client.pending('cluster'), client.pending('route'), client.pending('listener')]).toEqual([0, 0, 0]);
  });

  it('S2/D3: the last listener that is gone is deleted, too', async () => {
    const s = await stage(listening(1, ingress));
    const client = connect(s);
    await start(client);
    s.feed.set(listening(2));
    const gone = await client.accept('listener');
    expect(gone).toMatchObject({ names: [], removed: delta ? ['ingress'] : [] });
    await s.until('credit', credited(2));
  });

  it('who asks for one by name gets that one, and it when it comes', async () => {
    const s = await stage(listening(1, ingress));
    const client = connect(s);
    await boot(client);
    client.request({ type: 'listener', names: ['admin'] });
    expect((await client.accept('listener')).names).toEqual([]);
    s.feed.set(listening(2, ingress, admin));
    expect((await client.accept('listener')).names).toEqual(['admin']);
  });

  it('C4/C5: a refused listener is reported, and met with silence until it changes', async () => {
    const s = await stage(listening(1, ingress));
    const client = connect(s);
    await start(client);
    await s.until('credit', credited(1));
    s.feed.set(listening(2, at('ingress', 10_002)));
    client.nack(await client.next('listener'), "cannot bind '127.0.0.1:10002': Address already in use");
    const refused = await s.until('nack', ({ nodes }) => nodes[0]?.nack != null);
    expect(refused.nodes[0]).toMatchObject({ credited: { n: 1 }, nack: { type: 'listener', position: { n: 2 } } });
    await client.barrier();
    expect(client.pending('listener')).toBe(0);
    s.feed.set(listening(3, at('ingress', 10_003)));
    await client.accept('listener');
    await s.until('credit', credited(3));
  });
});
