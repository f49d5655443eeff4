import type { CounterFamily, CountersResult } from '../../core/analysis/judge.ts';
import { edgeOf, edgesOfAll } from '../../core/analysis/sequential/histogram.ts';
import type { Answer } from './ask.ts';
import type { CountersAsk } from './coalesce.ts';
import type { FleetMetrics } from './fleet-metrics.ts';
import type { Gap } from './gap.ts';
import { countersQuery, familyOf, isOfProcess } from './promql.ts';
import { type CounterRow, MAX_SERIES, noSeries, readCounters, readRows, tooMany } from './read-result.ts';
import { mergeSlices, type Slice, sliceRange } from './slices.ts';

/** Prometheus takes longer queries, proxies before it may not. */
const MAX_NAMES_LENGTH = 6_000;
/** A look back over more scrapes than this is asked for apart: the many short looks must not all reach back with it. */
const SHORT_SCRAPES = 8;

/**
 * Looks times scrapes that are asked for at once. More make an answer of several MiB, which is read in one piece: it holds
 * up everybody else, and is asked for again in halves when it gets too large.
 */
const MAX_ASKED = 400;

type Query = (text: string, atMs: number) => Promise<Answer | Gap>;
type Rows = { readonly kind: 'ok'; readonly series: readonly CounterRow[] } | Gap;

/**
 * Answers what several rollouts ask of one fleet by one query for counters of clusters and one for those of the
 * processes, however many rollouts there are. Each rollout gets its own series alone, so what is odd about one cluster
 * spoils the evidence of nobody else.
 */
export async function readBatch(
  query: Query,
  fleet: FleetMetrics,
  asks: readonly CountersAsk[],
): Promise<readonly CountersResult[]> {
  const shortMs = SHORT_SCRAPES * fleet.scrapeIntervalMs;
  const answers = new Map<CountersAsk, CountersResult[]>(asks.map((ask) => [ask, []]));
  const groups = [false, true].flatMap((ofProcess) =>
    [false, true].map((isShort) => {
      const own = asks.filter(({ fromMs, toMs }) => toMs - fromMs <= shortMs === isShort);
      return own.flatMap((ask): Part[] => {
        const families = ask.families.filter((family) => isOfProcess(family) === ofProcess);
        return families.length === 0 ? [] : [{ ask, families }];
      });
    }),
  );
  await Promise.all(
    groups.map(async (parts) => {
      for (const some of portions(parts, fleet)) {
        for (const [ask, result] of await readGroup(query, fleet, some)) answers.get(ask)?.push(result);
      }
    }),
  );
  return asks.map((ask) => whole(answers.get(ask) ?? []));
}

interface Part {
  readonly ask: CountersAsk;
  readonly families: readonly CounterFamily[];
}

/** What the processes say is the same for all. */
function portions(parts: readonly Part[], { scrapeIntervalMs }: FleetMetrics): readonly (readonly Part[])[] {
  if (parts.length === 0) return [];
  const { fromMs, toMs } = rangeOf(parts);
  const scrapes = Math.max(1, (toMs - fromMs) / scrapeIntervalMs);
  const sharesAll = parts.every(({ families }) => families.every(isOfProcess));
  const most = sharesAll ? parts.length : Math.max(1, Math.floor(MAX_ASKED / scrapes));
  return Array.from({ length: Math.ceil(parts.length / most) }, (_, i) => parts.slice(i * most, (i + 1) * most));
}

function rangeOf(parts: readonly Part[]): Slice {
  return {
    fromMs: parts.reduce((least, { ask }) => Math.min(least, ask.fromMs), Number.POSITIVE_INFINITY),
    toMs: parts.reduce((most, { ask }) => Math.max(most, ask.toMs), Number.NEGATIVE_INFINITY),
  };
}

/** Counters that are not there are silence; any other gap in any of the answers spoils them all. */
function whole(results: readonly CountersResult[]): CountersResult {
  const spoiled = results.find((one) => one.kind === 'gap' && one.gap !== 'NO_DATA');
  if (spoiled !== undefined) return spoiled;
  const series = results.flatMap((one) => (one.kind === 'ok' ? one.series : []));
  // What is known of the processes alone is nothing about their clusters.
  if (series.every(({ family }) => isOfProcess(family))) return noSeries();
  return series.length > MAX_SERIES ? tooMany(series.length, 'series') : { kind: 'ok', series };
}

