import { afterEach, describe, expect, it } from 'vitest';
import { LOOK_AGAIN_MS } from '../../src/core/rollout/await-live.ts';
import type { RolloutCommand } from '../../src/core/rollout/command.ts';
import { backendYaml, files, planYaml, routeYaml } from '../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';
import { rolloutOf, startRollout, stickEnvoy, tableOf } from '../support/engine-steps.ts';
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

  it.each(['rollback', 'exclude', 'hold'])(
    'is no change of a step that is live: no Envoy that has the step has to answer for it again (onLaggard: %s)',
    async (policy) => {
      // given a step that has been live for long when the time of an old cluster is over
      await shop(['edge'], routeYaml());
      await promote('v2');
      const plan = planYaml({ steps: '[{ weight: 10, hold: 2h }]' })
        .replace('spec:', `spec:\n  onLaggard: ${policy}`)
        .replace('10m', '4h');
      await rig.answer(rig.engine.apply({ files: files(plan), dryRun: false, by: 'someone' }));
      await rig.clock.advance(settings.retireAfterMs - HOUR_MS / 4);
      const id = await startRollout(rig, 'v3');
      await rig.until(async () => (await rolloutOf(rig, id)).push?.liveAtMs != null);
      await rig.until(async () => (await rolloutOf(rig, id)).phase === 'stepping');
      await rig.clock.advance(60_000);
      const before = await rolloutOf(rig, id);
      const told = rig.delivered.length;
      // and one Envoy that does not take the smaller table
      stickEnvoy(rig);
      // when it is tidied away
      await rig.clock.advance(HOUR_MS / 2);
      expect(await revisions()).toEqual(['v2', 'v3']);
      rig.deps.wakeUps.kick(`rollout/${id}`);
      await rig.clock.advance(1_000);
      // then the step goes on as it was
      expect(await rolloutOf(rig, id)).toMatchObject({ phase: 'stepping', excluded: {}, push: before.push });
      expect(rig.delivered.length).toBe(told);
    },
  );

  it('rests while a change of the backend is tried out or parked, and goes on when that is over', async () => {
    // given a cluster whose time is over while a paused rollout has taken its trial back
    await shop(['edge'], routeYaml());
    await promote('v2');
    const slow = files(planYaml().replace('10m', '4h'));
    await rig.answer(rig.engine.apply({ files: slow, dryRun: false, by: 'someone' }));
    await rig.clock.advance(settings.retireAfterMs - HOUR_MS / 4);
    rig.envoys('edge', 'silent');
    const id = await startRollout(rig, 'v3');
    await rig.until(async () => (await tableOf(rig)).trial?.by === `rollout/${id}`);
    await command({ type: 'pause', reason: 'lunch' });
    await rig.clock.advance(HOUR_MS / 4);
    // when half an hour passes
    const before = rig.store.commits();
    await rig.clock.advance(HOUR_MS / 2);
    const commits = rig.store.commits() - before;
    const rollouts = HOUR_MS / 2 / LOOK_AGAIN_MS;
    // then nobody looks at it every few seconds, beside the rollout at itself
    expect(commits).toBeLessThan(rollouts + 10);
    expect(await revisions()).toEqual(['v1', 'v2']);
    // and it is done as soon as the change has gone to all
    rig.envoys('edge', 'ack');
    await command({ type: 'resume' });
    await rig.until(async () => (await rolloutOf(rig, id)).phase === 'stepping');
    expect(await revisions()).toEqual(['v2', 'v3']);

    async function command(what: RolloutCommand): Promise<void> {
      const outcome = await rig.answer(rig.engine.command({ id, command: what, rev: null, by: 'someone' }));
      expect(outcome.kind).toBe('ok');
    }
  });
});
