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

  describe('of refusals', () => {
    const refusing = (messages: readonly string[]) =>
      new Map(
        messages.map((message, slot): [number, LedgerStream] => {
          const refused = { position: at(slot % 3), version: 'v2', trial: null, message, atMs: 9 };
          const types = [{ type: 'route' as const, sent: 'v2', acked: 'v1', nack: refused }];
          return [slot, { identity: identity(`n${slot}`), progress: { ...startOf(1), types } }];
        }),
      );
    const nacks = (written: string) => {
      const read = decodeProgress(written);
      if (read.kind === 'bad') throw new Error(read.detail);
      return [...read.value].sort(([a], [b]) => a - b).map(([, { types }]) => types[0]?.nack ?? null);
    };

    it('20,000 in words of their own fit into what one write may cost, and each is still a refusal of its revision', () => {
      const streams = refusing(Array.from({ length: 20_000 }, (_, i) => `refused ${i} `.padEnd(300, 'x')));
      const written = encodeProgress(streams);
      expect(written.length).toBeLessThan(250_000);
      const read = nacks(written);
      expect(read.map((nack) => nack?.position.n)).toEqual([...streams.keys()].map((slot) => slot % 3));
      expect(read[0]?.message).toBe('refused 0 '.padEnd(300, 'x'));
      expect(read.at(-1)?.message).toContain('10,000 or more others');
    });

    it('in words that many Envoys share are written once, whatever else differs between them', () => {
      const words = 'no such cluster '.padEnd(300, 'x');
      const streams = new Map(
        [...refusing(Array<string>(1_000).fill(words))].map(([slot, one]) => {
          const types = one.progress.types.map((type) => ({ ...type, acked: `v${slot}` }));
          return [slot, { ...one, progress: { ...one.progress, types } }];
        }),
      );
      const written = encodeProgress(streams);
      expect(written.split(words)).toHaveLength(2);
      expect(new Set(nacks(written).map((nack) => nack?.message))).toEqual(new Set([words]));
    });

    it('are bounded whatever the words are, and a few short ones come through as they are', () => {
      const words = fc.string({ unit: 'binary', maxLength: 700 });
      fc.assert(
        fc.property(fc.array(words, { maxLength: 130 }), fc.boolean(), (messages, few) => {
          const some = few ? messages.slice(0, 50).map((message) => message.slice(0, 100)) : messages;
          const written = encodeProgress(refusing(some));
          // An escape of JSON takes six characters for one.
          expect(written.length).toBeLessThan(6 * 40_000 + 200 * some.length);
          const read = nacks(written);
          expect(read).toHaveLength(some.length);
          if (few) expect(read.map((nack) => nack?.message)).toEqual(some);
        }),
        { numRuns: 25 },
      );
    });

    it('as an engine of before wrote them are read', () => {
      const nack = [['e', 1], 'v2', null, 'no such cluster', 9];
      const row = [null, true, true, null, 0, [['route', 'v2', 'v1', nack]]];
      expect(nacks(JSON.stringify([[row, [0, 1]]]))[0]?.message).toBe('no such cluster');
    });

    it.each([[-1], [2], [1.5], ['1']])('with a reference %j to no text are bad', (reference) => {
      const nack = [['e', 1], 'v2', null, reference, 9];
      const groups = [
        [
          [null, true, true, null, 0, [['route', 'v2', 'v1', nack]]],
          [0, 1],
        ],
      ];
      const bad = reference === '1' ? { texts: 'x', groups } : { texts: ['', 'no'], groups };
      expect(decodeProgress(JSON.stringify(bad)).kind).toBe('bad');
    });
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
