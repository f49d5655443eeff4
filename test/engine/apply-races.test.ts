import { afterEach, expect, it } from 'vitest';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const apply = (...documents: readonly string[]): ReturnType<EngineRig['engine']['apply']> =>
  rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' });

async function owners(): Promise<readonly string[]> {
  const table = await rig.store.traffic.table('edge');
  return table.kind === 'ok' ? [...table.value.owners.keys()].sort() : [];
}

const oneHost = (name: string): string =>
  routeYaml({ name, backend: name }).replace(/hostnames: .*/, 'hostnames: [shop.example.com]');

it('of two applies that claim one hostname at the same time, one is told who has it', async () => {
  // given
  rig = await engineRig();
  await rig.answer(apply(backendYaml('a'), backendYaml('b')));
  // when
  const outcomes = await rig.answer(Promise.all([apply(oneHost('a')), apply(oneHost('b'))]));
  // then
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['error', 'ok']);
  expect(outcomes.find(({ kind }) => kind === 'error')).toMatchObject({
    errors: [{ code: 'SERIN_CONFLICT', place: { file: '0.yaml', line: 6 } }],
  });
  expect((await owners()).filter((owner) => owner.startsWith('route/'))).toHaveLength(1);
});

it.each([
  ['a Route', () => routeYaml({ backend: 'cart' })],
  ['a Plan', () => planYaml({ name: 'cart', backend: 'cart' })],
])('never leaves %s with a backend that was deleted in the same moment', async (_what, document) => {
  rig = await engineRig();
  await rig.answer(apply(backendYaml('cart', null)));
  const [applied, removed] = await rig.answer(
    Promise.all([apply(document()), rig.engine.remove({ kind: 'Backend', name: 'cart', by: 'someone' })]),
  );
  expect([applied.kind, removed.kind].sort()).toEqual(['error', 'ok']);
});

it('lets many applies through that come at once', async () => {
  rig = await engineRig();
  const names = Array.from({ length: 12 }, (_, i) => `shop-${i}`);
  const outcomes = await rig.answer(
    Promise.all(names.map((name) => apply(backendYaml(name), routeYaml({ name, backend: name })))),
  );
  expect(outcomes.filter(({ kind }) => kind === 'error')).toEqual([]);
});

it('takes back what an Envoy refused, and leaves a rollout alone that has started on it since', async () => {
  // given a route to a second backend that no Envoy has answered to yet
  rig = await engineRig();
  await rig.answer(apply(routeYaml(), backendYaml(), planYaml()));
  rig.envoys('edge', 'silent', 'b');
  const refused = apply(
    backendYaml('cart'),
    planYaml({ name: 'cart', backend: 'cart' }),
    routeYaml({ path: '/new' }),
    routeYaml({ name: 'cart', backend: 'cart' }),
  );
  await rig.clock.advance(100);
  // when a rollout starts, and the refusal comes after it
  const started = await rig.engine.start({
    plan: 'cart',
    revision: 'v2',
    endpoints: ['127.0.0.1:9090'],
    by: 'ci',
    idempotencyKey: null,
  });
  expect(started.kind).toBe('ok');
  rig.envoys('edge', { nack: 'regex is too large' }, 'b');
  // then what nobody else had touched is as before, and the message names the rest
  const outcome = await rig.answer(refused);
  expect(outcome).toMatchObject({ errors: [{ code: 'SERIN_ENVOY_REJECTED' }] });
  expect(outcome.kind === 'error' && outcome.errors[0]?.hint).toContain('backend/cart');
  expect(await rig.engine.document('Route', 'shop')).toMatchObject({
    value: { document: { spec: { rules: [{ matches: [{ path: { value: '/' } }] }] } } },
  });
  expect(await rig.engine.document('Route', 'cart')).toMatchObject({ kind: 'error' });
  expect(await rig.engine.document('Backend', 'cart')).toMatchObject({ kind: 'ok' });
  expect(await owners()).toEqual(['backend/cart', 'backend/checkout', 'route/shop']);
});
