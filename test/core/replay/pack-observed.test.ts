import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CounterSeries, CountersResult, ScalarResult } from '../../../src/core/analysis/judge.ts';
import { packNumbers, unpackNumbers } from '../../../src/core/replay/pack-numbers.ts';
import { PackedObserved, packObserved, unpackObserved } from '../../../src/core/replay/pack-observed.ts';
import type { Observations } from '../../../src/core/rollout/transition.ts';
import { fleetAt, node } from '../../support/rollouts.ts';

/** As it comes back from the store. */
function kept(observed: Observations): Observations {
  return unpackObserved(PackedObserved.parse(JSON.parse(JSON.stringify(packObserved(observed)))));
}

it('gives any numbers back as they were, but for the sign of zero', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double(), fc.maxSafeInteger(), fc.integer())), (values) => {
      const packed = JSON.parse(JSON.stringify(packNumbers(values))) as ReturnType<typeof packNumbers>;
      expect(unpackNumbers(packed)).toEqual(values.map((value) => (value === 0 ? 0 : value)));
    }),
  );
});

it('gives back what was seen of fleets, without what no decision reads', () => {
  const here = { epoch: 'e', n: 7 };
  const nodes = [
    node('a', { credited: here, creditedAtMs: 5, routes: { epoch: 'e', n: 8 }, routesAtMs: 6 }),
    node('b', { metricsName: '10.0.0.1:9901', credited: { epoch: 'before', n: 900 }, envoyVersion: null }),
    node('c', {
      ...{ connected: false, changedAtMs: 3, metricsName: null },
      nack: { position: here, type: 'RDS', trial: 'rollout/r1', message: 'no such cluster', atMs: 9 },
    }),
  ];
  const fleets = fleetAt(7, nodes);
  const seen: Observations = {
    fleets: {
      ...fleets,
      more: {
        state: { fleet: 'more', observedSinceMs: 4, complete: false, nodes: [node('d', { routes: here })] },
        position: null,
        trial: { by: 'rollout/r2', probe: 'd', position: here },
        unservable: 'its table is inconsistent',
      },
    },
    counters: null,
    queries: new Map(),
    scrapeMs: null,
  };
  expect(kept(seen).fleets.edge?.state.nodes).toEqual(nodes.map((one) => ({ ...one, replicas: [] })));
  expect(kept(seen).fleets.more).toEqual({
    ...seen.fleets.more,
    state: { ...seen.fleets.more?.state, nodes: [{ ...node('d', { routes: here }), replicas: [] }] },
  });
});

it('gives back what was measured, with numbers that JSON does not know and times that are not shared', () => {
  const series: CounterSeries[] = [
    { proxy: 'a', cluster: 'x', family: 'upstream_rq_xx', label: '5', points: [[1_000, 3]] },
    { proxy: 'a', cluster: 'x', family: 'upstream_rq_completed', label: '', points: [] },
    {
      ...{ proxy: 'b', cluster: 'x', family: 'upstream_rq_completed', label: '' },
      points: [
        [1_000, 1.5],
        [2_000.25, Number.NaN],
        [3_000, Number.POSITIVE_INFINITY],
      ],
    },
  ];
  const gap = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' } as const;
  for (const counters of [{ kind: 'ok', series } as const, gap, null] satisfies (CountersResult | null)[]) {
    const seen: Observations = {
      fleets: {},
      counters,
      queries: new Map<string, ScalarResult>([
        ['declined', { kind: 'ok', value: Number.NaN, atMs: 5 }],
        ['other', gap],
      ]),
      scrapeMs: 15_000,
    };
    expect(kept(seen)).toEqual(seen);
  }
});

it('takes a fraction of the room of what was seen', () => {
  const points = Array.from({ length: 240 }, (_, i): [number, number] => [
    1_700_000_000_000 + i * 15_000,
    1_000 + i * 7,
  ]);
  const series = ['a', 'b', 'c', 'd'].flatMap((proxy) =>
    ['1', '2', '4', '5'].map(
      (label): CounterSeries => ({ proxy, cluster: 'checkout--v2', family: 'upstream_rq_xx', label, points }),
    ),
  );
  const seen: Observations = { fleets: {}, counters: { kind: 'ok', series }, queries: new Map(), scrapeMs: 15_000 };
  expect(JSON.stringify(packObserved(seen)).length).toBeLessThan(JSON.stringify(series).length / 5);
});
