import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCodec } from '../../../../src/adapters/xds/codec.ts';
import { loadProtoBundle } from '../../../../src/adapters/xds/proto-bundle.ts';
import { buildResources } from '../../../../src/core/traffic/build-resources.ts';
import type { RouteConfiguration } from '../../../../src/core/traffic/envoy-resources.ts';
import { evaluateRequest } from '../../../../src/core/traffic/evaluate/evaluate-request.ts';
import type { SampleRequest } from '../../../../src/core/traffic/evaluate/sample-request.ts';
import { binaryPath } from '../../../support/binaries.ts';
import { envoyJson } from '../../../support/envoy-json.ts';
import { answers, freePort, startProcess, stopAll } from '../../../support/processes.ts';
import { table } from '../tables.ts';
import { CLUSTERS, owners, request } from './random-tables.ts';

/**
 * `serin route explain` against the real thing: one Envoy holds all the tables at once, chosen by a header, and says of
 * each request which route and which cluster took it.
 */
const TABLES = 2_000;
const REQUESTS = 3;
const AT_ONCE = 48;
/** Another one each time; a failure names it. */
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

const protos = loadProtoBundle();
const codec = createCodec(protos, 'test');
const folder = mkdtempSync(join(tmpdir(), 'serin-routes-'));
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
const tables: readonly RouteConfiguration[] = fc.sample(owners, { numRuns: TABLES, seed }).map((all) => {
  const built = buildResources(table(1, all));
  const [config] = built.kind === 'ok' ? built.value.routes : [];
  if (config === undefined) throw new Error(JSON.stringify(built));
  return config;
});
let port: number;

beforeAll(async () => {
  const [admin, upstream, baseId] = [await freePort(), await freePort(), await freePort()];
  port = await freePort();
  const config = join(folder, 'envoy.json');
  writeFileSync(config, JSON.stringify(bootstrap({ admin, upstream })));
  await startProcess({
    command: binaryPath('envoy'),
    args: ['-c', config, '--base-id', String(baseId), '--concurrency', '1', '-l', 'error'],
    ready: () => answers(`http://127.0.0.1:${admin}/ready`),
    readyMs: 60_000,
  });
});

afterAll(async () => {
  agent.destroy();
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
});

it(`agrees with a real Envoy on ${TABLES} random tables, ${REQUESTS} requests each`, { timeout: 60_000 }, async () => {
  const asked = fc.sample(request, { numRuns: TABLES * REQUESTS, seed: seed + 1 });
  const disagreements: string[] = [];
  const seen = { nowhere: 0, redirect: 0, respond: 0, forward: 0 };
  const chance = { expected: 0, variance: 0, seen: 0 };
  const ask = async (sample: SampleRequest, i: number) => {
    const config = tables[i % TABLES] as RouteConfiguration;
    const { host, answer } = evaluateRequest(config, sample);
    const took = await send(sample, i % TABLES);
    const route = answer.kind === 'nowhere' ? undefined : `${host?.host.name}/${answer.route.name}`;
    const arms = answer.kind === 'forward' ? answer.arms.filter(({ probability }) => probability > 0) : [];
    const right = route === took.route && (arms.length === 0 || arms.some(({ cluster }) => cluster === took.cluster));
    seen[answer.kind] += 1;
    const hashed = answer.kind === 'forward' && answer.route.route?.weightedClusters?.useHashPolicy !== undefined;
    const [arm] = arms.length > 1 && !hashed ? arms : [];
    if (arm !== undefined) {
      chance.expected += arm.probability;
      chance.variance += arm.probability * (1 - arm.probability);
      chance.seen += Number(arm.cluster === took.cluster);
    }
    if (!right) disagreements.push(JSON.stringify({ sample, expected: { route, arms }, took, config }));
  };
  for (let from = 0; from < asked.length; from += AT_ONCE) {
    await Promise.all(asked.slice(from, from + AT_ONCE).map((sample, k) => ask(sample, from + k)));
  }
  expect(disagreements.slice(0, 3), `${disagreements.length} of ${asked.length}, seed ${seed}`).toEqual([]);
  // All ways to be answered were met.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(asked.length / 50);
  // Six sigma: one run in five hundred million.
  expect(Math.abs(chance.seen - chance.expected)).toBeLessThan(6 * Math.sqrt(chance.variance) + 1);
});

