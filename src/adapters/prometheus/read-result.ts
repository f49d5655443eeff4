import { z } from 'zod';
import type { CounterFamily, CounterSeries, CountersResult, ScalarResult } from '../../core/analysis/judge.ts';
import type { ClusterRequests } from '../../core/analysis/recording/pick-arms.ts';
import type { ProxiesResult } from '../../core/fleet/match-series.ts';
import { isObject } from '../../core/model/is-object.ts';
import type { Answer } from './ask.ts';
import { type Gap, gap } from './gap.ts';
import { familyOf, isOfProcess } from './promql.ts';

/** An answer evaluated so much before the moment we asked about is none. */
const MAX_AGE_MS = 60_000;

const Sample = z.tuple([z.number(), z.string()]);
const Labels = z.record(z.string(), z.string());
/** Strict: a native histogram has other fields and must not look like an empty series. */
const Vector = z.array(z.strictObject({ metric: Labels, value: Sample }));

/** Exactly one finite number, or the reason why not. */
export function readScalar({ resultType, result }: Answer, atMs: number): ScalarResult {
  if (resultType === 'scalar') {
    const sample = Sample.safeParse(result);
    return sample.success ? oneNumber(sample.data, atMs) : gap('BAD_ANSWER', 'the scalar is malformed');
  }
  if (resultType !== 'vector') {
    return gap('BAD_ANSWER', `the query gives a ${typeName(resultType)}; expected one number`);
  }
  const vector = Vector.safeParse(result);
  if (!vector.success) return gap('BAD_ANSWER', 'the vector is malformed or holds native histograms');
  const [first] = vector.data;
  if (first === undefined) return gap('NO_DATA', 'the query gives no series');
  if (vector.data.length > 1) {
    return gap(
      'AMBIGUOUS_RESULT',
      `the query gives ${vector.data.length} series; aggregate them to one, as with sum(…)`,
    );
  }
  return oneNumber(first.value, atMs);
}

function oneNumber([seconds, text]: readonly [number, string], askedMs: number): ScalarResult {
  const value = numberOf(text);
  const atMs = Math.round(seconds * 1000);
  if (value === null) return gap('BAD_ANSWER', 'the value is not a number');
  if (!Number.isFinite(value)) return gap('NOT_FINITE', `the query answers ${text}`);
  if (askedMs - atMs > MAX_AGE_MS) {
    return gap('STALE', `the answer is ${Math.round((askedMs - atMs) / 1000)} s old`);
  }
  return { kind: 'ok', value, atMs };
}

/** Proxies whose last scrape is no older than `freshMs`; the values are times of scrapes in seconds. */
export function readProxies(
  answer: Answer,
  shape: { readonly nodeLabel: string; readonly atMs: number; readonly freshMs: number },
): ProxiesResult {
  const vector = readSeries(answer, 'vector', vectorOf, 'proxies');
  if (vector.kind === 'gap') return vector;
  const names = new Set<string>();
  let unnamed = false;
  for (const { metric, value } of vector.series) {
    const seconds = numberOf(value[1]);
    if (seconds === null) return gap('BAD_ANSWER', 'the time of a scrape is not a number');
    if (!(seconds * 1000 >= shape.atMs - shape.freshMs)) continue;
    const name = metric[shape.nodeLabel] ?? '';
    if (name === '') unnamed = true;
    else names.add(name);
  }
  return { kind: 'ok', names: [...names].sort(), unnamed };
}

/** A value per cluster and proxy, as `requestsQuery` asks for. */
export function readRequests(
  answer: Answer,
  nodeLabel: string,
): { readonly kind: 'ok'; readonly requests: readonly ClusterRequests[] } | Gap {
  const vector = readSeries(answer, 'vector', vectorOf, 'pairs of Envoy and cluster');
  if (vector.kind === 'gap') return vector;
  const requests: ClusterRequests[] = [];
  for (const { metric, value } of vector.series) {
    const [cluster, proxy, count] = [metric.envoy_cluster_name, metric[nodeLabel], numberOf(value[1])];
    if (cluster === undefined || count === null) return gap('BAD_ANSWER', 'a series was not asked for');
    if (proxy === undefined)
      return gap('BAD_ANSWER', `a series has no label ${nodeLabel}, which should name its Envoy`);
    if (!Number.isFinite(count)) return gap('NOT_FINITE', `the requests to ${cluster} are ${value[1]}`);
    requests.push({ cluster, proxy, requests: count });
  }
  return requests.length === 0 ? noSeries() : { kind: 'ok', requests };
}

