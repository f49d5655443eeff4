import { z } from 'zod';
import type { CounterSeries, CountersResult, EvidenceGap, ScalarResult } from '../analysis/judge.ts';
import type { FleetObservation } from '../fleet/liveness.ts';
import type { FleetNode } from '../model/fleet-state.ts';
import type { Position } from '../model/traffic.ts';
import type { Observations } from '../rollout/transition.ts';
import { PackedNumber, packNumber, packNumbers, unpackNumbers } from './pack-numbers.ts';

/** What a decision saw, as it is kept: without what no decision reads (an Envoy's types and replicas), names once. */

const position = z.strictObject({ epoch: z.string(), n: z.number() });
const nack = z.strictObject({
  position,
  type: z.string(),
  trial: z.string().nullable(),
  message: z.string(),
  atMs: z.number(),
});
/** A fleet revision of the fleet's usual epoch is its number alone. */
const packedPosition = z.union([position, z.number()]).nullable();
const nodeRow = z.tuple([
  z.string(),
  z.union([z.literal(0), z.literal(1)]),
  z.number(),
  packedPosition,
  z.number(),
  packedPosition,
  z.number(),
  /** 1: as the node's id. */
  z.union([z.string(), z.literal(1)]).nullable(),
  z.string().nullable(),
  nack.nullable(),
]);
type NodeRow = z.infer<typeof nodeRow>;

const PackedFleet = z.strictObject({
  sinceMs: z.number(),
  complete: z.boolean(),
  epoch: z.string(),
  position: packedPosition,
  trial: z.strictObject({ by: z.string(), probe: z.string(), position }).nullable(),
  unservable: z.string().optional(),
  nodes: z.array(nodeRow),
});
type PackedFleet = z.infer<typeof PackedFleet>;

const gap = z.strictObject({ kind: z.literal('gap'), gap: z.string(), detail: z.string() });
const PackedCounters = z.discriminatedUnion('kind', [
  gap,
  z.strictObject({
    kind: z.literal('ok'),
    names: z.array(z.string()),
    /** Times of the samples; all series of one scrape share them. */
    times: z.array(z.array(PackedNumber)),
    /** Four names (proxy, cluster, family, label), the times, and the values. */
    series: z.array(z.array(PackedNumber)),
  }),
]);
type PackedCounters = z.infer<typeof PackedCounters>;

const PackedScalar = z.discriminatedUnion('kind', [
  gap,
  z.strictObject({ kind: z.literal('ok'), value: PackedNumber, atMs: z.number() }),
]);

const loadReport = z.strictObject({
  nodeId: z.string(),
  cluster: z.string(),
  atMs: z.number(),
  requests: z.number(),
  failed: z.number(),
});

export const PackedObserved = z.strictObject({
  fleets: z.record(z.string(), PackedFleet),
  counters: PackedCounters.nullable(),
  queries: z.array(z.tuple([z.string(), PackedScalar])),
  scrapeMs: z.number().nullable(),
  offsetMs: z.number().optional(),
  loadReports: z.array(loadReport).optional(),
  answer: z
    .strictObject({
      attempt: z.number(),
      ask: z.number(),
      answer: z.strictObject({
        kind: z.enum(['open', 'wait', 'reject', 'failed']),
        detail: z.string(),
        afterMs: z.number().exactOptional(),
      }),
    })
    .optional(),
});
export type PackedObserved = z.infer<typeof PackedObserved>;

export function packObserved({ fleets, counters, queries, scrapeMs, ...more }: Observations): PackedObserved {
  return {
    ...(more.offsetMs === undefined ? {} : { offsetMs: more.offsetMs }),
    ...(more.loadReports === undefined ? {} : { loadReports: [...more.loadReports] }),
    ...(more.answer === undefined ? {} : { answer: more.answer }),
    fleets: Object.fromEntries(Object.entries(fleets).map(([name, seen]) => [name, packFleet(seen)])),
    counters: counters === null ? null : packCounters(counters),
    queries: [...queries].map(([name, answer]) => [
      name,
      answer.kind === 'gap' ? answer : { ...answer, value: packNumber(answer.value) },
    ]),
    scrapeMs,
  };
}

export function unpackObserved({ fleets, counters, queries, scrapeMs, ...more }: PackedObserved): Observations {
  // Earlier versions kept 0 where they had not asked.
  const hasAsked = counters !== null || queries.length > 0;
  return {
    ...(more.offsetMs === undefined || !hasAsked ? {} : { offsetMs: more.offsetMs }),
    ...(more.loadReports === undefined ? {} : { loadReports: more.loadReports }),
    ...(more.answer === undefined ? {} : { answer: more.answer }),
    fleets: Object.fromEntries(Object.entries(fleets).map(([name, packed]) => [name, unpackFleet(name, packed)])),
    counters: counters === null ? null : unpackCounters(counters),
    queries: new Map(
      queries.map(([name, answer]): [string, ScalarResult] => [
        name,
        answer.kind === 'gap' ? asGap(answer) : { ...answer, value: Number(answer.value) },
      ]),
    ),
    scrapeMs,
  };
}

