import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ENVOYS_PER_FLEET, isThin, SCRAPE_MS } from './scene.ts';

/**
 * Stands in for Prometheus: answers the engine's own queries for raw counters with what two Envoys per fleet would have
 * counted, 20 requests a second each and 0.1 % of them failed; thin backends one request a minute. Not in it: storage,
 * scraping and the evaluation of PromQL. `tsx prometheus.ts`; prints its port.
 */
const PER_SECOND = 20;
const CLASSES = [
  ['2', 0.999],
  ['5', 0.001],
] as const;

interface Asked {
  readonly families: readonly string[];
  readonly clusters: readonly string[];
  readonly fleet: string;
  readonly rangeMs: number;
}

const unescaped = (pattern: string): string => pattern.replaceAll('\\\\', '');

function parse(query: string): Asked | null {
  const found = /^\{__name__=~"([^"]*)",job="([^"]*)",envoy_cluster_name=~"([^"]*)"\}\[(\d+)ms\]$/.exec(query);
  if (found === null) return null;
  const [, families = '', fleet = '', clusters = '', range = ''] = found;
  return {
    families: unescaped(families).split('|'),
    fleet,
    clusters: unescaped(clusters).split('|'),
    rangeMs: Number(range),
  };
}

function values(share: number, perSecond: number, fromMs: number, toMs: number): [number, string][] {
  const points: [number, string][] = [];
  for (let tMs = Math.ceil(fromMs / SCRAPE_MS) * SCRAPE_MS; tMs <= toMs; tMs += SCRAPE_MS) {
    points.push([tMs / 1_000, String(Math.floor(tMs * 1e-3 * perSecond * share))]);
  }
  return points;
}

function matrix({ families, clusters, fleet, rangeMs }: Asked, atMs: number): object[] {
  const result: object[] = [];
  for (const cluster of clusters) {
    const perSecond = isThin(cluster.slice(0, cluster.indexOf('--'))) ? 1 / 60 : PER_SECOND;
    for (let i = 0; i < ENVOYS_PER_FLEET; i += 1) {
      const labels = {
        job: fleet,
        node: `${fleet}-envoy-${i}`,
        instance: '127.0.0.1:9901',
        envoy_cluster_name: cluster,
      };
      for (const __name__ of families) {
        const classes = __name__ === 'envoy_cluster_upstream_rq_xx' ? CLASSES : ([['', 1]] as const);
        for (const [label, share] of classes) {
          const metric = { __name__, ...labels, ...(label === '' ? {} : { envoy_response_code_class: label }) };
          result.push({ metric, values: values(share, perSecond, atMs - rangeMs, atMs) });
        }
      }
    }
  }
  return result;
}

/** When each Envoy of a fleet was scraped last; the engine asks for it at every look at its own metrics. */
function scraped(query: string, atMs: number): object[] | null {
  const fleet = /^max by \(node\) \(timestamp\(envoy_server_live\{job="([^"]*)"\}\)\)$/.exec(query)?.[1];
  if (fleet === undefined) return null;
  const value = [atMs / 1_000, String(Math.floor(atMs / SCRAPE_MS) * (SCRAPE_MS / 1_000))];
  return Array.from({ length: ENVOYS_PER_FLEET }, (_, i) => ({ metric: { node: `${fleet}-envoy-${i}` }, value }));
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
  const asked = parse(query);
  const vector = scraped(query, atMs);
  if (asked === null && vector === null) {
    counted.unknown += 1;
    const error = { status: 'error', errorType: 'bad_data', error: 'this is not Prometheus' };
    return void response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error));
  }
  const data =
    asked === null ? { resultType: 'vector', result: vector } : { resultType: 'matrix', result: matrix(asked, atMs) };
  const body = JSON.stringify({ status: 'success', data });
  counted.bytes += body.length;
  response.writeHead(200, { 'content-type': 'application/json' }).end(body);
}

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
