import { describe, expect, it } from 'vitest';
import type { WebhookSpec } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const webhook: WebhookSpec = {
  ...{ target: 'checks', everyMs: 1_000, timeoutMs: 500, withinMs: 60_000, otherwise: 'rollback' },
};

/** At a step whose hook has been asked. */
function asked(fields: Partial<Parameters<typeof planStep>[0]> = {}): Stage {
  const steps = [planStep({ webhook, ...fields }), planStep({ weight: 5_000, webhook, holdMs: 1_000 })];
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps } }) });
  return stage.prepared().ack().tick(1);
}

const open = (stage: Stage, hook = 'checks', attempt = stage.rollout.attempt) =>
  stage.command({ type: 'approve', gate: { step: stage.rollout.step, attempt }, hook, reason: 'it is down' });

describe('the gate of a hook is not opened by hand', () => {
  it('for another hook, another step or an earlier turn of it', () => {
    const stage = asked();
    expect([open(stage, 'load-test'), open(stage, 'checks', 0)]).toEqual([
      'SERIN_GATE_CONFLICT',
      'SERIN_GATE_CONFLICT',
    ]);
    const without = new Stage().prepared().ack().tick(1);
    expect(open(without)).toBe(without.rollout.phase === 'stepping' ? 'SERIN_GATE_CONFLICT' : 'SERIN_PHASE_CONFLICT');
    expect(stage.rollout.hook?.answer).toBeNull();
  });

  it('while it goes back', () => {
    const stage = asked();
    stage.command({ type: 'abort', reason: 'enough' });
    expect(open(stage)).toBe('SERIN_PHASE_CONFLICT');
  });

  it('in place of a person who has to say yes, nor of the hold', () => {
    const stage = asked({ approve: true, holdMs: 300_000 });
    expect(open(stage)).toBe('accepted');
    stage.tick(1);
    expect(stage.rollout).toMatchObject({ step: 0, waitingFor: 'the 5m hold of step to end' });
    stage.tick(300_000);
    expect(stage.rollout).toMatchObject({ step: 0, waitingFor: 'the approval of a person' });
    // then: the hook has never been asked, since the word was there before it was due
    expect(stage.questions).toEqual([]);
  });
});

describe('the gate of a hook that is opened by hand', () => {
  it('lets this step go and no other, and says who has opened it', () => {
    const stage = asked().say('failed');
    expect(stage.rollout.step).toBe(0);
    expect(open(stage)).toBe('accepted');
    expect(stage.events.at(-1)).toMatchObject({
      type: 'gate',
      by: 'someone',
      message: 'the gate of hook checks is opened by hand: it is down',
    });
    expect(stage.notices.at(-1)).toMatchObject({
      kind: 'opened',
      fields: [
        ['Hook', 'checks'],
        ['By', 'someone'],
        ['Reason', 'it is down'],
        ['Last answer', 'it says failed'],
      ],
    });
    expect(open(stage)).toBe('unchanged');
    expect(stage.tick(1).rollout.step).toBe(1);
    stage.ack().tick(1).tick(1_001);
    expect(stage.rollout).toMatchObject({ step: 1, waitingFor: 'hook checks to open the gate' });
    expect(stage.broken).toEqual([]);
  });

  it('stays open, whatever the hook answers to the question that was under way', () => {
    const stage = asked();
    const question = stage.questions.at(-1);
    expect(question).toBeDefined();
    open(stage);
    stage.say('reject', question === undefined ? {} : { to: question });
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 1 });
  });
});
