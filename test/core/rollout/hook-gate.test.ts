import { describe, expect, it } from 'vitest';
import type { PlanSpec, StepSpec, WebhookSpec } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const EVERY_MS = 10_000;
const WITHIN_MS = 120_000;

interface Case {
  readonly webhook?: Partial<WebhookSpec>;
  readonly step?: Partial<StepSpec>;
  readonly plan?: Partial<PlanSpec>;
  readonly deadlineAtMs?: number;
}

/** At a step that is live and whose hold goes on: nobody has been asked so far. */
function held({ webhook = {}, step = {}, plan = {}, deadlineAtMs = 3_600_000 }: Case = {}): Stage {
  const gate: WebhookSpec = {
    ...{ target: 'load-test', everyMs: EVERY_MS, timeoutMs: 2_000, withinMs: WITHIN_MS, otherwise: 'rollback' },
    ...webhook,
  };
  const steps = [planStep({ holdMs: 5_000, webhook: gate, ...step }), planStep({ weight: 5_000 })];
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps }, ...plan }), deadlineAtMs });
  return stage.prepared().ack().tick(1);
}

/** The same with its hold over: the hook was asked just now. */
function asked(given: Case = {}): Stage {
  return held(given).tick(5_000);
}

const place = ({ rollout: { phase, step } }: Stage) => [phase, step];

describe('a hook that does not open the gate', () => {
  it('sends the rollout back when its time is over, and says what it said last', () => {
    const stage = asked().say('wait', { detail: 'HTTP 403: tests still run' });
    for (let passedMs = 1_000; passedMs < WITHIN_MS; passedMs += 1_000) stage.tick();
    expect(place(stage)).toEqual(['stepping', 0]);
    stage.tick(1_001);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({
      kind: 'deadline',
      summary: 'hook load-test has not opened the gate within 2m (HTTP 403: tests still run)',
    });
    expect(stage.broken).toEqual([]);
  });

  it('without any answer is no better', () => {
    const stage = asked().say('failed', { detail: 'no answer within 2000 ms' });
    expect(place(stage)).toEqual(['stepping', 0]);
    expect(stage.tick(WITHIN_MS).say('failed').rollout.phase).toBe('rolling_back');
  });

  it('may leave it to a person, who gives it the whole time again, and its question is put at once', () => {
    const stage = asked({ webhook: { otherwise: 'hold' } })
      .say('wait')
      .tick(WITHIN_MS)
      .say('wait');
    expect(place(stage)).toEqual(['stepping', 0]);
    expect(stage.rollout.paused?.reason).toBe('hook load-test has not opened the gate within 2m (it says wait)');
    const before = stage.questions.length;
    stage.tick(60_000);
    expect(stage.questions).toHaveLength(before);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.tick(1).questions).toHaveLength(before + 1);
    expect(stage.tick(WITHIN_MS - 1_000).rollout.paused).toBeNull();
    expect(stage.tick(2_000).rollout.paused).not.toBeNull();
  });

  it('is waited for until the deadline of the plan where it has no time of its own', () => {
    const stage = asked({ webhook: { withinMs: null }, deadlineAtMs: 300_000 })
      .say('wait')
      .tick(250_000);
    expect(place(stage)).toEqual(['stepping', 0]);
    stage.tick(60_000);
    expect(stage.rollout.cause).toMatchObject({
      kind: 'deadline',
      summary: 'the deadline passed while waiting for hook load-test to open the gate (it says wait)',
    });
  });

  it('refuses the step: it goes back at once, whatever it waits for', () => {
    const stage = asked({ webhook: { otherwise: 'hold' } });
    expect(stage.command({ type: 'pause', reason: 'lunch' })).toBe('accepted');
    stage.say('reject', { detail: 'HTTP 200: p99 is 2 s' });
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({
      kind: 'hook',
      summary: 'hook load-test refuses the step: HTTP 200: p99 is 2 s',
    });
  });
});