function packFleet({ state, position: at, trial, unservable }: FleetObservation): PackedFleet {
  const epoch = at?.epoch ?? '';
  const place = (one: Position | null) => (one !== null && one.epoch === epoch ? one.n : one);
  const row = (node: FleetNode): NodeRow => [
    node.nodeId,
    node.connected ? 1 : 0,
    node.changedAtMs,
    place(node.credited),
    node.creditedAtMs,
    place(node.routes),
    node.routesAtMs,
    node.metricsName === node.nodeId ? 1 : node.metricsName,
    node.envoyVersion,
    node.nack,
  ];
  return {
    sinceMs: state.observedSinceMs,
    complete: state.complete,
    epoch,
    position: place(at),
    trial,
    ...(unservable === undefined ? {} : { unservable }),
    nodes: state.nodes.map(row),
  };
}

function unpackFleet(fleet: string, packed: PackedFleet): FleetObservation {
  const { epoch, unservable } = packed;
  const place = (one: Position | number | null): Position | null => (typeof one === 'number' ? { epoch, n: one } : one);
  const node = (row: NodeRow): FleetNode => ({
    nodeId: row[0],
    connected: row[1] === 1,
    changedAtMs: row[2],
    credited: place(row[3]),
    creditedAtMs: row[4],
    routes: place(row[5]),
    routesAtMs: row[6],
    metricsName: row[7] === 1 ? row[0] : row[7],
    envoyVersion: row[8],
    nack: row[9],
    replicas: [],
    types: [],
  });
  return {
    state: {
      fleet,
      observedSinceMs: packed.sinceMs,
      complete: packed.complete,
      nodes: packed.nodes.map(node),
    },
    position: place(packed.position),
    trial: packed.trial,
    ...(unservable === undefined ? {} : { unservable }),
  };
}

function packCounters(counters: CountersResult): PackedCounters {
  if (counters.kind === 'gap') return counters;
  const names = new Map<string, number>();
  const axes = new Map<string, { readonly index: number; readonly times: PackedNumber[] }>();
  const name = (text: string): number => {
    const known = names.get(text) ?? names.size;
    names.set(text, known);
    return known;
  };
  let last: { readonly points: CounterSeries['points']; readonly index: number } | null = null;
  const axis = (points: CounterSeries['points']): number => {
    // As a rule all of a scrape are of one time: then no name has to be made for it.
    if (last !== null && sameTimes(last.points, points)) return last.index;
    const key = points.map(([tMs]) => tMs).join();
    const known = axes.get(key) ?? { index: axes.size, times: packNumbers(points.map(([tMs]) => tMs)) };
    axes.set(key, known);
    last = { points, index: known.index };
    return known.index;
  };
  const series = counters.series.map((one) => [
    name(one.proxy),
    name(one.cluster),
    name(one.family),
    name(one.label),
    axis(one.points),
    ...packNumbers(one.points.map(([, value]) => value)),
  ]);
  return { kind: 'ok', names: [...names.keys()], times: [...axes.values()].map(({ times }) => times), series };
}

function sameTimes(a: CounterSeries['points'], b: CounterSeries['points']): boolean {
  return a.length === b.length && a.every(([tMs], i) => b[i]?.[0] === tMs);
}

function unpackCounters(packed: PackedCounters): CountersResult {
  if (packed.kind === 'gap') return asGap(packed);
  const axes = packed.times.map(unpackNumbers);
  const series = packed.series.map(([proxy, cluster, family, label, axis, ...values]): CounterSeries => {
    const name = (index: PackedNumber | undefined) => packed.names[Number(index)] ?? '';
    const times = axes[Number(axis)] ?? [];
    return {
      proxy: name(proxy),
      cluster: name(cluster),
      family: name(family) as CounterSeries['family'],
      label: name(label),
      points: unpackNumbers(values).map((value, i) => [times[i] ?? Number.NaN, value]),
    };
  });
  return { kind: 'ok', series };
}

/** A reason that only a newer version knows is shown like the others. */
function asGap({ detail, gap: why }: z.infer<typeof gap>): Extract<CountersResult, { kind: 'gap' }> {
  return { kind: 'gap', gap: why as EvidenceGap, detail };
}