async function readGroup(
  query: Query,
  fleet: FleetMetrics,
  parts: readonly Part[],
): Promise<readonly (readonly [CountersAsk, CountersResult])[]> {
  const range = rangeOf(parts);
  const slices = sliceRange(range, fleet.scrapeIntervalMs);
  const rows = await Promise.all(slices.map((slice) => readSlice(query, fleet, parts, slice)));
  const sorted = sorter(fleet, parts);
  const pieces = rows.flatMap((some, i) => some.map((piece) => ({ piece: sorted(piece), slice: slices[i] ?? range })));
  const lacking = parts.filter(({ ask }) => pieces.some(({ piece }) => piece.kind === 'ok' && lacksEdges(ask, piece)));
  // Slow requests at an edge that is not there would look fast, so what was asked for too narrowly is asked for in full.
  const wider = lacking.map((part): Part => ({ ...part, ask: { ...part.ask, edges: null } }));
  const inFull = wider.length === 0 ? [] : await readGroup(query, fleet, wider);
  const again = new Map(lacking.map((part, i) => [part, inFull[i]?.[1]]));
  return parts.map((part) => [
    part.ask,
    again.get(part) ?? mergeSlices(pieces.map(({ piece, slice }) => pick(fleet, part, piece, slice))),
  ]);
}

/** Has a histogram not all the edges that were asked for, or have they kept out everything else? */
function lacksEdges({ edges, clusters }: CountersAsk, { byCluster }: Extract<Sorted, { kind: 'ok' }>): boolean {
  if (edges === null) return false;
  return clusters.some((cluster) => {
    const seen = new Map<string | undefined, { readonly edges: Set<number>; others: boolean }>();
    for (const { edge, proxy } of byCluster.get(cluster) ?? []) {
      const own = seen.get(proxy) ?? { edges: new Set<number>(), others: false };
      seen.set(proxy, own);
      if (edge === null) own.others = true;
      else own.edges.add(edge);
    }
    return [...seen.values()].some(
      (own) => own.edges.size > 0 && !(own.others && edges.every((ms) => own.edges.has(ms))),
    );
  });
}

interface SortedRow {
  readonly row: CounterRow;
  /** `null`: nobody has asked for it. */
  readonly family: CounterFamily | null;
  /** Of a histogram, ms; `null`: it is of none. */
  readonly edge: number | null;
  readonly proxy: string | undefined;
}

/** What came for all, by cluster: looked through once, and not by everybody for the few series that are theirs. */
type Sorted =
  | {
      readonly kind: 'ok';
      readonly byCluster: ReadonlyMap<string, readonly SortedRow[]>;
      /** Of no cluster that anybody has asked for. */
      readonly others: readonly SortedRow[];
    }
  | Gap;

function sorter({ nodeLabel }: FleetMetrics, parts: readonly Part[]): (rows: Rows) => Sorted {
  const clusters = new Set(parts.flatMap(({ ask }) => ask.clusters));
  const asked = [...new Set(parts.flatMap(({ families }) => families))];
  return (rows) => {
    if (rows.kind === 'gap') return { kind: 'gap', gap: rows.gap, detail: rows.detail };
    const byCluster = new Map<string, SortedRow[]>();
    const others: SortedRow[] = [];
    for (const row of rows.series) {
      const { __name__: name = '', envoy_cluster_name: cluster, le, [nodeLabel]: proxy } = row.metric;
      const sorted = { row, family: familyOf(name, asked), edge: le === undefined ? null : edgeOf(le), proxy };
      if (cluster === undefined || !clusters.has(cluster)) others.push(sorted);
      else if (!byCluster.get(cluster)?.push(sorted)) byCluster.set(cluster, [sorted]);
    }
    return { kind: 'ok', byCluster, others };
  };
}

