import { z } from 'zod';
import type { CounterFamily, CounterSeries, CountersResult, ScalarResult } from '../../core/analysis/judge.ts';
import type { ProxiesResult } from '../../core/fleet/match-series.ts';
import { type Answer, type Gap, gap } from './ask.ts';
import { familyOf } from './promql.ts';

const MAX_SERIES = 20_000;
/** An answer evaluated so much before the moment we asked about is none. */
const MAX_AGE_MS = 60_000;

const Sample = z.tuple([z.number(), z.string()]);
const Labels = z.record(z.string(), z.string());
/** Strict: a native histogram has other fields and must not look like an empty series. */
const Vector = z.array(z.strictObject({ metric: Labels, value: Sample }));
const Matrix = z.array(z.strictObject({ metric: Labels, values: z.array(Sample) }));

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
  const vector = readSeries(answer, 'vector', Vector, 'proxies');
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

export interface CountersShape {
  readonly nodeLabel: string;
  readonly families: readonly CounterFamily[];
  readonly fromMs: number;
}

/** Raw samples by proxy, cluster and family. One odd series spoils the lot: what it hides is unknown. */
export function readCounters(answer: Answer, shape: CountersShape): CountersResult {
  const matrix = readSeries(answer, 'matrix', Matrix, 'series');
  if (matrix.kind === 'gap') return matrix;
  const byName = new Map<string, CounterSeries>();
  for (const { metric, values } of matrix.series) {
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
  return series.length === 0
    ? gap('NO_DATA', "no series match; check the fleet's selector and that Prometheus scrapes the Envoys")
    : { kind: 'ok', series };
}

/** Of the kind that was asked for, and not too many of them. */
function readSeries<T>(
  { resultType, result }: Answer,
  expected: 'vector' | 'matrix',
  shape: z.ZodType<readonly T[]>,
  what: string,
): { readonly kind: 'ok'; readonly series: readonly T[] } | Gap {
  if (resultType !== expected) return gap('BAD_ANSWER', `expected a ${expected}, got a ${typeName(resultType)}`);
  if (Array.isArray(result) && result.length > MAX_SERIES) {
    return gap(
      'TOO_MANY_SERIES',
      `${result.length} ${what} match, more than ${MAX_SERIES}; narrow the fleet's selector`,
    );
  }
  const read = shape.safeParse(result);
  if (!read.success) return gap('BAD_ANSWER', `the ${expected} is malformed or holds native histograms`);
  return { kind: 'ok', series: read.data };
}

function counterSeries(
  metric: Readonly<Record<string, string>>,
  values: readonly (readonly [number, string])[],
  { nodeLabel, families, fromMs }: CountersShape,
): CounterSeries | Gap {
  const family = familyOf(metric.__name__ ?? '', families);
  const proxy = metric[nodeLabel];
  const cluster = metric.envoy_cluster_name;
  if (family === null || cluster === undefined) return gap('BAD_ANSWER', 'a series was not asked for');
  if (proxy === undefined) return gap('BAD_ANSWER', `a series has no label ${nodeLabel}, which should name its Envoy`);
  const points: (readonly [number, number])[] = [];
  for (const [seconds, text] of values) {
    const value = numberOf(text);
    if (value === null) return gap('BAD_ANSWER', 'a sample is not a number');
    if (!Number.isFinite(value)) return gap('NOT_FINITE', `a sample of ${family} is ${text}`);
    const tMs = Math.round(seconds * 1000);
    if (tMs >= fromMs) points.push([tMs, value]);
  }
  return { proxy, cluster, family, label: metric.envoy_response_code_class ?? metric.le ?? '', points };
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
