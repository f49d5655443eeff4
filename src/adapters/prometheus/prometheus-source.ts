import type { EvidenceGap } from '../../core/analysis/judge.ts';
import { freshForMs } from '../../core/analysis/sample-health.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { MetricsSource } from '../../engine/ports/metrics-source.ts';
import type { PastMetrics } from '../../engine/ports/past-metrics.ts';
import { type Answer, ask, type Connection } from './ask.ts';
import { createBackOff } from './back-off.ts';
import { clockOffset } from './clock-offset.ts';
import { coalesce } from './coalesce.ts';
import type { FleetMetrics } from './fleet-metrics.ts';
import { type Gap, gap } from './gap.ts';
import { isLabelName, proxiesQuery, requestsQuery } from './promql.ts';
import { readBatch } from './read-batch.ts';
import { readProxies, readRequests, readScalar } from './read-result.ts';

export interface PrometheusOptions {
  /** Base URL, `http(s)://host:port/prefix`. Userinfo in it is sent as basic auth. */
  readonly url: string;
  /** Extra headers, such as `X-Scope-OrgID`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Authorization: Bearer …`. */
  readonly bearerToken?: string | null;
  /** For one query, from start to the last byte, ms. @default 5000 */
  readonly timeoutMs?: number;
  readonly fleets: readonly FleetMetrics[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of every query and what came of it. */
  readonly onQuery?: (result: 'OK' | EvidenceGap) => void;
}

/** Looks at rollouts of one fleet that come within so much time share their queries, ms. */
const GATHER_MS = 20;

/**
 * Measurements from Prometheus' query API.
 *
 * @throws for a URL or a label that a checked configuration cannot hold
 */
export function createPrometheusSource(options: PrometheusOptions): MetricsSource & PastMetrics {
  const connection = connect(options);
  const fleets = new Map(options.fleets.map((fleet) => [fleet.name, fleet]));
  for (const { nodeLabel, selector } of fleets.values()) {
    const bad = [nodeLabel, ...Object.keys(selector)].find((label) => !isLabelName(label));
    if (bad !== undefined) throw new Error(`"${bad}" is no label name`);
  }
  const logChange = changeLog(options.logger);
  const backOff = createBackOff(options.clock);
  const query = async (text: string, atMs: number | null): Promise<Answer | Gap> => {
    const resting = backOff.resting();
    if (resting !== null) return resting;
    const answer = await ask(connection, text, atMs);
    backOff.heard(answer.kind === 'gap' ? (answer.strain ?? null) : null);
    options.onQuery?.(answer.kind === 'gap' ? answer.gap : 'OK');
    logChange(answer);
    return answer;
  };
  const gather = coalesce(options.clock, GATHER_MS, async (name, asks) => {
    const fleet = fleets.get(name);
    if (fleet === undefined) throw new Error(`fleet ${name} was gathered for, and is not known`);
    return readBatch(query, fleet, asks);
  });
  return {
    counters: async ({ fleet, clusters, families: wanted, codes = [], edges = null, proxies = null, ...rest }) => {
      if (!fleets.has(fleet)) return gap('NO_DATA', `fleet ${fleet} has no metrics configured`);
      // The stable arm of a first deployment has no name; as a matcher it would select series without the label.
      const named = clusters.filter((cluster) => cluster !== '');
      const families = wanted.filter((family) => family !== 'upstream_rq' || codes.length > 0);
      if (named.length === 0 || families.length === 0) return gap('NO_DATA', 'there is no cluster to measure');
      return gather(fleet, { ...rest, families, codes, edges, clusters: named, proxies });
    },
    scalar: async ({ query: text, atMs }) => {
      const answer = await query(text, atMs);
      return answer.kind === 'gap' ? answer : readScalar(answer, atMs);
    },
    proxies: async (name) => {
      const fleet = fleets.get(name);
      if (fleet === undefined) return gap('NO_DATA', `fleet ${name} has no metrics configured`);
      const { selector, nodeLabel, scrapeIntervalMs } = fleet;
      const atMs = options.clock.now();
      const answer = await query(proxiesQuery(selector, nodeLabel), atMs);
      if (answer.kind === 'gap') return answer;
      return readProxies(answer, { nodeLabel, atMs, freshMs: freshForMs(scrapeIntervalMs) });
    },
    requests: async ({ fleet: name, clusters, prefix, fromMs, toMs }) => {
      const fleet = fleets.get(name);
      if (fleet === undefined) return gap('NO_DATA', `fleet ${name} has no metrics configured`);
      const { selector, nodeLabel } = fleet;
      const asked = { selector, nodeLabel, clusters, prefix, rangeMs: toMs - fromMs };
      const answer = await query(requestsQuery(asked), toMs);
      return answer.kind === 'gap' ? answer : readRequests(answer, nodeLabel);
    },
    offsetMs: clockOffset(options.clock, query),
    scrapeMs: (fleet) => fleets.get(fleet)?.scrapeIntervalMs ?? null,
  };
}

function connect({ url: text, headers = {}, bearerToken, timeoutMs = 5_000, clock }: PrometheusOptions): Connection {
  const url = parseUrl(text);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const basic = user === '' ? null : Buffer.from(`${user}:${password}`).toString('base64');
  const authorization = bearerToken == null ? basic && `Basic ${basic}` : `Bearer ${bearerToken}`;
  return {
    endpoint: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
    secrets: [bearerToken, password, basic].filter((secret) => secret !== undefined && secret !== null),
    timeoutMs,
    clock,
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The URL stays out of the message: it may hold a password.
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new Error('the Prometheus URL is not an http or https URL');
  }
  return url;
}

/** An outage lasts many queries; it is worth one line when it begins, changes and ends. */
function changeLog(logger: Logger): (answer: Answer | Gap) => void {
  let last: EvidenceGap | null = null;
  return (answer) => {
    const now = answer.kind === 'gap' ? answer.gap : null;
    if (now === last) return;
    last = now;
    if (answer.kind === 'gap')
      logger.warn('metrics source gives no evidence', { gap: answer.gap, detail: answer.detail });
    else logger.info('metrics source answers again');
  };
}
