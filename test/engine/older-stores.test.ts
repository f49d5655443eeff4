import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { SCHEMA } from '../../src/core/model/schema.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { exportStore, importStore, verify } from '../../src/engine/store-admin.ts';
import { readExport } from '../../src/engine/store-export.ts';
import { type EngineRig, engineRig } from '../support/engine-rig.ts';

/** What engines of each version really wrote (tools/store-fixture.ts): one rollout promoted, one aborted, one under way. */
const VERSIONS = Array.from({ length: SCHEMA.version + 1 }, (_, version) => version);

let rig: EngineRig;
afterEach(() => rig.stop());

async function rollouts(): Promise<readonly Rollout[]> {
  const listed = await rig.engine.rollouts({ limit: 10, cursor: null, backend: null, phase: null });
  if (listed.kind === 'error') throw new Error(listed.errors[0]?.message);
  return listed.value.rollouts.map(({ rollout }) => rollout);
}

describe.each(VERSIONS)('a store of version %d', (version) => {
  const text = readFileSync(`test/fixtures/stores/v${version}.jsonl`, 'utf8');
  const loaded = async () => {
    const read = readExport(text);
    if (read.kind === 'error') throw new Error(read.errors[0]?.message);
    expect(read.value.schema.version).toBe(version);
    rig = await engineRig(['edge'], null, read.value.takenAtMs + 1_000);
    const imported = await importStore(rig.store.archive, text, { replace: false });
    expect(imported).toMatchObject({ kind: 'ok' });
    // Whoever follows the tables looks at all of them again.
    rig.store.faults.setDown(true);
    rig.store.faults.setDown(false);
  };

  it('is sound, before it is loaded and after', async () => {
    expect(await verify(null, text)).toMatchObject({ kind: 'ok', value: { damage: [] } });
    await loaded();
    expect(await verify(rig.store.archive, null)).toMatchObject({ kind: 'ok', value: { damage: [] } });
  });

  it('is of the present version once it is loaded, and can be exported as such', async () => {
    await loaded();
    const exported = await exportStore(rig.store.archive);
    const again = readExport(exported.kind === 'ok' ? exported.value.join('') : '');
    if (again.kind === 'error') throw new Error(again.errors[0]?.message);
    expect(again.value.schema).toEqual(SCHEMA);
    const records = again.value.lines.flatMap((line) => (line.kind === 'record' ? [line.schema] : []));
    expect(new Set(records)).toEqual(new Set([String(SCHEMA.version)]));
  });

  it('goes on: what waits for a person is approved, judged and promoted', async () => {
    // given
    await loaded();
    const before = await rollouts();
    expect(before.map(({ phase }) => phase)).toEqual(['stepping', 'aborted', 'promoted']);
    const running = before[0];
    if (running === undefined) throw new Error('there is one');
    // when
    const gate = { step: running.step, attempt: running.attempt };
    const approved = await rig.answer(
      rig.engine.command({ id: running.id, by: 'anna', rev: null, command: { type: 'approve', gate } }),
    );
    expect(approved).toMatchObject({ kind: 'ok' });
    // then
    await rig.until(async () => (await rollouts())[0]?.phase === 'promoted');
    expect(rig.store.inside.record('backend/shop').body).toMatchObject({ stable: { name: 'v4' }, rolloutId: null });
    expect(rig.delivered.map(({ title }) => title).join()).toContain('v4');
  });
});
