import { expect, it } from 'vitest';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { atFirstStep, Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;

it('given a record stamped by a clock that was an hour ahead, the next look is soon by the clock of now', () => {
  const spec = planSpec({
    strategy: { name: 'any', steps: [planStep({ weight: 500, holdMs: 60_000 })] },
    analysis: [errorRate],
    deadlineMs: 7_200_000,
  });
  const stage = new Stage({ spec, deadlineAtMs: 7_200_000 });
  stage.tick(1);
  stage.nowMs += 3_600_000; // the store's clock jumps forward …
  stage.ack().tick(1).tick(1_000);
  stage.nowMs -= 3_600_000; // … and back
  stage.ack().tick(1_000);
  // The due set runs on the store's clock: what is due an hour ahead is not looked at for an hour.
  expect((stage.dueAtMs ?? 0) - stage.nowMs).toBeLessThanOrEqual(10_000);
});

it('F27: a replica whose clock is behind never dates a change before the last one', () => {
  const stage = atFirstStep(0);
  const before = stage.rollout.updatedAtMs;
  stage.nowMs -= 500;
  stage.ack().tick(1).tick(1);
  expect(stage.rollout.step).toBe(1);
  expect(stage.rollout.updatedAtMs).toBeGreaterThanOrEqual(before);
  expect(stage.events.map(({ atMs }) => atMs)).toEqual(stage.events.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
});

it.each([
  ['within one millisecond', 0],
  ['while the clock stands behind the record', 15_000],
])('messages of one kind have ids of their own, also %s', (_when, behindMs) => {
  const stage = atFirstStep(0);
  stage.nowMs -= behindMs;
  for (let i = 0; i < 2; i += 1) {
    stage.command({ type: 'pause', reason: 'look' });
    stage.command({ type: 'resume' });
  }
  const ids = stage.notices.map(({ id }) => id);
  expect(ids.filter((id) => id.includes('-paused-'))).toHaveLength(2);
  expect(new Set(ids).size).toBe(ids.length);
});
