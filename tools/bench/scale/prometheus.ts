import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ENVOYS_PER_FLEET, isThin, nodeName, SCRAPE_MS } from './scene.ts';

/**
 * Stands in for Prometheus: answers the engine's own queries for raw counters with what two Envoys per fleet would have
 * counted, 20 requests a second to each arm and 0.1 % of them failed; thin backends one request a minute. Not in it:
 * storage, scraping and the evaluation of PromQL. `tsx prometheus.ts`; prints its port.
 */
const PER_SECOND = 20;
const CLASSES = [
  ['2', 0.999],
  ['5', 0.001],
] as const;
/** Envoy's own edges, ms, and the share of requests that is below. */
const BUCKETS = [
  ...[0.5, 1, 5, 10, 25, 50, 100, 250].map((le, i) => [`${le}`, Math.min(0.999, 0.1 + 0.13 * i)] as const),
  ...[500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000].map(
    (le) => [`${le}`, 1] as const,
  ),
  ['+Inf', 1] as const,
];
type Labelled = readonly (readonly [label: string, share: number])[];
/** Of each family: its label, and what there is under it, as a share of all requests. */
const SERIES: Readonly<Record<string, { readonly label: string; readonly of: Labelled }>> = {
  upstream_rq_completed: { label: '', of: [['', 1]] },
  upstream_rq_total: { label: '', of: [['', 1]] },
  upstream_rq_xx: { label: 'envoy_response_code_class', of: CLASSES },
  upstream_rq_time_bucket: { label: 'le', of: BUCKETS },
  upstream_rq_active: { label: '', of: [['', 0]] },
  upstream_rq_timeout: { label: '', of: [['', 0]] },
  upstream_rq_per_try_timeout: { label: '', of: [['', 0]] },
  upstream_rq_rx_reset: { label: '', of: [['', 0]] },
  upstream_rq_retry: { label: '', of: [['', 0]] },
};
const STARTED_S = 1_000_000_000;

interface Asked {
  readonly families: readonly string[];
  /** `null`: of the process. */
  readonly clusters: readonly string[] | null;
  /** `null`: all. */
  readonly edges: ReadonlySet<string> | null;
  readonly fleet: string;
  readonly rangeMs: number;
}

const unescaped = (pattern: string): string => pattern.replaceAll('\\\\', '');

function parse(query: string): Asked | null {
  const found =
    /^\{__name__=~"([^"]*)",job="([^"]*)"(?:,envoy_cluster_name=~"([^"]*)")?(?:,envoy_response_code=~"[^"]*")?(?:,le=~"([^"]*)")?\}\[(\d+)ms\]$/.exec(
      query,
    );
  if (found === null) return null;
  const [, families = '', fleet = '', clusters, edges, range = ''] = found;
  return {
    families: unescaped(families).split('|'),
    fleet,
    clusters: clusters === undefined ? null : unescaped(clusters).split('|'),
    edges: edges === undefined ? null : new Set(unescaped(edges).split('|')),
    rangeMs: Number(range),
  };
}

function values(valueAt: (tMs: number) => number, fromMs: number, toMs: number): [number, string][] {
  const points: [number, string][] = [];
  for (let tMs = Math.ceil(fromMs / SCRAPE_MS) * SCRAPE_MS; tMs <= toMs; tMs += SCRAPE_MS) {
    points.push([tMs / 1_000, String(valueAt(tMs))]);
  }
  return points;
}

function matrix({ families, clusters, edges, fleet, rangeMs }: Asked, atMs: number): object[] {
  const own = (i: number) => ({ job: fleet, node: nodeName(fleet, i), instance: '127.0.0.1:9901' });
  const range = [atMs - rangeMs, atMs] as const;
  const nodes = Array.from({ length: ENVOYS_PER_FLEET }, (_, i) => own(i));
  if (clusters === null) {
    return nodes.flatMap((labels) =>
      families.map((__name__) => {
        const valueAt = __name__.endsWith('epoch') ? () => 0 : (tMs: number) => Math.floor(tMs / 1_000) - STARTED_S;
        return { metric: { __name__, ...labels }, values: values(valueAt, ...range) };
      }),
    );
  }
  return clusters.flatMap((cluster) => {
    const perSecond = isThin(cluster.slice(0, cluster.indexOf('--'))) ? 1 / 60 : PER_SECOND;
    return nodes.flatMap((labels) =>
      families.flatMap((__name__) => {
        const { label, of } = SERIES[__name__.replace('envoy_cluster_', '')] ?? { label: '', of: [] };
        const asked = label === 'le' && edges !== null ? of.filter(([value]) => edges.has(value)) : of;
        return asked.map(([value, share]) => ({
          metric: { __name__, ...labels, envoy_cluster_name: cluster, ...(label === '' ? {} : { [label]: value }) },
          values: values((tMs) => Math.floor(tMs * 1e-3 * perSecond * share), ...range),
        }));
      }),
    );
  });
}

/** When each Envoy of a fleet was scraped last; the engine asks for it at every look at its own metrics. */
function scraped(query: string, atMs: number): object[] | null {
  const fleet = /^max by \(node\) \(timestamp\(envoy_server_live\{job="([^"]*)"\}\)\)$/.exec(query)?.[1];
  if (fleet === undefined) return null;
  const value = [atMs / 1_000, String(Math.floor(atMs / SCRAPE_MS) * (SCRAPE_MS / 1_000))];
  return Array.from({ length: ENVOYS_PER_FLEET }, (_, i) => ({ metric: { node: nodeName(fleet, i) }, value }));
}

const scalar = (atMs: number) => ({ resultType: 'scalar', result: [atMs / 1_000, String(atMs / 1_000)] });

function dataOf(query: string, atMs: number): object | null {
  const asked = parse(query);
  if (asked !== null) return { resultType: 'matrix', result: matrix(asked, atMs) };
  const vector = scraped(query, atMs);
  return vector === null ? null : { resultType: 'vector', result: vector };
}

const counted = { queries: 0, bytes: 0, unknown: 0 };

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/counted') return void response.end(JSON.stringify(counted));
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const query = form.get('query') ?? '';
  const atMs = Number(form.get('time')) * 1_000;
  counted.queries += 1;
  const data = query === 'time()' ? scalar(Date.now()) : dataOf(query, atMs);
  if (data === null) {
    counted.unknown += 1;
    const error = { status: 'error', errorType: 'bad_data', error: 'this is not Prometheus' };
    return void response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error));
  }
  const body = JSON.stringify({ status: 'success', data });
  counted.bytes += body.length;
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
