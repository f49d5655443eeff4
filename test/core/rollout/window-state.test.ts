import { describe, expect, it } from 'vitest';
import type { StepSpec } from '../../../src/core/model/documents.ts';
import { shutWindow } from '../../../src/core/rollout/window-state.ts';
import { planSpec, planStep, rollout } from '../../support/rollouts.ts';

const DAY_MS = 86_400_000;
const windows = { zone: 'UTC', open: [], freezes: [{ from: '2026-12-20', to: '2026-12-24' }] };
const FROZEN_MS = Date.parse('2026-12-21T12:00Z');

/** Has the move behind the first of these steps to wait? No step: the one to 100 %. */
function waits(now: Partial<StepSpec> | null, next: Partial<StepSpec> | null): boolean {
  const steps = [now, next].flatMap((step) => (step === null ? [] : [planStep(step)]));
  const spec = planSpec({ strategy: { name: 'any', steps }, windows });
  const at = rollout({ spec, phase: now === null ? 'preparing' : 'stepping', step: now === null ? -1 : 0 });
  return shutWindow(at, FROZEN_MS) !== null;
}

const pins = (name: string): StepSpec['matches'] => [{ headers: [{ name, type: 'Present' }] }];

describe('a move in a freeze', () => {
  it.each<[string, Partial<StepSpec> | null, Partial<StepSpec> | null]>([
    ['the first step', null, { weight: 0 }],
    ['all requests without a step', null, null],
    ['a larger weight', { weight: 500 }, { weight: 501 }],
    ['other testers at the same weight', { weight: 0, matches: pins('a') }, { weight: 0, matches: pins('b') }],
    ['the first copies', { weight: 0, matches: pins('a') }, { weight: 0, matches: pins('a'), mirror: 100 }],
    ['more copies', { weight: 0, mirror: 100 }, { weight: 0, mirror: 200 }],
    ['all requests', { weight: 9_999 }, null],
  ])('waits: %s', (_, now, next) => {
    expect(waits(now, next)).toBe(true);
  });

  it.each<[string, Partial<StepSpec>, Partial<StepSpec> | null]>([
    ['the same again', { weight: 500, matches: pins('a') }, { weight: 500, matches: pins('a') }],
    ['testers that are let go', { weight: 500, matches: pins('a') }, { weight: 500 }],
    ['fewer copies', { weight: 0, mirror: 200 }, { weight: 0, mirror: 100 }],
    ['the promotion behind all requests', { weight: 10_000 }, null],
  ])('does not wait, as it gives the canary no more: %s', (_, now, next) => {
    expect(waits(now, next)).toBe(false);
  });

  it('does not wait once it is over, nor where the plan has none', () => {
    const spec = planSpec({ windows });
    expect(shutWindow(rollout({ spec }), FROZEN_MS + 4 * DAY_MS)).toBeNull();
    expect(shutWindow(rollout({ spec: planSpec() }), FROZEN_MS)).toBeNull();
  });
});
