import { describe, expect, it } from 'vitest';
import { isQuarantined, quarantine } from '../../../src/core/rollout/quarantine.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { canaryWeight } from '../../../src/core/traffic/backend-traffic.ts';
import { fleetAt, node, settings } from '../../support/rollouts.ts';
import { atFirstStep } from '../../support/stage.ts';

const decide = (rollout: Rollout, nowMs: number, crashes = 3) =>
  quarantine({
    rollout,
    backend: stage.backend,
    observed: { fleets: fleetAt(stage.n, [node('a'), node('b')]) },
    crashes,
    settings,
    nowMs,
  });
const stage = atFirstStep(60_000);

describe('F3: a rollout that crashes whoever looks at it', () => {
  it.each([
    [2, false],
    [3, true],
  ])('%d times in ten minutes is set aside: %s', (crashes, expected) => {
    expect(isQuarantined(stage.rollout, crashes)).toBe(expected);
  });

  it('keeps its weight, is told of once, and is looked at again at its deadline', () => {
    const { rollout } = stage;
    const first = decide(rollout, rollout.updatedAtMs + 10);
    expect(first.traffic).toBe(false);
    expect(canaryWeight(first.rollout)).toBe(canaryWeight(rollout));
    expect(first.rollout.paused).toMatchObject({ by: 'serin', quarantined: true });
    expect(first.notices).toMatchObject([{ kind: 'quarantined', tone: 'bad' }]);
    expect(first.events).toMatchObject([{ type: 'quarantined' }]);
    expect(first.dueAtMs).toBe(rollout.deadlineAtMs);
    // Afterwards nobody counts: nothing looks at it any more.
    expect(isQuarantined(first.rollout, 0)).toBe(true);
    const again = decide(first.rollout, rollout.updatedAtMs + 20, 0);
    expect(again.rollout).toBe(first.rollout);
    expect(again.notices).toEqual([]);
  });

  it('goes back at its deadline, and is looked at as usual from then on', () => {
    const held = decide(stage.rollout, stage.rollout.updatedAtMs + 10).rollout;
    const back = decide(held, held.deadlineAtMs, 0);
    expect(back.rollout).toMatchObject({ phase: 'rolling_back', paused: null, cause: { kind: 'deadline' } });
    expect(canaryWeight(back.rollout)).toBe(0);
    expect(back.traffic).toBe(true);
    expect(back.rollout.push?.counted).toEqual({ edge: ['a', 'b'] });
    expect(isQuarantined(back.rollout, 0)).toBe(false);
  });

  it('on its way back stays there, and is looked at more rarely', () => {
    const held = decide(stage.rollout, stage.rollout.updatedAtMs + 10).rollout;
    const { rollout } = decide(held, held.deadlineAtMs, 0);
    const rarely = decide(rollout, rollout.updatedAtMs + 1);
    expect(rarely.rollout).toBe(rollout);
    expect(rarely.dueAtMs).toBeGreaterThan(rollout.updatedAtMs + 60_000);
  });
});
