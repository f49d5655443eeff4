import { afterEach, expect, it } from 'vitest';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

async function start(backend: string): Promise<string> {
  const request = { plan: backend, revision: 'v2', endpoints: ['127.0.0.1:9090'], by: 'ci', idempotencyKey: null };
  const started = await rig.engine.start(request);
  if (started.kind === 'error') throw new Error(started.errors[0]?.message);
  return started.value.view.rollout.id;
}

it('finds the rollouts that are asked for behind newer ones that are not', async () => {
  // given one rollout that waits for an Envoy, and two newer ones of another backend
  rig = await engineRig();
  const documents = ['checkout', 'cart', 'search'].flatMap((name) => [
    routeYaml({ name, backend: name }),
    backendYaml(name),
    planYaml({ name, backend: name }),
  ]);
  await rig.answer(rig.engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));
  const wanted = await start('checkout');
  await start('cart');
  await start('search');
  // when
  const page = { backend: 'checkout', phase: 'active', limit: 1, cursor: null } as const;
  const listed = await rig.engine.rollouts(page);
  // then
  expect(listed.kind === 'ok' && listed.value.rollouts.map(({ rollout }) => rollout.id)).toEqual([wanted]);
});
