import { beforeEach, describe, expect, it } from 'vitest';
import { FleetLedger } from '../../../src/core/fleet/fleet-ledger.ts';
import { type LedgerStream, type StreamProgress, startOf } from '../../../src/core/fleet/ledger-stream.ts';

const at = (n: number) => ({ epoch: 'e', n });
const identity = (nodeId: string, openedAtMs: number, only: LedgerStream['identity']['only'] = null) => ({
  nodeId,
  metricsName: null,
  envoyVersion: null,
  protocol: 'sotw' as const,
  only,
  openedAtMs,
});
const fresh = (who: LedgerStream['identity']): LedgerStream => ({ identity: who, progress: startOf(who.openedAtMs) });
const has = (n: number, atMs: number, routesAt = n): StreamProgress => ({
  ...startOf(atMs),
  position: at(n),
  counts: true,
  routes: true,
  routesAt: at(routesAt),
});

let ledger: FleetLedger;
const node = (nowMs = 1_000) => ledger.state(true, nowMs).nodes[0];

beforeEach(() => {
  ledger = new FleetLedger('edge', 0);
});

describe('a fleet ledger', () => {
  it('knows a node by the last of its streams, on whichever replica', () => {
    ledger.open('one', 0, fresh(identity('a', 10)), 10);
    ledger.open('two', 0, fresh(identity('a', 20)), 20);
    ledger.progress('one', 0, has(5, 30));
    expect(node(35)).toMatchObject({ credited: null, replicas: ['one', 'two'] });
    ledger.progress('two', 0, has(3, 40, 4));
    expect(node()).toMatchObject({ credited: at(3), routes: at(4), creditedAtMs: 40 });
  });

  it('tells how far the routes are while clusters keep the node back', () => {
    ledger.open('one', 0, fresh(identity('a', 10)), 10);
    ledger.progress('one', 0, { ...has(5, 30), position: at(2) });
    expect(node()).toMatchObject({ credited: at(2), routes: at(5) });
  });

  it('lets a stream of a silent replica give way to a newer one of its kind only', () => {
    ledger.open('dead', 0, fresh(identity('a', 10)), 10);
    ledger.progress('dead', 0, has(1, 11));
    ledger.open('live', 0, fresh(identity('a', 20, 'route')), 20);
    ledger.progress('live', 0, has(5, 21));
    ledger.setFresh('dead', false, 30);
    expect(node()?.credited).toEqual(at(1));
    ledger.open('live', 1, fresh(identity('a', 25)), 30);
    ledger.progress('live', 1, has(5, 31));
    expect(node()).toMatchObject({ credited: at(5), replicas: ['live'] });
    ledger.setFresh('dead', true, 40);
    expect(node()?.credited).toEqual(at(1));
  });

  it('takes no word of a silent replica for a node whose newer stream carries everything, and has ACKed nothing', () => {
    ledger.open('dead', 0, fresh(identity('a', 10, 'route')), 10);
    ledger.progress('dead', 0, has(5, 11));
    ledger.setFresh('dead', false, 20);
    expect(node()?.credited).toEqual(at(5));
    ledger.open('live', 0, fresh(identity('a', 30)), 30);
    expect(node()).toMatchObject({ credited: null, routes: null, replicas: ['live'] });
  });

  it('nor where both were opened within one millisecond', () => {
    ledger.open('dead', 0, fresh(identity('a', 10, 'route')), 10);
    ledger.progress('dead', 0, has(5, 11));
    ledger.open('live', 0, fresh(identity('a', 10)), 10);
    ledger.setFresh('dead', false, 20);
    expect(node()).toMatchObject({ credited: null, routes: null, replicas: ['live'] });
  });

  it('does not wait for who is silent, but does not take its older word over a fresh one either', () => {
    ledger.open('live', 0, fresh(identity('a', 10)), 10);
    ledger.progress('live', 0, has(5, 11));
    ledger.open('silent', 0, fresh(identity('a', 20)), 20);
    ledger.setFresh('silent', false, 30);
    expect(node()?.credited).toBeNull();
  });

  it('counts what a dropped replica held as disconnected from then on', () => {
    ledger.open('one', 0, fresh(identity('a', 10)), 10);
    ledger.progress('one', 0, has(5, 11));
    expect(ledger.drop('one', 500)).toBe(true);
    expect(node()).toMatchObject({ connected: false, changedAtMs: 500, credited: at(5), replicas: [] });
    expect(ledger.drop('one', 600)).toBe(false);
  });

  it('credits a rise that comes from a stream that ended no earlier than its end', () => {
    ledger.open('one', 0, fresh(identity('a', 10)), 10);
    ledger.open('one', 1, fresh(identity('a', 10)), 10);
    ledger.progress('one', 0, has(3, 20));
    ledger.progress('one', 1, has(6, 30));
    expect(node(40)).toMatchObject({ credited: at(3) });
    ledger.close('one', 0, 900);
    expect(node()).toMatchObject({ credited: at(6), creditedAtMs: 900 });
  });

  it('says of each type what was sent, taken and refused, by the stream that is furthest behind', () => {
    const refused = { position: at(2), version: 'v2', trial: null, message: 'no', atMs: 50 };
    ledger.open('one', 0, fresh(identity('a', 10)), 10);
    ledger.progress('one', 0, { ...has(2, 20), types: [{ type: 'route', sent: 'v2', acked: 'v2', nack: null }] });
    ledger.open('two', 0, fresh(identity('a', 11)), 11);
    ledger.progress('two', 0, { ...has(1, 20), types: [{ type: 'route', sent: 'v2', acked: 'v1', nack: refused }] });
    expect(node()).toMatchObject({
      nack: { type: 'route', position: at(2), message: 'no' },
      types: [{ type: 'route', stream: 'aggregated', sent: 'v2', acked: 'v1', nack: { version: 'v2' } }],
    });
  });

  it('is told what changed, and keeps a node whose slot goes to its next stream', () => {
    const stream = { identity: identity('a', 10), progress: has(5, 20) };
    expect(ledger.sync('one', new Map([[0, stream]]), 20)).toBe(true);
    expect(ledger.sync('one', new Map([[0, stream]]), 30)).toBe(false);
    ledger.sync('one', new Map([[0, { identity: identity('a', 40), progress: startOf(40) }]]), 40);
    expect(node()).toMatchObject({ connected: true, credited: null, changedAtMs: 10 });
    ledger.sync('one', new Map([[0, { identity: identity('b', 50), progress: startOf(50) }]]), 50);
    expect(ledger.state(true, 60).nodes.map(({ nodeId, connected }) => [nodeId, connected])).toEqual([
      ['a', false],
      ['b', true],
    ]);
  });
});
