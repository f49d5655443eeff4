import type { CounterFamily } from '../../core/analysis/judge.ts';

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const FAMILY_PREFIX = 'envoy_cluster_';

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
  readonly clusters: readonly string[];
  readonly families: readonly CounterFamily[];
  readonly fromMs: number;
  readonly toMs: number;
}): string {
  const names = request.families.map((family) => regexLiteral(FAMILY_PREFIX + family)).join('|');
  const clusters = request.clusters.map(regexLiteral).join('|');
  const own = matchersOf(request.selector);
  const matchers = [`__name__=~${stringLiteral(names)}`, ...own, `envoy_cluster_name=~${stringLiteral(clusters)}`];
  // Prometheus 3 leaves the older end of a range out; one millisecond more gives both versions the same samples.
  return `{${matchers.join(',')}}[${Math.max(1, Math.round(request.toMs - request.fromMs) + 1)}ms]`;
}

/**
 * When each proxy was last scraped, in one number each. `up` would not do: it has the labels of the target, before
 * `metric_relabel_configs`, and says nothing of the series that a judgement reads. Of Envoy's own this is one per Envoy.
 */
export function proxiesQuery(selector: Readonly<Record<string, string>>, nodeLabel: string): string {
  return `max by (${nodeLabel}) (timestamp(envoy_server_live{${matchersOf(selector).join(',')}}))`;
}

function matchersOf(selector: Readonly<Record<string, string>>): string[] {
  return Object.entries(selector).map(([label, value]) => `${label}=${stringLiteral(value)}`);
}

/** The family a metric name belongs to; `null`: none that was asked for. */
export function familyOf(metricName: string, families: readonly CounterFamily[]): CounterFamily | null {
  return families.find((family) => metricName === FAMILY_PREFIX + family) ?? null;
}

/** Label names cannot be quoted in a matcher, so a bad one must not get in. */
export function isLabelName(name: string): boolean {
  return LABEL_NAME.test(name);
}
