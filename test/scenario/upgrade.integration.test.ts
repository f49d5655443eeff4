import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/adapters/store/redis-store.ts';
import type { Result } from '../../src/core/model/errors.ts';
import { SCHEMA, SHAPES, type Shapes } from '../../src/core/model/schema.ts';
import type { RecordKey, StoredRecord } from '../../src/engine/ports/store.ts';
import { verify } from '../../src/engine/store-admin.ts';
import { actingShapes } from '../../src/platform/acting-schema.ts';
import { createClient } from '../../src/surfaces/api/client.ts';
import type { RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { type BareReplica, type BareStore, bareReplica, bareStore } from '../support/bare-replicas.ts';
import { until } from '../support/cli.ts';
import { type Undo, undoAll } from '../support/installation.ts';
import { waitFor } from '../support/processes.ts';
import { quiet } from '../support/quiet-logger.ts';
import { openXdsClient, type XdsClient } from '../support/xds-client.ts';

const undo: Undo[] = [];
let store: BareStore;

/** An engine that acts as one version; the build is the same. */
const startReplica = (version: number) =>
  bareReplica({
    ...{ name: `${version}`, store, undo, config: 'fleets: [{ name: edge }, { name: lab }]\n' },
    env: { SERIN_ACT_AS_SCHEMA: String(version), NODE_ENV: 'test' },
    readyMs: 60_000,
  });

/** An Envoy that takes all it is given. */
function node(id: string, fleet: string, { xds }: BareReplica): XdsClient {
  const client = openXdsClient({ port: xds, node: { id, cluster: fleet } });
  client.request({ type: 'cluster' });
  client.request({ type: 'route', names: [fleet] });
  let open = true;
  undo.push(async () => {
    open = false;
    client.close();
  });
  const follow = async (type: 'cluster' | 'route') => {
    while (open) {
      const response = await client.next(type).catch(() => null);
      if (response !== null) client.ack(response);
    }
  };
  for (const type of ['cluster', 'route'] as const) void follow(type);
  return client;
}

/** A shop with a plan of two steps; what is called `next-…` is beyond the version before the next one. */
const documents = (name: string, fleet: string): string => `apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec: { fleet: ${fleet}, hostnames: ["${name}.example.com"], rules: [{ name: all, backend: ${name}, timeout: 5s }] }
---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec: { initial: { revision: r0, endpoints: { static: ["127.0.0.1:1"] } } }
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: ${name} }
spec: { backend: ${name}, strategy: { steps: [{ weight: 20, approve: true }, { weight: 50 }] }, deadline: 10m }
`;

const client = ({ server }: BareReplica) => createClient({ server, token: null });
const apply = (replica: BareReplica, name: string, fleet: string) =>
  client(replica).apply([{ file: `${name}.yaml`, text: documents(name, fleet) }], false);
const start = async (replica: BareReplica, plan: string): Promise<RolloutBody> =>
  must(await client(replica).start({ plan, revision: 'r1', endpoints: ['127.0.0.1:2'] }, `start-${plan}`));
const atGate = ({ gate }: RolloutBody): boolean => gate !== null;
const isPromoted = ({ phase }: RolloutBody): boolean => phase === 'promoted';
const approve = async (replica: BareReplica, { id }: RolloutBody) => {
  const { gate } = must(await client(replica).rollout(id));
  return must(await client(replica).command(id, 'approve', { gate }));
};

function must<T>(result: Result<T>): T {
  if (result.kind === 'error') throw new Error(result.errors.map(({ message }) => message).join());
  return result.value;
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

async function check({ server }: BareReplica, name: string): Promise<Check> {
  const response = await fetch(`${server}/readyz`, { signal: AbortSignal.timeout(5_000) });
  const { checks } = (await response.json()) as { readonly checks: readonly Check[] };
  return checks.find((one) => one.name === name) ?? { name, ok: false, detail: 'not checked' };
}

/** As who understands it finds it in the store. */
async function written(key: RecordKey): Promise<readonly StoredRecord[]> {
  const shapes = must(actingShapes({ SERIN_ACT_AS_SCHEMA: String(SCHEMA.version + 1), NODE_ENV: 'test' }));
  const seen = createRedisStore({ connection: { url: `redis://127.0.0.1:${store.port}` }, shapes, logger: quiet });
  const read = await seen.records.read([key]);
  seen.close();
  if (read.kind !== 'ok') throw new Error(`${key}: ${read.kind}`);
  return read.value;
}

/** Every record, table and index of the store. */
async function sound(shapes: Shapes): Promise<void> {
  const seen = createRedisStore({ connection: { url: `redis://127.0.0.1:${store.port}` }, shapes, logger: quiet });
  expect(await verify(seen.archive, null)).toMatchObject({ kind: 'ok', value: { damage: [] } });
  seen.close();
}

beforeEach(async () => {
  store = await bareStore(undo);
}, 30_000);
afterEach(() => undoAll(undo, () => {}), 30_000);

const WAIT = 240_000;

describe('two versions side by side on one Redis', () => {
  it(
    'carry rollouts from one to the other and back, and the older leaves alone what it would misread',
    async () => {
      // given: one under way, begun by the version before
      const older = await startReplica(SCHEMA.version);
      node('at-older', 'edge', older);
      must(await apply(older, 'shop', 'edge'));
      const plain = await start(older, 'shop');
      await until(older, plain.id, atGate);

      // when: the next version comes, with something that only itself understands
      const newer = await startReplica(SCHEMA.version + 1);
      node('at-newer', 'edge', newer);
      node('in-lab', 'lab', newer);
      must(await apply(newer, 'next-shop', 'lab'));
      const beyond = await start(newer, 'next-shop');
      await until(newer, beyond.id, atGate);

      // then: the older says why it leaves that alone
      const why = expect.stringContaining(`needs a Serin of schema version ${SCHEMA.version + 1}`);
      const refused = { kind: 'error', errors: [{ code: 'SERIN_SCHEMA_NEWER', message: why }] };
      expect(await client(older).rollout(beyond.id)).toMatchObject(refused);
      expect(await apply(older, 'shop', 'edge')).toMatchObject(refused);
      const said = { ok: true, detail: expect.stringContaining(`rollout/${beyond.id}`) };
      expect(await check(older, 'schema')).toMatchObject(said);
      await waitFor(async () => /table refused: .* schema version/.test((await check(older, 'xds/lab')).detail), {
        what: 'a table that is left alone',
      });
      expect(await check(newer, 'schema')).toMatchObject({ ok: true, detail: `version ${SCHEMA.version + 1}` });

      // and: when the newer goes, the older goes on with the rest, and touches nothing else
      await newer.process.kill();
      const left = await written(`rollout/${beyond.id}`);
      node('at-newer', 'edge', older);
      await approve(older, plain);
      await until(older, plain.id, isPromoted);
      expect(await written(`rollout/${beyond.id}`)).toEqual(left);

      // and: when the newer is back, it finds all as it was, and brings it to its end
      const back = await startReplica(SCHEMA.version + 1);
      node('in-lab', 'lab', back);
      await until(back, beyond.id, atGate);
      await approve(back, beyond);
      await until(back, beyond.id, isPromoted);
      expect(await until(back, plain.id, isPromoted)).toMatchObject({ revision: 'r1' });
      for (const shapes of [
        SHAPES,
        must(actingShapes({ SERIN_ACT_AS_SCHEMA: String(SCHEMA.version + 1), NODE_ENV: 'test' })),
      ])
        await sound(shapes);
    },
    WAIT,
  );

  it(
    'stop the older where the store as a whole is beyond it, and the newer goes on with its rollouts',
    async () => {
      // given
      const older = await startReplica(SCHEMA.version - 1);
      must(await apply(older, 'shop', 'edge'));
      const begun = await start(older, 'shop');
      // when
      const newer = await startReplica(SCHEMA.version);
      // then
      const needed = `needs a Serin of schema version ${SCHEMA.version} or newer`;
      expect(await check(older, 'schema')).toMatchObject({ ok: false, detail: expect.stringContaining(needed) });
      const abort = await client(older).command(begun.id, 'abort', { reason: 'too old' });
      expect(abort).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_SCHEMA_NEWER' }] });
      node('at-newer', 'edge', newer);
      await until(newer, begun.id, atGate);
      await approve(newer, begun);
      await until(newer, begun.id, isPromoted);
      await sound(SHAPES);
    },
    WAIT,
  );
});
