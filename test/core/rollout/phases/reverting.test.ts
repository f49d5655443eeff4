import { describe, expect, it } from 'vitest';
import { isTerminal } from '../../../../src/core/model/phase.ts';
import { planSpec, planStep } from '../../../support/rollouts.ts';
import { atFirstStep, Stage } from '../../../support/stage.ts';

function rollingBack(): Stage {
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps: [planStep({ weight: 500 })] } }) });
  stage.prepared().tick(1_000).ack().tick(1);
  stage.command({ type: 'abort', reason: 'enough' });
  return stage;
}

describe('a backend is never blocked for good', () => {
  it('when the fleet is taken down while it goes back, a person can end it', () => {
    const stage = rollingBack();
    expect(stage.rollout.phase).toBe('aborting');
    stage.disconnect('a', 'b').tick(7 * 86_400_000);
    stage.command({ type: 'abort', reason: 'the fleet is gone', unconfirmed: true });
    expect(isTerminal(stage.rollout.phase)).toBe(true);
  });

  it('F19: when one Envoy refuses everything for ever, a person can end it, and it is said who did not confirm', () => {
    const stage = rollingBack();
    stage
      .ack('a')
      .nack('b', 'broken')
      .tick(7 * 86_400_000);
    stage.command({ type: 'abort', reason: 'b is broken', unconfirmed: true });
    expect(isTerminal(stage.rollout.phase)).toBe(true);
    expect(stage.events.at(-1)?.message).toContain('without the confirmation of b: b is broken');
    expect(stage.backend.rolloutId).toBeNull();
    expect(stage.weight).toBe(0);
    expect(stage.broken).toEqual([]);
  });

  it('no rollout is ended like that before it is on its way back', () => {
    const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps: [planStep({ weight: 500 })] } }) });
    stage.prepared();
    expect(stage.command({ type: 'abort', reason: 'too early', unconfirmed: true })).toBe('SERIN_PHASE_CONFLICT');
    expect(stage.rollout.phase).toBe('stepping');
  });
});

const CANARY = 'checkout--v2-abc123';

it.each([
  ['aborting', 'aborted'],
  ['rolling_back', 'rolled_back'],
] as const)('while %s, and after, the clusters that an Envoy may still route to are served', (going, gone) => {
  const stage = atFirstStep(60_000);
  if (going === 'aborting') stage.ack().tick(1).command({ type: 'abort', reason: 'enough' });
  else stage.nack('a', 'no').tick(1);
  expect(stage.rollout.phase).toBe(going);
  expect(stage.traffic.at(-1)?.revisions.map(({ cluster }) => cluster)).toContain(CANARY);
  stage.ack().tick(1);
  expect(stage.rollout.phase).toBe(gone);
  expect(stage.traffic.at(-1)?.revisions.map(({ cluster }) => cluster)).toContain(CANARY);
});

it('the way back also waits for a counted Envoy that is away for a moment', () => {
  const stage = atFirstStep(60_000);
  stage.ack().tick(1).disconnect('b').tick(1).command({ type: 'abort', reason: 'enough' });
  stage.ack('a').tick(1);
  expect(stage.rollout.phase).toBe('aborting');
  expect(stage.rollout.push?.counted.edge).toEqual(['a', 'b']);
});
