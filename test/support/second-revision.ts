import { expect } from 'vitest';
import { judgeByPlan } from '../../src/core/analysis/judge-by-plan.ts';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import type { NewRevisionPolicy } from '../../src/core/model/documents.ts';
import type { Phase } from '../../src/core/model/phase.ts';
import { replay } from '../../src/core/replay/replay.ts';
import type { RolloutCommand } from '../../src/core/rollout/command.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { RecordKey } from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';
import { verify } from '../../src/engine/store-admin.ts';
import { backendYaml, files, planYaml, routeYaml } from './engine-documents.ts';
import { type EngineRig, engineRig } from './engine-rig.ts';
import { rolloutOf, startRollout, tableOf } from './engine-steps.ts';
import { atStep } from './two-steps.ts';

/** The shop on the engine's rig, v1 stable, for what happens when a second revision comes while one rolls. */
export interface SecondRevision {
  readonly rig: EngineRig;
  apply(...documents: readonly string[]): Promise<void>;
  /** Puts the documents in force, with this plan. */
  shop(onNewRevision: NewRevisionPolicy): Promise<void>;
  /** The same, with v2 live at its first step. */
  rolling(onNewRevision: NewRevisionPolicy): Promise<string>;
  ask(revision: string, idempotencyKey?: string | null): ReturnType<Engine['start']>;
  command(id: string, asked: RolloutCommand): ReturnType<Engine['command']>;
  isIn(id: string, phase: Phase): () => Promise<boolean>;
  backend(): Promise<BackendState>;
  /** Puts records into the store, past the engine. */
  write(records: Readonly<Record<string, unknown>>): Promise<void>;
  /** Revision and weight of each arm. */
  split(): Promise<readonly (readonly [string, number])[]>;
  /** Expects that every decision about it comes out the same from what is kept. */
  replayed(...ids: readonly string[]): Promise<void>;
  /** Expects that nothing is wrong with the store. */
  sound(): Promise<void>;
}

export async function secondRevision(): Promise<SecondRevision> {
  const rig = await engineRig();
  const { engine } = rig;
  const apply: SecondRevision['apply'] = async (...documents) => {
    const result = await rig.answer(engine.apply({ files: files(...documents), dryRun: false, by: 'someone' }));
    if (result.kind === 'error') throw new Error(result.errors[0]?.message);
  };
  const shop = (onNewRevision: NewRevisionPolicy) => apply(routeYaml(), backendYaml(), planYaml({ onNewRevision }));
  return {
    ...{ rig, apply, shop },
    rolling: async (onNewRevision) => {
      await shop(onNewRevision);
      const id = await startRollout(rig);
      await rig.until(atStep(rig, id, 0));
      return id;
    },
    ask: (revision, idempotencyKey = null) =>
      engine.start({ plan: 'checkout', revision, endpoints: ['127.0.0.1:9090'], by: 'ci', idempotencyKey }),
    command: (id, asked) => engine.command({ id, command: asked, rev: null, by: 'ann' }),
    isIn: (id, phase) => async () => (await rolloutOf(rig, id)).phase === phase,
    backend: async () => {
      const read = await rig.store.records.read(['backend/checkout']);
      if (read.kind !== 'ok') throw new Error(read.kind);
      return read.value[0]?.body as BackendState;
    },
    write: async (records) => {
      const read = await rig.store.records.read(Object.keys(records) as RecordKey[]);
      if (read.kind !== 'ok') throw new Error(read.kind);
      await rig.store.records.commit({
        ...EMPTY_COMMIT,
        reads: read.value.map(({ key, rev }) => ({ key, rev })),
        writes: read.value.map(({ key }) => ({ key, body: records[key] })),
      });
    },
    split: async () => {
      const value = (await tableOf(rig)).owners.get('backend/checkout')?.value;
      return value?.kind === 'backend' ? value.split.map(({ cluster, weight }) => [cluster.slice(10, 12), weight]) : [];
    },
    replayed: async (...ids) => {
      for (const id of ids) {
        const kept = await engine.decisions({ id, from: 0, limit: 1_000 });
        if (kept.kind === 'error') throw new Error(kept.errors[0]?.message);
        const again = replay(kept.value, { judge: { ...judgeByPlan, assess: rig.deps.judge.assess } });
        expect(again).toMatchObject({ notReplayed: [], differences: [], rollout: await rolloutOf(rig, id) });
      }
    },
    sound: async () => {
      expect(await verify(rig.store.archive, null)).toMatchObject({ kind: 'ok', value: { damage: [] } });
    },
  };
}
