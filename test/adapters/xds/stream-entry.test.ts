import { describe, expect, it } from 'vitest';
import { enterStream } from '../../../src/adapters/xds/stream-entry.ts';
import { FleetLedgers } from '../../../src/core/fleet/fleet-ledgers.ts';

const identity = (nodeId: string) => ({ nodeId, fleet: 'edge', metricsName: null, envoyVersion: null });
const at = (n: number, epoch = 'e') => ({ epoch, n });
const all = (position: { epoch: string; n: number }) => ({ position, counts: true, routes: true, routesAt: position });
const nack = (atMs: number) => ({ position: at(1), trial: null, version: 'v', message: 'no', atMs });

function registry() {
  const time = { ms: 1_000 };
  const ledgers = new FleetLedgers(() => time.ms);
  const nodes = {
    state: (fleet: string) => ledgers.state(fleet),
    opened: (who: ReturnType<typeof identity>) =>
      enterStream(ledgers, who, { protocol: 'sotw', only: null }, () => time.ms),
  };
  const seen: string[] = [];
  ledgers.onProgress((fleet) => seen.push(fleet));
  return { time, nodes, seen, node: (index = 0) => nodes.state('edge').nodes[index] };
}

describe('a stream in the ledger', () => {
  it('says since when it watches, also for a fleet it has never seen', () => {
    const { time, nodes } = registry();
    time.ms = 9_000;
    expect(nodes.state('none')).toEqual({ fleet: 'none', observedSinceMs: 1_000, complete: true, nodes: [] });
  });

  it('dates a credit by its ACK, and tells of each change once', () => {
    const { time, nodes, seen, node } = registry();
    const stream = nodes.opened(identity('a'));
    time.ms = 2_000;
    stream.credited(all(at(1)));
    time.ms = 3_000;
    stream.credited(all(at(1)));
    expect(node()).toMatchObject({ credited: at(1), creditedAtMs: 2_000, changedAtMs: 1_000 });
    expect(seen).toEqual(['edge', 'edge']);
  });

  it('takes the older of two streams, and nothing where their epochs differ', () => {
    const { nodes, node } = registry();
    const [one, two] = [nodes.opened(identity('a')), nodes.opened(identity('a'))];
    one.credited(all(at(5)));
    expect(node()?.credited).toBeNull();
    two.credited(all(at(3)));
    expect(node()?.credited).toEqual(at(3));
    two.credited(all(at(9, 'other')));
    expect(node()?.credited).toBeNull();
  });

  it('shows the newest refusal until that type is ACKed', () => {
    const { nodes, node } = registry();
    const stream = nodes.opened(identity('a'));
    stream.nacked('route', nack(1));
    stream.nacked('cluster', nack(2));
    expect(node()?.nack?.type).toBe('cluster');
    stream.acked('cluster', 'v');
    expect(node()?.nack?.type).toBe('route');
    stream.acked('route', 'v');
    expect(node()?.nack).toBeNull();
  });

  it('keeps what it last knew of a node that left, for an hour; a return starts without credit', () => {
    const { time, nodes, node } = registry();
    const stream = nodes.opened(identity('a'));
    stream.credited(all(at(4)));
    time.ms = 5_000;
    stream.closed();
    stream.closed();
    expect(node()).toMatchObject({ connected: false, changedAtMs: 5_000, credited: at(4) });
    time.ms = 6_000;
    const back = nodes.opened(identity('a'));
    expect(node()).toMatchObject({ connected: true, changedAtMs: 6_000, credited: null });
    back.closed();
    time.ms += 3_600_001;
    expect(nodes.state('edge').nodes).toEqual([]);
  });

  it('keeps at most a thousand nodes that left, the latest ones', () => {
    const { time, nodes } = registry();
    for (let i = 0; i < 1_100; i += 1) {
      time.ms += 1;
      nodes.opened(identity(`n${i}`)).closed();
    }
    const left = nodes.state('edge').nodes;
    expect(left).toHaveLength(1_000);
    expect(left.some(({ nodeId }) => nodeId === 'n1099')).toBe(true);
    expect(left.some(({ nodeId }) => nodeId === 'n0')).toBe(false);
  });
});