export interface CountersShape {
  readonly nodeLabel: string;
  readonly families: readonly CounterFamily[];
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CounterRow {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** The series of an answer as they came. */
export function readRows(answer: Answer): { readonly kind: 'ok'; readonly series: readonly CounterRow[] } | Gap {
  return readSeries(answer, 'matrix', rowsOf, 'series');
}

function vectorOf(result: unknown): z.infer<typeof Vector> | null {
  const read = Vector.safeParse(result);
  return read.success ? read.data : null;
}

/** By hand, without a copy: every sample of every look passes here, and a schema took more time than the judge. */
function rowsOf(result: unknown): readonly CounterRow[] | null {
  return Array.isArray(result) && result.every(isRow) ? result : null;
}

function isRow(row: unknown): row is CounterRow {
  if (!isObject(row) || !isObject(row.metric) || !Array.isArray(row.values)) return false;
  for (const field in row) if (field !== 'metric' && field !== 'values') return false;
  for (const label in row.metric) if (typeof row.metric[label] !== 'string') return false;
  return row.values.every(isSample);
}

function isSample(sample: unknown): boolean {
  return Array.isArray(sample) && sample.length === 2 && Number.isFinite(sample[0]) && typeof sample[1] === 'string';
}

/** Raw samples by proxy, cluster and family. One odd series spoils the lot: what it hides is unknown. */
export function readCounters(rows: readonly CounterRow[], shape: CountersShape): CountersResult {
  const byName = new Map<string, CounterSeries>();
  for (const { metric, values } of rows) {
    const series = counterSeries(metric, values, shape);
    if ('gap' in series) return series;
    const name = [series.proxy, series.cluster, series.family, series.label].join('\n');
    if (byName.has(name)) {
      const detail = `several targets have ${shape.nodeLabel}="${series.proxy.slice(0, 100)}"; the label must name one Envoy`;
      return gap('AMBIGUOUS_RESULT', detail);
    }
    byName.set(name, series);
  }
  const series = [...byName.values()].filter(({ points }) => points.length > 0);
  return series.length === 0 ? noSeries() : { kind: 'ok', series };
}

export function noSeries(): Gap {
  return gap('NO_DATA', "no series match; check the fleet's selector and that Prometheus scrapes the Envoys");
}

/** Of the kind that was asked for, and not too many of them. */
function readSeries<T>(
  { resultType, result }: Answer,
  expected: 'vector' | 'matrix',
  read: (result: unknown) => readonly T[] | null,
  what: string,
): { readonly kind: 'ok'; readonly series: readonly T[] } | Gap {
  if (resultType !== expected) return gap('BAD_ANSWER', `expected a ${expected}, got a ${typeName(resultType)}`);
  if (Array.isArray(result) && result.length > MAX_SERIES) return { ...tooMany(result.length, what), tooLarge: true };
  const series = read(result);
  if (series === null) return gap('BAD_ANSWER', `the ${expected} is malformed or holds native histograms`);
  return { kind: 'ok', series };
}

/** Series beyond this, in one answer or for one rollout at one look, are not judged. */
export const MAX_SERIES = 20_000;

export function tooMany(count: number, what: string): Gap {
  return gap('TOO_MANY_SERIES', `${count} ${what} match, more than ${MAX_SERIES}; narrow the fleet's selector`);
}

function counterSeries(
  metric: Readonly<Record<string, string>>,
  values: readonly (readonly [number, string])[],
  { nodeLabel, families, fromMs, toMs }: CountersShape,
): CounterSeries | Gap {
  const family = familyOf(metric.__name__ ?? '', families);
  const proxy = metric[nodeLabel];
  const cluster = family !== null && isOfProcess(family) ? '' : metric.envoy_cluster_name;
  if (family === null || cluster === undefined) return gap('BAD_ANSWER', 'a series was not asked for');
  if (proxy === undefined) return gap('BAD_ANSWER', `a series has no label ${nodeLabel}, which should name its Envoy`);
  const points: (readonly [number, number])[] = [];
  for (const [seconds, text] of values) {
    const value = numberOf(text);
    if (value === null) return gap('BAD_ANSWER', 'a sample is not a number');
    if (!Number.isFinite(value)) return gap('NOT_FINITE', `a sample of ${family} is ${text}`);
    const tMs = Math.round(seconds * 1000);
    if (tMs >= fromMs && tMs <= toMs) points.push([tMs, value]);
  }
  return { proxy, cluster, family, label: labelOf(metric), points };
}

/** Prometheus 2 keeps an edge `250` as Envoy prints it, Prometheus 3 writes `250.0`. */
function labelOf(metric: Readonly<Record<string, string>>): string {
  const { envoy_response_code_class: byClass, envoy_response_code: byCode, le } = metric;
  return byClass ?? byCode ?? le?.replace(/\.0$/, '') ?? '';
}

/** As Prometheus writes numbers; `null` when it is none. */
function numberOf(text: string): number | null {
  if (text === 'NaN') return Number.NaN;
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY;
  if (text === '-Inf') return Number.NEGATIVE_INFINITY;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null;
}

function typeName(resultType: string): string {
  return /^[a-z]{1,20}$/.test(resultType) ? resultType : 'result of unknown type';
}