interface Took {
  readonly route: string | undefined;
  readonly cluster: string | undefined;
}

function send({ method, host, path, headers }: SampleRequest, tableIndex: number): Promise<Took> {
  const own: (readonly [string, string])[] = [['host', host], ['x-table', String(tableIndex)], ...headers];
  return new Promise((resolve, reject) => {
    const sent = httpRequest({
      ...{ port, host: '127.0.0.1', method, path, agent, setHost: false },
      headers: own.flatMap(([name, value]) => [name, Buffer.from(value).toString('latin1')]) as never,
    });
    sent.on('error', (error) =>
      reject(new Error(`${error.message}: ${JSON.stringify({ method, host, path, headers })}`)),
    );
    sent.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(tookOf(response.headers)));
    });
    sent.end();
  });
}

function tookOf(headers: IncomingHttpHeaders): Took {
  return { route: headers['x-route']?.toString(), cluster: headers['x-cluster']?.toString() };
}

function bootstrap(ports: { readonly admin: number; readonly upstream: number }): object {
  const address = (value: number) => ({ socketAddress: { address: '127.0.0.1', portValue: value } });
  const listener = (name: string, value: number, routes: object) => ({
    name,
    address: address(value),
    filterChains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typedConfig: {
              '@type': typeUrl('network.http_connection_manager.v3.HttpConnectionManager'),
              statPrefix: name,
              ...routes,
              httpFilters: [
                { name: 'envoy.filters.http.router', typedConfig: { '@type': typeUrl('http.router.v3.Router') } },
              ],
            },
          },
        ],
      },
    ],
  });
  const everything = {
    name: 'all',
    domains: ['*'],
    routes: [{ match: { prefix: '' }, directResponse: { status: 200 } }],
  };
  return {
    node: { id: 'edge-1', cluster: 'edge' },
    admin: { address: address(ports.admin) },
    staticResources: {
      listeners: [
        listener('upstream', ports.upstream, { routeConfig: { virtualHosts: [everything] } }),
        listener('edge', port, { scopedRoutes: scopes() }),
      ],
      clusters: CLUSTERS.map((name) => ({
        name,
        type: 'STATIC',
        connectTimeout: '1s',
        loadAssignment: {
          clusterName: name,
          endpoints: [{ lbEndpoints: [{ endpoint: { address: address(ports.upstream) } }] }],
        },
      })),
    },
  };
}

function typeUrl(name: string): string {
  return `type.googleapis.com/envoy.extensions.filters.${name}`;
}

function scopes(): object {
  return {
    name: 'tables',
    scopeKeyBuilder: { fragments: [{ headerValueExtractor: { name: 'x-table', index: 0 } }] },
    scopedRouteConfigurationsList: {
      scopedRouteConfigurations: tables.map((config, i) => ({
        name: `table-${i}`,
        key: { fragments: [{ stringKey: String(i) }] },
        routeConfiguration: envoyJson(protos, codec, marked(config, `table-${i}`)),
      })),
    },
  };
}

/** The table as it is built, but for headers of the answer that say who gave it. */
function marked(config: RouteConfiguration, name: string): RouteConfiguration {
  return {
    ...config,
    name,
    virtualHosts: config.virtualHosts.map((host) => ({
      ...host,
      routes: host.routes.map((route) => ({
        ...route,
        responseHeadersToAdd: [
          said('x-route', `${host.name}/${route.name}`),
          ...(route.route === undefined ? [] : [said('x-cluster', '%UPSTREAM_CLUSTER%')]),
        ],
      })),
    })),
  };
}

function said(key: string, value: string) {
  return { header: { key, value }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' as const };
}
