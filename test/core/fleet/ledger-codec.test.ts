import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHUNK,
  decodeChunk,
  decodeProgress,
  encodeChunk,
  encodeProgress,
  equallyFar,
} from '../../../src/core/fleet/ledger-codec.ts';
import { type LedgerStream, type StreamProgress, startOf } from '../../../src/core/fleet/ledger-stream.ts';

const at = (n: number) => ({ epoch: 'e', n });
const identity = (nodeId: string): LedgerStream['identity'] => ({
  nodeId,
  metricsName: null,
  envoyVersion: '1.40.0',
  protocol: 'delta',
  only: null,
  openedAtMs: 5,
});

const text = fc.string({ maxLength: 20 });
const position = fc.option(fc.record({ epoch: text, n: fc.nat() }));
const nack = fc.record({
  position: fc.record({ epoch: text, n: fc.nat() }),
  version: text,
  trial: fc.option(text),
  message: text,
  atMs: fc.nat(),
});
const progress: fc.Arbitrary<StreamProgress> = fc.record({
  position,
  counts: fc.boolean(),
  routes: fc.boolean(),
  routesAt: position,
  creditedAtMs: fc.nat(),
  types: fc.uniqueArray(
    fc.record({
      type: fc.constantFrom('cluster' as const, 'endpoint' as const, 'route' as const),
      sent: fc.option(text),
      acked: fc.option(text),
      nack: fc.option(nack),
    }),
    { selector: ({ type }) => type, maxLength: 3 },
  ),
});

describe('the ledger in writing', () => {
  it.each([
    '',
    'null',
    '{}',
    '[[1]]',
    '[[[null,true,true,null,0,[]],[0,-1]]]',
    '[[[null,true,true,null,0,[]],[0,9999999]]]',
  ])('refuses %s as progress', (bad) => expect(decodeProgress(bad).kind).toBe('bad'));

  it('refuses slots that are named twice: a short text must not cost much', () => {
    const row = [null, true, true, null, 0, []];
    expect(decodeProgress(JSON.stringify([[row, [0, 2, 1, 1]]])).kind).toBe('bad');
    expect(decodeProgress(JSON.stringify([[row, [65_536, 1]]])).kind).toBe('bad');
  });

  it.each([
    '',
    '{}',
    '[["",0,null,"sotw",null,null]]',
    '[["a",-1,null,"sotw",null,null]]',
    '[["a",0,null,"grpc",null,null]]',
  ])('refuses %s as members', (bad) => expect(decodeChunk(bad, 0).kind).toBe('bad'));

  it('gives back what was written, group times being the latest of the group', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.nat({ max: 400 }).map(String), progress, { maxKeys: 30 }), (slots) => {
        const streams = new Map(
          Object.entries(slots).map(([slot, said]) => [
            Number(slot),
            { identity: identity(`n${slot}`), progress: said },
          ]),
        );
        const read = decodeProgress(encodeProgress(streams));
        if (read.kind === 'bad') throw new Error(read.detail);
        expect([...read.value.keys()].sort()).toEqual([...streams.keys()].sort());
        for (const [slot, { progress: said }] of streams) {
          const got = read.value.get(slot) ?? startOf(0);
          expect(equallyFar(got, said)).toBe(true);
          expect(got.creditedAtMs).toBeGreaterThanOrEqual(said.creditedAtMs);
        }
      }),
    );
  });

  it('gives back the members of each part', () => {
    const streams = new Map(
      [0, 3, CHUNK - 1, CHUNK, CHUNK + 7].map((slot) => {
        const one: LedgerStream = { identity: identity(`n${slot}`), progress: startOf(5) };
        return [slot, one] as const;
      }),
    );
    const read = [0, 1, 2].flatMap((chunk) => {
      const members = decodeChunk(encodeChunk(streams, chunk), chunk);
      return members.kind === 'ok' ? [...members.value] : [];
    });
    expect(read).toEqual([...streams].map(([slot, one]) => [slot, one.identity]));
  });

  it('takes no more room for three thousand nodes that are equally far than for one', () => {
    const said = (n: number): StreamProgress => ({ ...startOf(1), position: at(n), counts: true, routes: true });
    const all = (count: number) =>
      new Map(
        Array.from({ length: count }, (_, slot) => [slot, { identity: identity(`n${slot}`), progress: said(7) }]),
      );
    expect(encodeProgress(all(3_000)).length).toBeLessThan(encodeProgress(all(1)).length + 10);
  });
});
