import { describe, expect, it } from 'vitest';
import { FleetLedger } from '../../../src/core/fleet/fleet-ledger.ts';
import { type LedgerStream, startOf } from '../../../src/core/fleet/ledger-stream.ts';
import { asOf, withMark } from '../../../src/core/fleet/reached-marks.ts';
import type { Marks } from '../../../src/core/model/fleet-state.ts';

const at = (n: number, epoch = 'e') => ({ epoch, n });

/** Given a stream of Envoy a, opened at 0. */
function ledger() {
  const it = new FleetLedger('edge', 0);
  const identity = { nodeId: 'a', metricsName: 'a', envoyVersion: null, openedAtMs: 0 } as LedgerStream['identity'];
  it.open('r1', 1, { identity, progress: startOf(0) }, 0);
  return {
    it,
    identity,
    credit: (n: number, ms: number, epoch = 'e') => {
      const position = at(n, epoch);
      it.progress('r1', 1, { position, counts: true, routes: true, routesAt: position, creditedAtMs: ms, types: [] });
      it.state(true, ms);
    },
    /** When a has reached it, by what is known at a time. */
    reachedAtMs: (n: number, ms: number, epoch = 'e') => {
      const [node] = asOf(it.state(true, ms).nodes, at(n, epoch));
      return [node?.creditedAtMs, node?.routesAtMs];
    },
  };
}

describe('since when an Envoy has a fleet revision', () => {
  it('is told by its own ACK, whatever it was told since', () => {
    const { credit, reachedAtMs } = ledger();
    credit(3, 1_000);
    credit(5, 2_000);
    credit(6, 3_000);
    expect(reachedAtMs(3, 9_000)).toEqual([1_000, 1_000]);
    expect(reachedAtMs(4, 9_000)).toEqual([2_000, 2_000]);
    expect(reachedAtMs(6, 9_000)).toEqual([3_000, 3_000]);
  });

  it('is not what it had in another epoch, nor before it was away', () => {
    const { it: one, identity, credit, reachedAtMs } = ledger();
    credit(3, 1_000);
    credit(1, 2_000, 'f');
    credit(5, 3_000, 'f');
    expect(reachedAtMs(3, 9_000)).toEqual([3_000, 3_000]);
    expect(reachedAtMs(1, 9_000, 'f')).toEqual([2_000, 2_000]);
    one.close('r1', 1, 4_000);
    one.open('r1', 1, { identity: { ...identity, openedAtMs: 5_000 }, progress: startOf(5_000) }, 5_000);
    credit(6, 6_000, 'f');
    expect(reachedAtMs(1, 9_000, 'f')).toEqual([6_000, 6_000]);
  });

  it('is not what another of its processes had: one that has less begins anew', () => {
    const { credit, reachedAtMs } = ledger();
    credit(3, 1_000);
    credit(5, 2_000);
    credit(4, 3_000);
    credit(5, 4_000);
    expect(reachedAtMs(3, 9_000)).toEqual([3_000, 3_000]);
  });

  it('is known to a sixth of the time that has passed, never too early, in few marks, with a push a second for a day', () => {
    let marks: Marks = [];
    const last = 86_400;
    for (let n = 0; n < last; n += 1) marks = withMark(marks, { n, atMs: n * 1_000 });
    expect(marks.length).toBeLessThanOrEqual(12);
    for (let n = 0; n < last; n += 7) {
      const told = marks.find((mark) => mark.n >= n)?.atMs ?? last * 1_000;
      const [age, known] = [last * 1_000 - n * 1_000, last * 1_000 - told];
      expect(known).toBeLessThanOrEqual(age);
      if (age > 60_000) expect(known / age).toBeGreaterThan(1 / 6);
    }
  });
});
