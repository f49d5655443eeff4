import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import { BackendStateRecord } from '../../src/core/model/stored.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import { replay } from '../../src/core/replay/replay.ts';
import { verify } from '../../src/engine/store-admin.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, tableOf } from '../support/engine-steps.ts';

/** Two backends of one fleet, `shop` and `cart`, and a plan that rolls them out together. */
const JOINT = (more = '') => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: release }
spec:
  backends: [shop, cart]
  strategy: { steps: [{ weight: 10, hold: 10s }, { weight: 50, hold: 10s }] }
  analysis: [{ use: error-rate }]
  deadline: 10m
  notify: [deploys]
${more}`;

const DOCUMENTS = [
  routeYaml({ name: 'shop', backend: 'shop' }),
  routeYaml({ name: 'cart', backend: 'cart' }),
  backendYaml('shop'),
  backendYaml('cart'),
] as const;

let rig: EngineRig;
/** Every table that Envoys were ever given. */
let tables: FleetTable[];

beforeEach(async () => {
  rig = await engineRig();
  await apply(...DOCUMENTS, JOINT());
  await rig.until(async () => (await stableOf('shop')) === 'v1' && (await stableOf('cart')) === 'v1');
  tables = [];
  await rig.store.traffic.follow((fleets) => {
    for (const fleet of fleets) void tableOf(rig, fleet).then((table) => tables.push(table));
  });
});
afterEach(() => rig.stop());

async function apply(...documents: readonly string[]): Promise<void> {
  const result = await rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));
  if (result.kind === 'error') throw new Error(result.errors[0]?.message);
}

type Asked = Partial<Parameters<EngineRig['engine']['start']>[0]>;

const TO = { shop: { endpoints: ['127.0.0.1:9091'] }, cart: { endpoints: ['127.0.0.1:9092'] } };

const ask = (fields: Asked = {}): ReturnType<EngineRig['engine']['start']> =>
  rig.engine.start({
    ...{ plan: 'release', revision: 'v2', endpoints: null, backends: TO, by: 'ci', idempotencyKey: null },
    ...fields,
  });

async function begin(fields: Asked = {}): Promise<string> {
  const started = await ask(fields);
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  return started.value.view.rollout.id;
}

async function stateOf(backend: string): Promise<BackendState> {
  const read = await rig.store.records.read([`backend/${backend}`]);
  if (read.kind !== 'ok') throw new Error(read.kind);
  return BackendStateRecord.parse(read.value[0]?.body);
}

const stableOf = async (backend: string) => (await stateOf(backend)).stable?.name;
const owners = async () => [(await stateOf('shop')).rolloutId, (await stateOf('cart')).rolloutId];
const phaseIs = (id: string, phase: string) => async () => (await rolloutOf(rig, id)).phase === phase;
const atStep = (id: string, step: number) => async () => {
  const rollout = await rolloutOf(rig, id);
  return rollout.phase === 'stepping' && rollout.step === step && rollout.push?.liveAtMs !== null;
};

function weights(table: FleetTable, backend: string): readonly number[] {
  const value = table.owners.get(`backend/${backend}`)?.value;
  return value?.kind === 'backend' ? value.split.map(({ weight }) => weight) : [];
}

/** In no table that any Envoy was given do they differ. */
function expectTogether(): void {
  expect(tables.length).toBeGreaterThan(0);
  for (const table of tables) expect(weights(table, 'cart')).toEqual(weights(table, 'shop'));
}

describe('a joint start', () => {
  it.each(['shop', 'cart'])('takes nothing where another rollout has %s, and names it', async (taken) => {
    await apply(planYaml({ name: 'alone', backend: taken }));
    const other = await begin({ plan: 'alone', revision: 'v9', endpoints: ['127.0.0.1:9099'], backends: undefined });
    const refused = await ask();
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toBe(
      `backend ${taken} is owned by the active rollout ${other}`,
    );
    expect(await owners()).toEqual(taken === 'shop' ? [other, null] : [null, other]);
  });

  it('takes nothing where one revision cannot be rolled out', async () => {
    const refused = await ask({ backends: { ...TO, cart: { revision: 'v1' } } });
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toContain('v1 of cart is stable already');
    expect(await owners()).toEqual([null, null]);
  });

  it('takes nothing where one of them has nothing to go back to', async () => {
    await apply(
      routeYaml({ name: 'pay', backend: 'pay' }),
      backendYaml('pay', null),
      JOINT().replace('[shop, cart]', '[shop, pay]'),
    );
    const refused = await ask({ backends: { pay: { endpoints: ['127.0.0.1:9093'] }, shop: TO.shop } });
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_NOT_READY' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toContain('backend pay has no stable revision yet');
    expect(await owners()).toEqual([null, null]);
  });

  it('takes nothing for a backend that the plan does not have, nor where a revision is missing', async () => {
    const other = await ask({ backends: { ...TO, basket: {} } });
    expect(other.kind === 'error' && other.errors[0]?.message).toContain('not "basket"');
    const open = await ask({ revision: null, backends: { shop: { ...TO.shop, revision: 'v2' } } });
    expect(open.kind === 'error' && open.errors[0]?.message).toBe('which revision of cart is not said');
  });

  it('takes all of them in one commit, and keeps others away from each', async () => {
    const id = await begin({ backends: { ...TO, cart: { ...TO.cart, revision: 'v7' } } });
    expect(await owners()).toEqual([id, id]);
    const rollout = await rolloutOf(rig, id);
    expect([rollout.canary.name, rollout.joint?.others[0]?.canary.name]).toEqual(['v2', 'v7']);
    await apply(planYaml({ name: 'alone', backend: 'cart' }));
    const refused = await ask({ plan: 'alone', backends: undefined, endpoints: ['127.0.0.1:9099'] });
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(await ask({ revision: 'v3' })).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    for (const backend of ['shop', 'cart']) {
      const listed = await rig.engine.rollouts({ backend, phase: 'active', limit: 10, cursor: null });
      expect(listed).toMatchObject({ value: { rollouts: [{ rollout: { id } }] } });
    }
  });

  it('of one key begins one rollout, and another request by that key is refused', async () => {
    const id = await begin({ idempotencyKey: 'deploy-1' });
    expect(await begin({ idempotencyKey: 'deploy-1' })).toBe(id);
    const cart = { ...TO.cart, revision: 'v8' };
    const other = await ask({ idempotencyKey: 'deploy-1', backends: { ...TO, cart } });
    expect(other).toMatchObject({ errors: [{ code: 'SERIN_IDEMPOTENCY_MISMATCH' }] });
  });
});

describe('a joint rollout in a store that has lost a step of it', () => {
  const lose = async (): Promise<string> => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    const restore = rig.store.faults.backup();
    await rig.until(atStep(id, 1));
    restore();
    await rig.store.lineage.look();
    return id;
  };

  it.each(['adopt', 'stable'] as const)('ends on stable with all of them when a person says %s', async (mode) => {
    const id = await lose();
    expect(await rig.engine.reconcileStore({ mode, by: 'me' })).toMatchObject({ kind: 'ok' });
    expect(await rolloutOf(rig, id)).toMatchObject({ phase: 'aborted', cause: { kind: 'person', by: 'me' } });
    expect(await owners()).toEqual([null, null]);
    const table = await tableOf(rig);
    expect([weights(table, 'shop'), weights(table, 'cart')]).toEqual([[10_000], [10_000]]);
    // Envoys that were away may route to it yet.
    const retired = (await stateOf('cart')).retired.map(({ revision }) => revision.name);
    expect(retired).toEqual(['v2']);
    const checked = await verify(rig.store.archive, null);
    expect(checked.kind === 'ok' && checked.value.damage).toEqual([]);
    await begin({ revision: 'v3' });
  });

  it('goes on where the Envoys run what the store says', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    // Lost was something else: the message to a person.
    const restore = rig.store.faults.backup();
    await apply(planYaml({ name: 'alone', backend: 'cart' }));
    restore();
    await rig.store.lineage.look();
    const done = await rig.engine.reconcileStore({ mode: 'adopt', by: 'me' });
    expect(done).toMatchObject({ kind: 'ok' });
    await rig.until(phaseIs(id, 'promoted'));
    expectTogether();
  });
});

describe('a joint rollout', () => {
  it('steps and promotes all of them together: every table has one weight for both', async () => {
    const id = await begin();
    await rig.until(phaseIs(id, 'promoted'));
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v2', 'v2']);
    expect(await owners()).toEqual([null, null]);
    expectTogether();
    const seen = new Set(tables.map((table) => weights(table, 'cart').join()));
    expect([...seen]).toEqual(expect.arrayContaining(['10000', '9000,1000', '5000,5000', '0,10000']));
    const promoted = rig.delivered.find(({ kind }) => kind === 'promoted');
    expect(promoted?.title).toBe('shop, cart: v2 is promoted');
    expect(promoted?.joint?.map(({ backend }) => backend)).toEqual(['shop', 'cart']);
  });

  it.each(['shop', 'cart'])('goes back as a whole when %s fails, and says whose metric it was', async (bad) => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    rig.verdictOf.set(bad, 'fail');
    await rig.until(phaseIs(id, 'rolled_back'));
    const { cause } = await rolloutOf(rig, id);
    expect(cause).toMatchObject({ kind: 'analysis', verdict: { backend: bad, metric: `error-rate (${bad})` } });
    expect(cause?.summary).toContain(`(${bad})`);
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v1', 'v1']);
    expect(await owners()).toEqual([null, null]);
    expectTogether();
    expect(weights(await tableOf(rig), 'cart')).toEqual([10_000]);
  });

  it('waits for the evidence of each: one that is open holds the others', async () => {
    rig.verdictOf.set('cart', 'inconclusive');
    const id = await begin();
    await rig.until(atStep(id, 0));
    await rig.clock.advance(60_000);
    expect(await rolloutOf(rig, id)).toMatchObject({ phase: 'stepping', step: 0 });
    rig.verdictOf.delete('cart');
    await rig.until(phaseIs(id, 'promoted'));
    expectTogether();
  });

  it('is aborted as a whole', async () => {
    const id = await begin();
    await rig.until(atStep(id, 1));
    await rig.engine.command({ id, command: { type: 'abort', reason: 'no' }, rev: null, by: 'me' });
    await rig.until(phaseIs(id, 'aborted'));
    expect(await owners()).toEqual([null, null]);
    expectTogether();
    expect(weights(await tableOf(rig), 'shop')).toEqual([10_000]);
  });

  it('goes back as a whole when an Envoy refuses it', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    rig.envoys('edge', { nack: 'no such filter' });
    await rig.until(async () => (await rolloutOf(rig, id)).cause !== null);
    rig.envoys('edge', 'ack');
    await rig.until(phaseIs(id, 'rolled_back'));
    expectTogether();
  });

  it('goes on from the store alone: what this process knew of it does not matter', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    const { deps } = rig;
    // A hint that is gone, as after a restart.
    Object.assign(deps.active, { backendOf: () => null });
    await rig.until(phaseIs(id, 'promoted'));
    expect(await stableOf('cart')).toBe('v2');
    expectTogether();
  });

  it('is left sound in the store, while it goes on and afterwards', async () => {
    const id = await begin();
    for (const done of [atStep(id, 0), phaseIs(id, 'promoted')]) {
      await rig.until(done);
      const checked = await verify(rig.store.archive, null);
      expect(checked.kind === 'ok' && checked.value.damage).toEqual([]);
    }
  });

  it('can be decided again from what was recorded, without a difference', async () => {
    const id = await begin();
    // Somebody comes to wait behind one of them meanwhile.
    await rig.until(atStep(id, 0));
    await apply(planYaml({ name: 'alone', backend: 'cart', onNewRevision: 'queue' }));
    await begin({ plan: 'alone', revision: 'v3', endpoints: ['127.0.0.1:9099'], backends: undefined });
    await rig.until(phaseIs(id, 'promoted'));
    const kept = await rig.engine.decisions({ id, from: 0, limit: 1_000 });
    if (kept.kind === 'error') throw new Error(kept.errors[0]?.message);
    const again = replay(kept.value, { judge: rig.deps.judge });
    expect(again).toMatchObject({ notReplayed: [], differences: [] });
    expect(again.decisions).toBeGreaterThan(5);
    // Of each backend the judge has a memory of its own.
    const memories = kept.value.filter(({ text }) => text.includes('"memories":{"cart":'));
    expect(memories.length).toBeGreaterThan(0);
  });

  const undo = (of: string) => rig.engine.undo({ of, reason: 'slow', by: 'me', idempotencyKey: null });

  it.each(['shop', 'cart'])('is undone as a whole when %s is, in one commit', async (of) => {
    const id = await begin();
    await rig.until(phaseIs(id, 'promoted'));
    const undone = await undo(of);
    const undoId = undone.kind === 'ok' ? undone.value.view.rollout.id : 'none';
    expect(await rolloutOf(rig, undoId)).toMatchObject({ phase: 'promoting', undoes: id, backend: 'shop' });
    expect(await owners()).toEqual([undoId, undoId]);
    await rig.until(phaseIs(undoId, 'promoted'));
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v1', 'v1']);
    expect(await owners()).toEqual([null, null]);
    expectTogether();
    expect(rig.delivered.find(({ rolloutId }) => rolloutId === undoId)?.title).toBe(
      'shop, cart: undo, all requests go back to v1',
    );
    // There is no way forward again.
    expect(await undo('cart')).toMatchObject({ errors: [{ code: 'SERIN_NOT_WARM' }] });
  });

  it.each(['shop', 'the rollout'])('is not undone by halves: one has moved on, and %s is named', async (of) => {
    const id = await begin();
    await rig.until(phaseIs(id, 'promoted'));
    await apply(planYaml({ name: 'alone', backend: 'cart' }));
    const later = await begin({ plan: 'alone', revision: 'v3', endpoints: ['127.0.0.1:9099'], backends: undefined });
    const busy = await undo('shop');
    expect(busy).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    await rig.until(phaseIs(later, 'promoted'));
    const refused = await undo(of === 'shop' ? of : id);
    expect(refused).toMatchObject({ errors: [{ code: 'SERIN_CONFLICT' }] });
    expect(refused.kind === 'error' && refused.errors[0]?.message).toBe(
      `rollout ${id} did not make v3 stable, which cart has now; ${later} did`,
    );
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v2', 'v3']);
    // What was promoted alone is undone alone.
    const alone = await undo('cart');
    const aloneId = alone.kind === 'ok' ? alone.value.view.rollout.id : 'none';
    await rig.until(phaseIs(aloneId, 'promoted'));
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v2', 'v2']);
  });

  it('says of which rollout the first of them is no more, when the other is to be undone', async () => {
    const id = await begin();
    await rig.until(phaseIs(id, 'promoted'));
    await apply(planYaml({ name: 'alone', backend: 'shop' }));
    const later = await begin({ plan: 'alone', revision: 'v3', endpoints: ['127.0.0.1:9099'], backends: undefined });
    await rig.until(phaseIs(later, 'promoted'));
    const refused = await undo('cart');
    expect(refused.kind === 'error' && refused.errors[0]?.message).toBe(
      `rollout ${id} did not make v3 stable, which shop has now; ${later} did`,
    );
  });

  it('lets a newer revision of one of them wait, also one that would take its place', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    await apply(planYaml({ name: 'alone', backend: 'cart', onNewRevision: 'supersede' }));
    const alone = { plan: 'alone', backends: undefined };
    // The very revision that rolls there already.
    const again = await ask({ ...alone, revision: 'v2', endpoints: TO.cart.endpoints });
    expect(again).toMatchObject({ errors: [{ code: 'SERIN_ROLLOUT_ACTIVE' }] });
    expect(again.kind === 'error' && again.errors[0]?.message).toBe(`revision v2 of cart rolls already: ${id}`);
    const next = await begin({ ...alone, revision: 'v3', endpoints: ['127.0.0.1:9099'] });
    expect((await rolloutOf(rig, next)).queued).toEqual({ behind: id });
    await rig.until(phaseIs(next, 'promoted'));
    expect((await rolloutOf(rig, id)).phase).toBe('promoted');
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v2', 'v3']);
  });
});

describe('a joint rollout in two fleets', () => {
  beforeEach(async () => {
    await rig.stop();
    rig = await engineRig(['edge', 'mesh']);
    await apply(
      routeYaml({ name: 'shop', backend: 'shop' }),
      routeYaml({ name: 'cart', backend: 'cart', fleet: 'mesh' }),
      backendYaml('shop'),
      backendYaml('cart'),
      JOINT(),
    );
    await rig.until(async () => (await stableOf('shop')) === 'v1' && (await stableOf('cart')) === 'v1');
  });

  it('gives each fleet the backends that its routes lead to, and no other', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    expect((await rolloutOf(rig, id)).fleets).toEqual(['edge', 'mesh']);
    const backends = async (fleet: string) =>
      [...(await tableOf(rig, fleet)).owners.keys()].filter((owner) => owner.startsWith('backend/'));
    expect([await backends('edge'), await backends('mesh')]).toEqual([['backend/shop'], ['backend/cart']]);
    await rig.until(phaseIs(id, 'promoted'));
    expect([await stableOf('shop'), await stableOf('cart')]).toEqual(['v2', 'v2']);
  });

  it('waits in both while an Envoy of one is silent, and goes back in both when one refuses', async () => {
    const id = await begin();
    await rig.until(atStep(id, 0));
    rig.envoys('mesh', 'silent');
    await rig.clock.advance(60_000);
    expect(await rolloutOf(rig, id)).toMatchObject({ phase: 'stepping', step: 0 });
    expect(weights(await tableOf(rig, 'edge'), 'shop')).toEqual([9_000, 1_000]);
    rig.envoys('mesh', { nack: 'no such cluster' });
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'rolling_back');
    rig.envoys('mesh', 'ack');
    await rig.until(phaseIs(id, 'rolled_back'));
    expect([weights(await tableOf(rig, 'edge'), 'shop'), weights(await tableOf(rig, 'mesh'), 'cart')]).toEqual([
      [10_000],
      [10_000],
    ]);
  });
});