/** An answer that is too large is asked for in halves: of the time, or, when that is short, of the rollouts. */
async function readSlice(
  query: Query,
  fleet: FleetMetrics,
  parts: readonly Part[],
  slice: Slice,
): Promise<readonly Rows[]> {
  const read = await readNames(query, fleet, parts, slice);
  const tooLarge = read.find((rows) => rows.kind === 'gap' && rows.tooLarge === true);
  if (tooLarge === undefined) return read;
  if (slice.toMs - slice.fromMs > 2 * fleet.scrapeIntervalMs) {
    const middleMs = Math.floor((slice.fromMs + slice.toMs) / 2);
    const halves = [
      { fromMs: slice.fromMs, toMs: middleMs - 1 },
      { fromMs: middleMs, toMs: slice.toMs },
    ];
    return inTurn(halves, (half) => readSlice(query, fleet, parts, half));
  }
  if (parts.length === 1) return [tooLarge];
  const half = Math.ceil(parts.length / 2);
  return inTurn([parts.slice(0, half), parts.slice(half)], (some) => readSlice(query, fleet, some, slice));
}

/** One after the other: a server that has just said too much is not to be asked twice at once. */
async function inTurn<T>(items: readonly T[], read: (item: T) => Promise<readonly Rows[]>): Promise<readonly Rows[]> {
  const all: Rows[] = [];
  for (const item of items) all.push(...(await read(item)));
  return all;
}

/** One query, unless the names in it would make it too long. */
async function readNames(
  query: Query,
  { selector, nodeLabel }: FleetMetrics,
  parts: readonly Part[],
  slice: Slice,
): Promise<readonly Rows[]> {
  const families = [...new Set(parts.flatMap((part) => part.families))];
  const codes = [...new Set(parts.flatMap(({ ask }) => ask.codes))].sort();
  const edges = edgesOfAll(parts.map(({ ask }) => ask.edges));
  const ofProcess = families.every(isOfProcess);
  const clusters = ofProcess ? [null] : chunks(new Set(parts.flatMap(({ ask }) => ask.clusters)));
  const named = parts.map(({ ask }) => ask.proxies);
  const proxies = named.some((names) => names === null)
    ? [null]
    : chunks(new Set(named.flatMap((names) => names ?? [])));
  return Promise.all(
    clusters.flatMap((someClusters) =>
      proxies.map(async (someProxies) => {
        const asked = {
          selector,
          nodeLabel,
          families,
          codes,
          edges,
          clusters: someClusters,
          proxies: someProxies,
          ...slice,
        };
        const answer = await query(countersQuery(asked), slice.toMs);
        return answer.kind === 'gap' ? answer : readRows(answer);
      }),
    ),
  );
}

function chunks(names: ReadonlySet<string>): string[][] {
  const all: string[][] = [];
  let length = Number.POSITIVE_INFINITY;
  for (const name of names) {
    length += name.length + 1;
    if (length > MAX_NAMES_LENGTH) {
      all.push([]);
      length = name.length + 1;
    }
    all.at(-1)?.push(name);
  }
  return all;
}

/** Of what came for all, what this rollout has asked for, and all that nobody has asked for: that is an odd answer. */
function pick(
  { nodeLabel }: FleetMetrics,
  { ask, families }: Part,
  sorted: Sorted,
  { fromMs, toMs }: Slice,
): CountersResult {
  if (sorted.kind === 'gap') return sorted;
  const proxies = ask.proxies === null ? null : new Set(ask.proxies);
  const edges = ask.edges === null ? null : new Set([...ask.edges, Number.POSITIVE_INFINITY]);
  const isForOthers = ({ row: { metric }, family, edge, proxy }: SortedRow): boolean => {
    if (family !== null && !families.includes(family)) return true;
    if (family === 'upstream_rq' && !ask.codes.includes(metric.envoy_response_code ?? '')) return true;
    if (edge !== null && edges !== null && !edges.has(edge)) return true;
    return proxies !== null && proxy !== undefined && !proxies.has(proxy);
  };
  const own = [...new Set(ask.clusters)].flatMap((cluster) => sorted.byCluster.get(cluster) ?? []);
  const rows = [...own, ...sorted.others].filter((one) => !isForOthers(one)).map(({ row }) => row);
  const range = { fromMs: Math.max(fromMs, ask.fromMs), toMs: Math.min(toMs, ask.toMs) };
  return readCounters(rows, { nodeLabel, families, ...range });
}
