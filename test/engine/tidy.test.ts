import { afterEach, describe, expect, it } from 'vitest';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { settings } from '../support/rollouts.ts';

let rig: EngineRig;
afterEach(() => rig.stop());

const HOUR_MS = 3_600_000;

async function revisions(fleet = 'edge'): Promise<readonly string[]> {
  const table = await rig.store.traffic.table(fleet);
  const value = table.kind === 'ok' ? table.value.owners.get('backend/checkout')?.value : undefined;
  return value?.kind === 'backend' ? value.revisions.map(({ name }) => name) : [];
}

async function promote(revision: string): Promise<void> {
  const started = await rig.engine.start({
    plan: 'checkout',
    revision,
    endpoints: ['127.0.0.1:9090'],
    by: 'ci',
    idempotencyKey: null,
  });
  const id = started.kind === 'ok' ? started.value.view.rollout.id : '';
  await rig.until(async () => {
    const view = await rig.engine.rollout(id);
    return view.kind === 'ok' && view.value.rollout.phase === 'promoted';
  });
}

async function shop(fleets: readonly string[], ...routes: readonly string[]): Promise<void> {
  rig = await engineRig(fleets);
  const documents = files(...routes, backendYaml(), planYaml());
  await rig.answer(rig.engine.apply({ files: documents, dryRun: false, by: 'someone' }));
}

describe('tidy', () => {
  it('serves a cluster that went out of use for its time, then takes it away', async () => {
    await shop(['edge'], routeYaml());
    await promote('v2');
    await rig.clock.advance(settings.retireAfterMs - HOUR_MS);
    expect(await revisions()).toEqual(['v1', 'v2']);
    await rig.clock.advance(2 * HOUR_MS);
    expect(await revisions()).toEqual(['v2']);
  });

  it('takes it away also where no Route leads any more', async () => {
    await shop(['edge', 'inner'], routeYaml(), routeYaml({ name: 'inner', fleet: 'inner' }));
    await promote('v2');
    await rig.engine.remove({ kind: 'Route', name: 'inner', by: 'someone' });
    expect(await revisions('inner')).toEqual(['v1', 'v2']);
    await rig.clock.advance(settings.retireAfterMs + HOUR_MS);
    expect(await revisions('inner')).toEqual(['v2']);
  });

  it('goes on after an outage of the store at the moment it was due', async () => {
    await shop(['edge'], routeYaml());
    await promote('v2');
    await rig.clock.advance(settings.retireAfterMs - HOUR_MS);
    rig.store.faults.setDown(true);
    await rig.clock.advance(2 * HOUR_MS);
    rig.store.faults.setDown(false);
    expect(await revisions()).toEqual(['v1', 'v2']);
    await rig.clock.advance(HOUR_MS);
    expect(await revisions()).toEqual(['v2']);
  });

  it('does not take away what a running rollout uses again', async () => {
    await shop(['edge'], routeYaml());
    await promote('v2');
    await rig.engine.apply({
      files: files(planYaml({ steps: '[{ weight: 10, approve: true }]' }).replace('10m', '72h')),
      dryRun: false,
      by: 'someone',
    });
    const started = await rig.engine.start({
      plan: 'checkout',
      revision: 'v1',
      endpoints: ['127.0.0.1:8080'],
      by: 'someone',
      idempotencyKey: null,
    });
    expect(started.kind).toBe('ok');
    await rig.clock.advance(settings.retireAfterMs + HOUR_MS);
    expect(await revisions()).toEqual(['v1', 'v2']);
  });
});