describe('while a hook is waited for', () => {
  it('F26: the judge goes on: a bad canary goes back at once', () => {
    const analysis = [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null } as const];
    const stage = held({ plan: { analysis } }).tick(5_000);
    expect(stage.questions).toHaveLength(1);
    stage.verdict = 'fail';
    expect(stage.tick().rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'analysis' } });
  });

  it('a person sends it back, and what the hook says afterwards is nothing', () => {
    const stage = asked();
    expect(stage.command({ type: 'abort', reason: 'enough' })).toBe('accepted');
    stage.say('open');
    expect(stage.rollout.phase).toBe('aborting');
    expect(stage.broken).toEqual([]);
  });

  it('evidence that is gone holds the step, however open the gate is', () => {
    const analysis = [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null } as const];
    const stage = held({ plan: { analysis } }).tick(5_000);
    stage.verdict = 'inconclusive';
    stage.say('open');
    expect(place(stage.tick())).toEqual(['stepping', 0]);
    expect(stage.rollout.waitingFor).toContain('evidence of errors');
    stage.verdict = 'pass';
    expect(place(stage.tick())).toEqual(['stepping', 1]);
  });

  it('evidence that was away for longer than its time is not its fault: it has the last word', () => {
    const analysis = [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null } as const];
    const back = (): Stage => {
      const stage = held({ plan: { analysis } }).tick(5_000).say('wait');
      stage.verdict = 'inconclusive';
      stage.tick().tick(2 * WITHIN_MS);
      expect(stage.questions).toHaveLength(1);
      stage.verdict = 'pass';
      return stage.tick();
    };
    expect(back().questions).toHaveLength(2);
    expect(place(back().say('open'))).toEqual(['stepping', 1]);
    expect(back().say('wait').rollout.phase).toBe('rolling_back');
    const silent = back().tick();
    expect(place(silent)).toEqual(['stepping', 0]);
    expect(silent.tick(5_001).rollout.phase).toBe('rolling_back');
  });

  it('an engine that was away for longer than its time, with its question, is not its fault either', () => {
    const back = (): Stage => asked().tick(2 * WITHIN_MS);
    expect(place(back())).toEqual(['stepping', 0]);
    expect(back().questions.map(({ id }) => id)).toEqual(['r1-gate-1-1', 'r1-gate-1-1']);
    expect(place(back().say('open'))).toEqual(['stepping', 1]);
    expect(back().say('wait').rollout.phase).toBe('rolling_back');
    expect(back().tick(5_001).rollout.phase).toBe('rolling_back');
  });

  it('a plan that promotes what it could not be sure of does not do without it', () => {
    const analysis = [{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null } as const];
    const stage = held({ plan: { analysis, onInconclusive: 'promote' }, deadlineAtMs: 60_000 });
    stage.openReason = 'LOW_POWER';
    stage.verdict = 'inconclusive';
    stage.tick(5_000).tick(60_000);
    expect(stage.rollout.phase).toBe('rolling_back');
    const until = { requests: 1_000, regression: null, atMostMs: 10_000 };
    const short = held({ plan: { analysis, onInconclusive: 'promote' }, step: { until } }).tick(11_000);
    expect(place(short.tick())).toEqual(['stepping', 0]);
    expect(place(short.say('open'))).toEqual(['stepping', 1]);
    expect([...stage.broken, ...short.broken]).toEqual([]);
  });
});

