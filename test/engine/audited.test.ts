import { describe, expect, it } from 'vitest';
import { fail, ok } from '../../src/core/model/errors.ts';
import { audited } from '../../src/engine/audited.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeEngine, view } from '../support/fake-engine.ts';
import { fakeStore } from '../support/fake-store.ts';
import { quiet } from '../support/quiet-logger.ts';

function stage(answers: Partial<Engine> = {}) {
  const clock = fakeClock();
  const store = fakeStore(clock);
  let made = 0;
  const newId = () => {
    made += 1;
    return `c${made}`;
  };
  const engine = audited(fakeEngine(answers), { audit: store.audit, clock, newId, logger: quiet });
  return {
    engine,
    store,
    lines: async () => {
      const read = await store.audit.read({ after: null, sinceMs: null, limit: 100 });
      return read.kind === 'ok' ? read.value.map(({ entry }) => entry) : [];
    },
  };
}

const abort = { id: 'r1', command: { type: 'abort', reason: 'declined payments' }, rev: null, by: 'ann' } as const;

describe('every command', () => {
  it('leaves who asked for what, and what came of it, under one id', async () => {
    const { engine, lines } = stage();
    await engine.command(abort);
    const line = { id: 'c1', by: 'ann', command: 'abort', target: 'rollout/r1', detail: 'declined payments' };
    expect(await lines()).toMatchObject([
      { ...line, stage: 'asked', result: null },
      { ...line, stage: 'answered', result: 'done' },
    ]);
  });

  it('that is refused does so, too, with the code', async () => {
    const { engine, lines } = stage({ command: async () => fail('SERIN_CONFLICT', 'it has moved on') });
    expect(await engine.command(abort)).toMatchObject({ kind: 'error' });
    expect(await lines()).toMatchObject([{ stage: 'asked' }, { stage: 'answered', result: 'SERIN_CONFLICT' }]);
  });

  it('that the engine does not live to answer has been asked for', async () => {
    const { engine, lines } = stage({ command: () => new Promise(() => {}) });
    void engine.command(abort);
    expect(await lines()).toMatchObject([{ stage: 'asked', by: 'ann' }]);
  });

  it('is named with its target', async () => {
    const { engine, lines } = stage({
      apply: async () =>
        ok([
          { kind: 'Route', name: 'shop', action: 'updated' },
          { kind: 'Plan', name: 'shop', action: 'unchanged' },
        ]),
      remove: async () => ok({ kind: 'Plan', name: 'shop', action: 'deleted' }),
      start: async () => ok({ view: view({ id: 'r7' }), created: true }),
    });
    await engine.apply({ files: [{ file: 'shop.yaml', text: '' }], dryRun: false, by: 'ann' });
    await engine.remove({ kind: 'Plan', name: 'shop', by: 'ann' });
    await engine.start({ plan: 'shop', revision: 'v2', endpoints: null, by: 'ci', idempotencyKey: null });
    await engine.command({ ...abort, command: { type: 'approve', gate: { step: 1, attempt: 4 } } });
    const answered = (await lines()).filter((entry) => entry.stage === 'answered');
    expect(answered.map(({ command, target, detail }) => [command, target, detail])).toEqual([
      ['apply', 'documents', 'updated Route shop'],
      ['delete', 'Plan/shop', ''],
      ['start', 'rollout/r7', 'plan shop, revision v2'],
      ['approve', 'rollout/r1', 'gate 1/4'],
    ]);
  });

  it('with what a person did not wait for', async () => {
    const gates = ['hook checks', 'step 3 (half): hold of 5m'];
    const jumps = [{ by: 'ann', atMs: 1, from: 1, to: 3, reason: 'in a hurry', gates }];
    const { engine, lines } = stage({ command: async () => ok(view({ jumps })) });
    const [gate, reason] = [{ step: 1, attempt: 4 }, 'in a hurry'];
    await engine.command({ ...abort, command: { type: 'jump', to: '4', gate, reason, force: true } });
    await engine.command({ ...abort, command: { type: 'skip', gate, reason } });
    await engine.command({ ...abort, command: { type: 'approve', gate, hook: 'checks', reason: 'it is down' } });
    const answered = (await lines()).filter((entry) => entry.stage === 'answered');
    const left = 'not passed: hook checks, step 3 (half): hold of 5m';
    expect(answered.map(({ command, detail }) => [command, detail])).toEqual([
      ['jump', `to 4, from gate 1/4, forced: in a hurry; ${left}`],
      ['skip', `from gate 1/4: in a hurry; ${left}`],
      ['approve', 'hook checks, gate 1/4: it is down'],
    ]);
  });
});

describe('nothing is left', () => {
  it('by reading, or by checking documents', async () => {
    const { engine, lines } = stage();
    await engine.apply({ files: [], dryRun: true, by: 'ann' });
    await engine.rollout('r1');
    await engine.rollouts({ backend: null, phase: null, limit: 1, cursor: null });
    expect(await lines()).toEqual([]);
  });
});

it('an audit log that is away keeps nobody from going back', async () => {
  const { engine, store } = stage();
  store.faults.setDown(true);
  expect(await engine.command(abort)).toMatchObject({ kind: 'ok' });
});

it('can be read through the engine', async () => {
  const { engine } = stage();
  await engine.command(abort);
  const read = await engine.audit({ after: null, sinceMs: null, limit: 1 });
  expect(read).toMatchObject({ value: [{ entry: { stage: 'asked', by: 'ann' } }] });
});
