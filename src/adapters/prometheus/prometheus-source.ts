import type { CountersResult, EvidenceGap } from '../../core/analysis/judge.ts';
import { freshForMs } from '../../core/analysis/sample-health.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { MetricsSource } from '../../engine/ports/metrics-source.ts';
import { type Answer, ask, type Connection, type Gap, gap } from './ask.ts';
import { countersQuery, isLabelName, proxiesQuery } from './promql.ts';
import { readCounters, readProxies, readScalar } from './read-result.ts';
import { mergeSlices, type Slice, sliceRange } from './slices.ts';

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
}

/** How a fleet's Envoys are found in Prometheus. */
export interface FleetMetrics {
  readonly name: string;
  /** Labels that all series of the fleet have, and no others: `{ job: 'envoy-edge' }`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Label whose value names one Envoy. */
  readonly nodeLabel: string;
  readonly scrapeIntervalMs: number;
}

/**
 * Measurements from Prometheus' query API.
 *
 * @throws for a URL or a label that a checked configuration cannot hold
 */
export function createPrometheusSource(options: PrometheusOptions): MetricsSource {
  const connection = connect(options);
  const fleets = new Map(options.fleets.map((fleet) => [fleet.name, fleet]));
  for (const { nodeLabel, selector } of fleets.values()) {
    const bad = [nodeLabel, ...Object.keys(selector)].find((label) => !isLabelName(label));
    if (bad !== undefined) throw new Error(`"${bad}" is no label name`);
  }
  const logChange = changeLog(options.logger);
  const query = async (text: string, atMs: number): Promise<Answer | Gap> => {
    const answer = await ask(connection, text, atMs);
    logChange(answer);
    return answer;
  };
  return {
    counters: async ({ fleet: name, clusters, families, fromMs, toMs }) => {
      const fleet = fleets.get(name);
      if (fleet === undefined) return gap('NO_DATA', `fleet ${name} has no metrics configured`);
      // The stable arm of a first deployment has no name; as a matcher it would select series without the label.
      const named = clusters.filter((cluster) => cluster !== '');
      if (named.length === 0 || families.length === 0) return gap('NO_DATA', 'there is no cluster to measure');
      const { selector, nodeLabel, scrapeIntervalMs } = fleet;
      const readSlice = async (slice: Slice): Promise<CountersResult> => {
        const answer = await query(countersQuery({ selector, clusters: named, families, ...slice }), slice.toMs);
        return answer.kind === 'gap' ? answer : readCounters(answer, { nodeLabel, families, fromMs: slice.fromMs });
      };
      return mergeSlices(await Promise.all(sliceRange({ fromMs, toMs }, scrapeIntervalMs).map(readSlice)));
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
