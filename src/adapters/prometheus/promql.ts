import type { CounterFamily, ProcessFamily } from '../../core/analysis/judge.ts';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const PROCESS_FAMILIES: readonly string[] = ['server_uptime', 'server_hot_restart_epoch'] satisfies ProcessFamily[];

/** Families of the process have no cluster, so they are asked for apart. */
export function isOfProcess(family: CounterFamily): family is ProcessFamily {
  return PROCESS_FAMILIES.includes(family);
}

const prefixOf = (family: CounterFamily): string => (isOfProcess(family) ? 'envoy_' : 'envoy_cluster_');

function metricName(family: CounterFamily): string {
  return `${prefixOf(family)}${family}`;
}

/** A PromQL string literal (Prometheus docs, querying basics: string literals). */
export function stringLiteral(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** Text that an RE2 pattern takes literally. */
function regexLiteral(value: string): string {
  return value.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/**
 * One range selector for all families and clusters. Answered by an instant query it gives raw samples with their own
 * times; a range query would give values on a grid, filled in from up to five minutes before. Prometheus anchors
 * regexes on both ends, which keeps out Envoy's `external_` and `internal_` copies of the same counts.
 */
export function countersQuery(request: {
  readonly selector: Readonly<Record<string, string>>;
  /** `null`: of the process. */
  readonly clusters: readonly string[] | null;
  readonly families: readonly CounterFamily[];
  readonly codes: readonly string[];
  /** Of the histogram, ms, beside `+Inf`; `null`: all. */
  readonly edges: readonly number[] | null;
  /** `null`: all. */
  readonly proxies: readonly string[] | null;
  readonly nodeLabel: string;
  readonly fromMs: number;
  readonly toMs: number;
}): string {
  const among = (label: string, values: readonly string[]) =>
    `${label}=~${stringLiteral(values.map(regexLiteral).join('|'))}`;
  const matchers = [
    among('__name__', request.families.map(metricName)),
    ...matchersOf(request.selector),
    ...(request.clusters === null ? [] : [among('envoy_cluster_name', request.clusters)]),
    // What has no code passes as well: the empty one is among them.
    ...(request.families.includes('upstream_rq') ? [among('envoy_response_code', ['', ...request.codes])] : []),
    ...(request.edges !== null && request.families.includes('upstream_rq_time_bucket')
      ? [among('le', ['', '+Inf', ...request.edges.flatMap(spellings)])]
      : []),
    ...(request.proxies === null ? [] : [among(request.nodeLabel, request.proxies)]),
  ];
  // Prometheus 3 leaves the older end of a range out; one millisecond more gives both versions the same samples.
  return `{${matchers.join(',')}}[${Math.max(1, Math.round(request.toMs - request.fromMs) + 1)}ms]`;
}

/** How an edge may be written: as Envoy prints it, and as Prometheus 3 makes of it (Go's shortest form). */
function spellings(edgeMs: number): readonly string[] {
  const plain = String(edgeMs);
  const [digits, exponent = ''] = edgeMs.toExponential().split('e+');
  return [
    plain,
    ...(Number.isInteger(edgeMs) ? [`${plain}.0`] : []),
    ...(edgeMs >= 1_000_000 ? [`${digits}e+${exponent.padStart(2, '0')}`] : []),
  ];
}

/**
 * When each proxy was last scraped, in one number each. `up` would not do: it has the labels of the target, before
 * `metric_relabel_configs`, and says nothing of the series that a judgement reads. Of Envoy's own this is one per Envoy.
 */
export function proxiesQuery(selector: Readonly<Record<string, string>>, nodeLabel: string): string {
  return `max by (${nodeLabel}) (timestamp(envoy_server_live{${matchersOf(selector).join(',')}}))`;
}

/**
 * About how many requests each Envoy sent to each cluster within a time: enough to tell clusters apart, and never judged by.
 */
export function requestsQuery(request: {
  readonly selector: Readonly<Record<string, string>>;
  readonly nodeLabel: string;
  readonly clusters: readonly string[];
  readonly prefix: string;
  readonly rangeMs: number;
}): string {
  const names = [...request.clusters.map(regexLiteral), `${regexLiteral(request.prefix)}.+`].join('|');
  const matchers = [...matchersOf(request.selector), `envoy_cluster_name=~${stringLiteral(names)}`];
  const counter = `envoy_cluster_upstream_rq_completed{${matchers.join(',')}}[${Math.max(1, Math.round(request.rangeMs))}ms]`;
  return `sum by (envoy_cluster_name, ${request.nodeLabel}) (increase(${counter}))`;
}

function matchersOf(selector: Readonly<Record<string, string>>): string[] {
  return Object.entries(selector).map(([label, value]) => `${label}=${stringLiteral(value)}`);
}

/** The family a metric name belongs to; `null`: none that was asked for. */
export function familyOf(name: string, families: readonly CounterFamily[]): CounterFamily | null {
  // Asked of every series of an answer, so no name is put together for it.
  return (
    families.find((family) => {
      const prefix = prefixOf(family);
      return name.length === prefix.length + family.length && name.startsWith(prefix) && name.endsWith(family);
    }) ?? null
  );
}

/** Label names cannot be quoted in a matcher, so a bad one must not get in. */
export function isLabelName(name: string): boolean {
  return LABEL_NAME.test(name);
}
