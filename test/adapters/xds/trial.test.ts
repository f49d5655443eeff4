import { afterEach, describe, expect, it } from 'vitest';
import type { FleetTable, OwnerTraffic, TrafficOwner } from '../../../src/core/model/traffic.ts';
import { backend, revision, route, rule, table } from '../../core/traffic/tables.ts';
import { openXdsClient, type XdsClient } from '../../support/xds-client.ts';
import { stage as openStage, type Stage } from './stage.ts';

const v1 = revision('shop', 'v1');
const v2 = revision('shop', 'v2');
const stable = backend('shop', [[v1, 10_000]]);
const withCanary = backend('shop', [[v1, 10_000]], { revisions: [v1, v2] });
const web = route('web', [rule('shop')]);

function trying(
  n: number,
  probe: string,
  value: OwnerTraffic | null,
  owner: TrafficOwner = 'backend/shop',
): FleetTable {
  const trial = { by: 'rollout/r1', probe, n, changes: [[owner, value] as const] };
  return { ...table(n, [stable, web]), trial };
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function fleetOfTwo(): Promise<{ s: Stage; probe: XdsClient; other: XdsClient }> {
  const s = await openStage(table(1, [stable, web]));
  ends.push(() => s.stop());
  const connect = async (nodeId: string): Promise<XdsClient> => {
    const client = openXdsClient({ port: s.server.port, node: { id: nodeId, cluster: 'edge' } });
    ends.push(() => client.close());
    client.request({ type: 'cluster' });
    await client.accept('cluster');
    client.request({ type: 'route', names: ['edge'] });
    await client.accept('route');
    return client;
  };
  const [probe, other] = [await connect('node-1'), await connect('node-2')];
  await s.until('both at 1', ({ nodes }) => nodes.every(({ credited }) => credited?.n === 1));
  return { s, probe, other };
}

const at = (s: Stage, nodeId: string) => s.fleet().nodes.find((node) => node.nodeId === nodeId)?.credited?.n;

describe('a change that one node tries out', () => {
  it('reaches that node alone; the others are at the same fleet revision without a message', async () => {
    const { s, probe, other } = await fleetOfTwo();
    s.feed.set(trying(2, 'node-1', withCanary));
    const clusters = await probe.next('cluster');
    expect(clusters.names).toEqual(['shop--v1', 'shop--v2']);
    await s.until('the other at 2', () => at(s, 'node-2') === 2);
    expect(at(s, 'node-1')).toBe(1);
    expect(other.pending('cluster')).toBe(0);
    probe.ack(clusters);
    await s.until('the probe at 2', () => at(s, 'node-1') === 2);
  });

  it('made for all, it goes to the others, and the node that has it is not told again', async () => {
    const { s, probe, other } = await fleetOfTwo();
    s.feed.set(trying(2, 'node-1', withCanary));
    await probe.accept('cluster');
    s.feed.set(table(3, [withCanary, web]));
    expect((await other.accept('cluster')).names).toEqual(['shop--v1', 'shop--v2']);
    await s.until('both at 3', () => at(s, 'node-1') === 3 && at(s, 'node-2') === 3);
    expect(probe.pending('cluster')).toBe(0);
  });

  it('refused there and left out, it has never been anywhere else', async () => {
    const { s, probe, other } = await fleetOfTwo();
    s.feed.set(trying(2, 'node-1', withCanary));
    probe.nack(await probe.next('cluster'), 'no');
    await s.until('the refusal', ({ nodes }) => nodes.some(({ nack }) => nack?.trial === 'rollout/r1'));
    s.feed.set(table(3, [stable, web]));
    expect((await probe.accept('cluster')).names).toEqual(['shop--v1']);
    await s.until('both at 3', () => at(s, 'node-1') === 3 && at(s, 'node-2') === 3);
    expect(other.pending('cluster')).toBe(0);
  });

  it('one that cannot be served is left out for its node alone; what the others do goes on, for that node too', async () => {
    const { s, probe, other } = await fleetOfTwo();
    const dangling = backend('shop', [[v1, 10_000]], { split: [{ cluster: 'nowhere', weight: 10_000 }] });
    s.feed.set(trying(2, 'node-1', dangling));
    await s.until('both at 2', () => at(s, 'node-1') === 2 && at(s, 'node-2') === 2);
    expect([probe.pending('route'), other.pending('route')]).toEqual([0, 0]);
    expect(s.server.refusals().size).toBe(0);
    expect(s.log.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { by: 'rollout/r1' } }]);
    // Somebody else's push comes to all of them meanwhile.
    const more = [stable, web, backend('cart', [[revision('cart', 'v1'), 10_000]])];
    s.feed.set({ ...trying(3, 'node-1', dangling), ...{ owners: table(3, more).owners } });
    for (const envoy of [probe, other]) expect((await envoy.accept('cluster')).names).toContain('cart--v1');
    await s.until('both at 3', () => at(s, 'node-1') === 3 && at(s, 'node-2') === 3);
  });
});
