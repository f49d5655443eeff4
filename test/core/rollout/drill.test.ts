import { describe, expect, it } from 'vitest';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

/** Given a rollout whose clusters are on both Envoys, with healthy hosts. */
function ready(): Stage {
  const spec = planSpec({ strategy: { name: 's', steps: [planStep({ weight: 500 })] } });
  return new Stage({ spec }).tried().ack().tick(1);
}

describe('before the first step', () => {
  it('the canary goes into the routes at weight 0 and out again, and the time back is told', () => {
    const stage = ready();
    expect(stage.rollout).toMatchObject({ phase: 'preparing', drill: { stage: 'out' } });
    expect(stage.traffic.at(-1)?.split).toEqual([
      { cluster: 'checkout--v1-abc123', weight: 10_000 },
      { cluster: 'checkout--v2-abc123', weight: 0 },
    ]);
    stage.ack().tick(1);
    expect(stage.rollout.drill).toEqual({ stage: 'back', backMs: null });
    expect(stage.traffic.at(-1)?.split).toEqual([{ cluster: 'checkout--v1-abc123', weight: 10_000 }]);
    stage.nowMs += 40;
    stage.ack().tick(5);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0, drill: { stage: 'proven', backMs: 40 } });
    expect(stage.events.find(({ type }) => type === 'drill')?.data.ackMs).toBe(40);
  });

  it.each(['out', 'back'] as const)('no step is taken while the change that goes %s is not confirmed', (part) => {
    const stage = ready();
    if (part === 'back') stage.ack().tick(1);
    expect(stage.rollout.drill?.stage).toBe(part);
    stage.ack('a').tick(5_000).tick(5_000);
    expect(stage.rollout).toMatchObject({ phase: 'preparing', waitingFor: 'the ACK of b' });
    stage.tick(3_600_000);
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'deadline' } });
  });

  it('a refusal ends the rollout before anybody was sent to the canary', () => {
    const stage = ready();
    stage.nack('b', 'no').tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'nack', node: 'b' } });
    // Its cluster stands in the routes of the Envoy that took it, so it stays served for a while.
    expect(stage.backend.retired.map(({ revision }) => revision.name)).toEqual(['v2']);
  });

  it('a pause in the middle leaves the proof, and no step follows until somebody resumes', () => {
    const stage = ready();
    stage.ack().tick(1);
    stage.command({ type: 'pause', reason: 'lunch' });
    stage.ack().tick(1).tick(60_000);
    expect(stage.rollout).toMatchObject({ phase: 'preparing', step: -1 });
    stage.command({ type: 'resume' });
    stage.tick(1);
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('it ends no stream of those on stable; the limit of the way back comes with the first step', () => {
    const spec = planSpec({ onRollback: { closeStreamsAfterMs: 600_000 } });
    const stage = new Stage({ spec }).prepared();
    // One Envoy tries the limit out first.
    expect(stage.rollout).toMatchObject({ phase: 'stepping', drill: { stage: 'proven' } });
    expect(stage.traffic.map(({ maxStreamMs }) => maxStreamMs)).toEqual([null, null, null]);
    stage.ack().tick(1);
    expect(stage.traffic.at(-1)).toMatchObject({ maxStreamMs: 600_000, split: [{}, { weight: 500 }] });
  });

  it('a first deployment has nothing to go back to', () => {
    const stage = new Stage({ stable: null }).prepared();
    expect(stage.rollout).toMatchObject({ phase: 'promoting', drill: null });
  });
});
