import { describe, expect, it } from 'vitest';
import { FleetLedgers, SELF } from '../../../src/core/fleet/fleet-ledgers.ts';
import { type LedgerStream, startOf } from '../../../src/core/fleet/ledger-stream.ts';

const identity = (nodeId: string) => ({
  nodeId,
  metricsName: null,
  envoyVersion: '1.40.0',
  protocol: 'delta' as const,
  only: null,
});
const elsewhere = (nodeId: string): LedgerStream => ({
  identity: { ...identity(nodeId), openedAtMs: 0 },
  progress: startOf(0),
});

function ledgers(...nodeIds: readonly string[]): FleetLedgers {
  const all = new FleetLedgers(() => 5);
  for (const nodeId of nodeIds) all.open('edge', identity(nodeId), () => startOf(5));
  return all;
}
const replicas = (all: FleetLedgers) => all.state('edge').nodes.map(({ nodeId, replicas }) => [nodeId, ...replicas]);

describe('the replicas of a node', () => {
  it('have the name that others know this process by, also after it has taken a new one', () => {
    const all = ledgers('a', 'b');
    expect(replicas(all)).toEqual([
      ['a', SELF],
      ['b', SELF],
    ]);
    all.selfName = 'one';
    expect(replicas(all)).toEqual([
      ['a', 'one'],
      ['b', 'one'],
    ]);
    all.selfName = 'two';
    all.open('edge', identity('c'), () => startOf(5));
    expect(replicas(all).flat()).toEqual(['a', 'two', 'b', 'two', 'c', 'two']);
  });

  it('are in order by the names that are shown', () => {
    const all = ledgers('a');
    all.of('edge').open('m', 0, elsewhere('a'), 5);
    all.selfName = 'z';
    expect(replicas(all)).toEqual([['a', 'm', 'z']]);
    all.selfName = 'b';
    expect(replicas(all)).toEqual([['a', 'b', 'm']]);
  });

  it('of one that is gone are none, whatever this process is called', () => {
    const all = ledgers();
    all.open('edge', identity('a'), () => startOf(5)).close();
    all.selfName = 'one';
    expect(all.state('edge').nodes).toMatchObject([{ connected: false, replicas: [] }]);
  });
});

describe('a state', () => {
  it('has the nodes that have not changed as they were, not copies of them', () => {
    const all = ledgers('a', 'c');
    const changing = all.open('edge', identity('b'), () => startOf(5));
    all.selfName = 'one';
    const before = all.state('edge').nodes;
    expect(all.state('edge').nodes).toBe(before);
    changing.changed('told');
    const after = all.state('edge').nodes;
    expect(after.map((node, i) => node === before[i])).toEqual([true, false, true]);
  });
});
