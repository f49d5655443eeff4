import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { serin, serinJson, until } from '../support/cli.ts';
import { type Installation, startInstallation, type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { PROGRAM } from '../support/program.ts';

/** Words of Envoy's own in documents, on real Envoys: what they take, and what they refuse. */
const undo: Undo[] = [];
let world: Installation;

beforeAll(async () => {
  world = await startInstallation({
    ...{ program: PROGRAM, mode: 'dev', envoys: 2, revisions: ['r0', 'r1'], undo },
    xds: 'allowRawEnvoy: true',
  });
});
afterAll(() => undoAll(undo, () => {}));

const address = (revision: string) => world.upstreams.get(revision)?.address ?? '';

const documents = ({ rule = '', host = '', cluster = '' }) => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec:
  fleet: edge
  hostnames: ["*"]
  rules:
    - name: checkout
      backend: shop
      timeout: 5s
      retry: { attempts: 2 }
${rule}
${host}
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec:
  initial: { revision: v0, endpoints: { static: ["${address('r0')}"] } }
${cluster}
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec: { backend: shop, strategy: { steps: [{ name: half, weight: 50, hold: 1h }] }, deadline: 2h }
`;

async function apply(parts: Parameters<typeof documents>[0]) {
  const file = join(world.folder, 'shop.yaml');
  await writeFile(file, documents(parts));
  return serin(world, ['apply', '-f', file]);
}

/** What each Envoy has, as its administration shows it. */
async function dumps(resource: 'dynamic_route_configs' | 'dynamic_active_clusters'): Promise<readonly string[]> {
  return Promise.all(
    world.envoys.map(async ({ adminPort }) => {
      const dump = await fetch(`http://127.0.0.1:${adminPort}/config_dump?resource=${resource}`);
      return JSON.stringify(await dump.json());
    }),
  );
}

const HEDGED = `      rawEnvoy:
        route:
          hedge_policy: { initial_requests: 1, hedge_on_per_try_timeout: true }
          internalRedirectPolicy: { maxInternalRedirects: 3 }
          retry_policy: { retry_back_off: { base_interval: 0.05s } }
        metadata: { filter_metadata: { shop.team: { name: checkout } } }`;

describe('words of Envoy that an Envoy takes', () => {
  it('are in its route beside what the rule says, and in its virtual host', async () => {
    expect(await apply({ rule: HEDGED, host: '  rawEnvoy: { include_request_attempt_count: true }' })).toMatchObject({
      code: 0,
    });
    for (const dump of await dumps('dynamic_route_configs')) {
      expect(dump).toContain('"hedge_policy":{"initial_requests":1,"hedge_on_per_try_timeout":true}');
      expect(dump).toContain('"internal_redirect_policy":{"max_internal_redirects":3}');
      expect(dump).toContain('"filter_metadata":{"shop.team":{"name":"checkout"}}');
      expect(dump).toContain('"include_request_attempt_count":true');
      // Of the one message both have a part.
      expect(dump).toMatch(
        /"retry_policy":\{"retry_on":"connect-failure[^}]*"num_retries":2[^}]*"base_interval":"0.050s"/,
      );
      expect(dump).toContain('"timeout":"5s"');
    }
    const told = await serin(world, ['route', 'explain', '--request', 'GET shop.example.com/']);
    expect(told.stdout).toContain('virtual host shop is patched by rawEnvoy of Route shop');
    expect(told.stdout).toContain('route checkout-0 is patched by rawEnvoy of Route shop, rule checkout');
  });

  it('make another revision of a Backend, which is rolled out like any other', async () => {
    const cluster = '  rawEnvoy: { upstream_connection_options: { tcp_keepalive: { keepalive_time: 61 } } }';
    expect(await apply({ rule: HEDGED, cluster })).toMatchObject({ code: 0 });
    for (const dump of await dumps('dynamic_active_clusters')) expect(dump).not.toContain('keepalive_time');

    const { id } = await serinJson<RolloutBody>(world, [
      ...['rollout', 'start', 'shop', '--revision', 'v1', '--endpoints', address('r1')],
    ]);
    await until(world, id, (r) => r.step?.name === 'half' && r.push?.liveAt != null);
    for (const dump of await dumps('dynamic_active_clusters')) {
      expect(dump.match(/"keepalive_time":61/g)).toHaveLength(1);
      expect(dump).toContain('"healthy_panic_threshold":{}');
    }
    const told = await serin(world, ['route', 'explain', '--request', 'GET shop.example.com/']);
    expect(told.stdout).toMatch(/cluster shop--v1-[0-9a-f]{8} is patched by rawEnvoy of Backend shop, revision v1/);
    expect((await serin(world, ['rollout', 'abort', id, '--reason', 'seen'])).code).toBe(0);
    await until(world, id, (r) => r.phase === 'aborted');
  });
});

describe('words of Envoy that are right by the protos and wrong to an Envoy', () => {
  it('are refused by the one that tries them out, and none keeps them', async () => {
    const before = await dumps('dynamic_route_configs');
    const refused = await apply({ rule: HEDGED.replace('initial_requests: 1', 'initial_requests: 0') });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('SERIN_ENVOY_REJECTED') });
    expect(refused.stderr).toContain('must be greater than or equal to 1');
    const routes = (dump: string) => dump.replaceAll(/"(?:version_info|last_updated)":"[^"]*"/g, '');
    await waitFor(
      async () => (await dumps('dynamic_route_configs')).every((dump, i) => routes(dump) === routes(before[i] ?? '')),
      { what: 'the routes as they were' },
    );
  });

  it('send a rollout of such a cluster back where it came from', async () => {
    // A ring has a least size, and not above the largest one.
    const ring = '{ minimum_ring_size: 1024, maximum_ring_size: 8 }';
    const cluster = `  rawEnvoy: { lb_policy: RING_HASH, ring_hash_lb_config: ${ring} }`;
    expect(await apply({ rule: HEDGED, cluster })).toMatchObject({ code: 0 });
    const { id } = await serinJson<RolloutBody>(world, [
      ...['rollout', 'start', 'shop', '--revision', 'v2', '--endpoints', address('r1')],
    ]);
    const ended = await until(world, id, (r) => ['failed', 'rolled_back'].includes(r.phase));
    expect(ended.cause?.summary).toContain('ring');
    for (const dump of await dumps('dynamic_active_clusters')) expect(dump).not.toContain('shop--v2');
  });
});