describe('a hook', () => {
  it('is asked when nothing else is missing, and its word lets the step go', () => {
    const stage = held();
    expect(stage.questions).toEqual([]);
    stage.tick(5_000);
    expect(stage.rollout.waitingFor).toBe('hook load-test to open the gate');
    expect(stage.questions).toMatchObject([
      {
        ...{ id: 'r1-gate-1-1', target: 'load-test', timeoutMs: 2_000 },
        body: { gate: 'r1-gate-1', ask: 1, revision: 'v2', stable: 'v1', step: { index: 0, of: 2, weight: 5 } },
      },
    ]);
    expect(place(stage.say('open'))).toEqual(['stepping', 1]);
    expect(stage.events.filter(({ type }) => type === 'gate').map(({ message }) => message)).toEqual([
      'hook load-test opens the gate: it says open',
    ]);
  });

  it('is asked again some time after its answer, and not before it has asked for', () => {
    const stage = asked().say('wait');
    expect(stage.tick(EVERY_MS - 1_000).questions).toHaveLength(1);
    expect(stage.tick().questions).toHaveLength(2);
    stage.say('wait', { afterMs: 30_000 });
    expect(stage.tick(29_000).questions).toHaveLength(2);
    expect(stage.tick(1_001).questions.map(({ id }) => id)).toEqual(['r1-gate-1-1', 'r1-gate-1-2', 'r1-gate-1-3']);
  });

  it('is asked one question at a time', () => {
    const stage = asked().tick(1_000).tick(1_000).tick(2_000);
    expect(stage.questions).toHaveLength(1);
  });

  it('F26: is asked the same once more when whoever asked has died over it; one answer counts, once', () => {
    const stage = asked().tick(5_001);
    const [first, again] = stage.questions;
    expect(again).toEqual(first);
    stage.say('wait');
    const { hook } = stage.rollout;
    stage.say('open', { ...(first === undefined ? {} : { to: first }) });
    expect(stage.rollout.hook).toEqual(hook);
    expect(place(stage)).toEqual(['stepping', 0]);
  });

  it('opens one step and no other', () => {
    const webhook: WebhookSpec = {
      ...{ target: 'load-test', everyMs: EVERY_MS, timeoutMs: 2_000, withinMs: WITHIN_MS, otherwise: 'rollback' },
    };
    const steps = [planStep({ webhook }), planStep({ weight: 5_000, webhook })];
    const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps } }) }).prepared().ack().tick(1);
    const [first] = stage.questions;
    expect(place(stage.say('open').ack().tick(1))).toEqual(['stepping', 1]);
    expect(stage.questions).toHaveLength(2);
    stage.say('open', first === undefined ? {} : { to: first });
    expect(place(stage)).toEqual(['stepping', 1]);
    expect(stage.say('open').rollout.phase).toBe('promoting');
    expect(stage.broken).toEqual([]);
  });

  it('is asked before a person is waited for', () => {
    const stage = asked({ step: { approve: true } });
    const gate = { step: 0, attempt: stage.rollout.attempt };
    expect(stage.rollout.waitingFor).toBe('hook load-test to open the gate');
    stage.say('open').tick();
    expect(stage.rollout.waitingFor).toBe('the approval of a person');
    expect(stage.command({ type: 'approve', gate })).toBe('accepted');
    expect(place(stage.tick())).toEqual(['stepping', 1]);
  });

  it('is not asked while the clocks disagree', () => {
    const stage = held();
    stage.clockTrusted = false;
    expect(stage.tick(5_000).questions).toEqual([]);
  });
});

describe('people hear of a hook', () => {
  const told = ({ notices }: Stage) => notices.filter(({ kind }) => kind === 'webhook');

  it('once, when half of its time is gone', () => {
    const stage = asked().say('wait', { detail: 'HTTP 403' });
    expect(told(stage.tick(WITHIN_MS / 2 - 1_000))).toEqual([]);
    expect(stage.dueAtMs).toBeLessThanOrEqual(stage.nowMs + 1_000);
    stage.tick(1_000).tick().tick();
    expect(told(stage)).toHaveLength(1);
    expect(told(stage)[0]).toMatchObject({
      tone: 'warning',
      title: 'checkout: v2 waits for a hook (step 1 of 2)',
      fields: [
        ['Hook', 'load-test'],
        ['Last answer', 'HTTP 403'],
        ['Otherwise', expect.stringMatching(/^it goes back at \d{4}-/)],
      ],
    });
  });

  it.each([
    ['rollback', 'it goes back'],
    ['hold', 'it is paused'],
  ] as const)('with what the plan does at its deadline (%s), where that comes first', (onInconclusive, then) => {
    const stage = asked({ webhook: { withinMs: null }, plan: { onInconclusive }, deadlineAtMs: 300_000 }).say('wait');
    stage.tick(200_000);
    expect(told(stage)[0]?.fields.at(-1)).toEqual(['Otherwise', expect.stringContaining(then)]);
    stage.tick(100_000);
    expect(stage.rollout.paused !== null).toBe(onInconclusive === 'hold');
  });

  it('as soon as it has given no answer three times in a row', () => {
    const stage = asked().say('failed').tick(EVERY_MS).say('failed').tick(EVERY_MS);
    expect(told(stage)).toEqual([]);
    stage.say('failed').tick();
    expect(told(stage)).toHaveLength(1);
  });

  it('in an event, when it says something else than before, and not each time that it is asked', () => {
    const stage = asked()
      .say('failed')
      .tick(EVERY_MS)
      .say('wait')
      .tick(EVERY_MS)
      .say('wait')
      .tick(EVERY_MS)
      .say('open');
    expect(stage.events.filter(({ type }) => type === 'gate').map(({ message }) => message)).toEqual([
      'hook load-test fails: it says failed',
      'hook load-test keeps the gate shut: it says wait',
      'hook load-test opens the gate: it says open',
    ]);
  });
});
