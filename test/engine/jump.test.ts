import { expect, it } from 'vitest';
import { Decision } from '../../src/core/replay/decision.ts';
import type { RolloutCommand } from '../../src/core/rollout/command.ts';
import { rolloutOf, startRollout } from '../support/engine-steps.ts';
import { atStep, twoStepsRig } from '../support/two-steps.ts';

it('a person who skips is committed, told, written down and kept for a replay, once', async () => {
  const r = await twoStepsRig();
  const id = await startRollout(r);
  await r.until(atStep(r, id, 0));
  const skip: RolloutCommand = { type: 'skip', gate: { step: 0, attempt: 1 }, reason: 'it is late' };
  const ask = () => r.answer(r.engine.command({ id, command: skip, rev: null, by: 'ann' }));

  // when: two of them see the same step and skip it
  const [first, second] = await Promise.all([ask(), ask()]);
  const kinds = [first, second].map((answer) => (answer.kind === 'ok' ? 'ok' : answer.errors[0]?.code));
  expect(kinds.toSorted()).toEqual(['SERIN_GATE_CONFLICT', 'ok']);
  expect(await rolloutOf(r, id)).toMatchObject({ step: 1, attempt: 2, jumps: [{ by: 'ann', from: 0, to: 1 }] });

  // then: it is live on every Envoy as any step, and people know
  await r.until(atStep(r, id, 1));
  await r.until(async () => r.delivered.some(({ kind }) => kind === 'jumped'));
  expect(r.delivered.filter(({ kind }) => kind === 'jumped')).toHaveLength(1);
  const audit = await r.engine.audit({ sinceMs: null, after: null, limit: 50 });
  const lines = audit.kind === 'ok' ? audit.value.map(({ entry }) => entry) : [];
  expect(lines.filter(({ command, result }) => command === 'skip' && result === 'done')).toMatchObject([
    { by: 'ann', detail: 'from gate 0/1: it is late; not passed: its hold of 10s' },
  ]);
  const kept = await r.engine.decisions({ id, from: 0, limit: 200 });
  const commands = (kept.kind === 'ok' ? kept.value : []).flatMap(({ text }) => {
    const decision = Decision.parse(JSON.parse(text));
    return decision.kind === 'command' ? [decision.command] : [];
  });
  expect(commands).toEqual([skip]);
  await r.stop();
});

it('a step that a person left is not left once more by a look that was under way', async () => {
  const r = await twoStepsRig();
  const id = await startRollout(r);
  await r.until(atStep(r, id, 1));
  const jump: RolloutCommand = { type: 'jump', to: '1', gate: { step: 1, attempt: 2 }, reason: 'too much' };
  const answer = await r.answer(r.engine.command({ id, command: jump, rev: null, by: 'ann' }));
  expect(answer.kind).toBe('ok');
  await r.until(async () => (await rolloutOf(r, id)).phase === 'promoted');
  const { history } = await rolloutOf(r, id);
  expect(history.map(({ step }) => step)).toEqual([0, 1, 0, 1]);
  // then: each had its whole time
  const heldMs = history.map(({ liveAtMs, leftAtMs }) => (leftAtMs ?? 0) - (liveAtMs ?? 0));
  expect(heldMs[2]).toBeGreaterThanOrEqual(10_000);
  expect(heldMs[3]).toBeGreaterThanOrEqual(120_000);
  await r.stop();
});
