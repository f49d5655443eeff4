import { describe, expect, it } from 'vitest';
import { type PlanSpec, WEEKDAYS, type WebhookSpec, type WindowsSpec } from '../../../src/core/model/documents.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A Thursday, 12:00 in UTC. */
const NOON_MS = Date.parse('2026-11-26T12:00Z');

const WORK: WindowsSpec = { zone: 'UTC', open: [{ days: WEEKDAYS, from: '09:00', to: '16:00' }], freezes: [] };
const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;

function plan(fields: Partial<PlanSpec> = {}): PlanSpec {
  const steps = [planStep({ name: 'few', holdMs: 60_000 }), planStep({ name: 'half', weight: 5_000, holdMs: 60_000 })];
  return planSpec({ strategy: { name: 'any', steps }, deadlineMs: 7 * DAY_MS, windows: WORK, ...fields });
}

function stageAt(nowMs: number, spec: PlanSpec, fields: Partial<Rollout> = {}): Stage {
  const times = { createdAtMs: nowMs, updatedAtMs: nowMs, deadlineAtMs: nowMs + spec.deadlineMs };
  const stage = new Stage({ spec, ...times, ...fields });
  stage.nowMs = nowMs;
  return stage;
}

/** Its first step is live at noon; now it is so much later. */
function stepping(laterMs: number, spec: PlanSpec = plan(), phase: Rollout['phase'] = 'stepping'): Stage {
  const stage = stageAt(NOON_MS, spec).prepared().ack().tick(1);
  if (stage.rollout.phase !== phase) throw new Error(stage.rollout.waitingFor);
  stage.nowMs = NOON_MS;
  return stage.tick(laterMs);
}

const at = (ms: number | null): string => (ms === null ? 'never' : new Date(ms).toISOString().slice(0, 16));
const told = ({ events }: Stage): readonly string[] =>
  events.filter(({ type }) => type === 'window').map(({ message }) => message);

describe('outside its windows', () => {
  it('a rollout is prepared, and waits for its first step until the window opens and not before', () => {
    const stage = stageAt(NOON_MS + 10 * HOUR_MS, plan());
    for (let i = 0; i < 12; i += 1) stage.tick(1).ack();
    expect([stage.rollout.phase, stage.rollout.step, stage.weight]).toEqual(['preparing', -1, 0]);
    expect(stage.rollout.drill?.stage).toBe('proven');
    expect(stage.rollout.waitingFor).toBe('its window to open, Fri 2026-11-27 09:00 UTC');
    expect(at(stage.dueAtMs)).toBe('2026-11-27T09:00');
    stage.nowMs = Date.parse('2026-11-27T08:59:59Z');
    expect(stage.tick(0).rollout.phase).toBe('preparing');
    expect(stage.tick(1_000).rollout.step).toBe(0);
    expect(stage.broken).toEqual([]);
  });

  it('no next step begins; the present one stays at its weight', () => {
    const stage = stepping(5 * HOUR_MS);
    expect([stage.rollout.step, stage.weight]).toEqual([0, 500]);
    expect(stage.rollout.waitingFor).toBe('its window to open, Fri 2026-11-27 09:00 UTC');
    expect(at(stage.dueAtMs)).toBe('2026-11-27T09:00');
    stage.tick(15 * HOUR_MS).tick(HOUR_MS);
    expect([stage.rollout.step, stage.weight]).toEqual([1, 5_000]);
  });

  it('nothing is promoted after the last step', () => {
    const stage = stepping(61_000).ack().tick(1);
    expect(stage.rollout.step).toBe(1);
    stage.tick(5 * HOUR_MS);
    expect([stage.rollout.phase, stage.rollout.step]).toEqual(['stepping', 1]);
    stage.nowMs = Date.parse('2026-11-27T09:00Z');
    expect(stage.tick(0).rollout.phase).toBe('promoting');
  });

  it('a canary that is shown to be no worse skips nothing, also where the next step would give it no more', () => {
    const few = planStep({ name: 'few', holdMs: 60_000 });
    const steps = [few, { ...few, name: 'still few' }];
    const stage = stageAt(
      NOON_MS + 4 * HOUR_MS - 30_000,
      plan({ strategy: { name: 'any', steps }, analysis: [errorRate], bakeMs: 600_000, inconclusiveAfterMs: DAY_MS }),
    ).prepared();
    stage.skips = true;
    stage.ack().tick(1);
    expect([stage.rollout.phase, stage.rollout.step]).toEqual(['stepping', 0]);
    for (let ms = 0; ms < 120_000; ms += 15_000) stage.tick(15_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping' });
    expect(stage.weight).toBe(500);
  });

  it('a first deployment waits as well', () => {
    const stage = stageAt(NOON_MS + 10 * HOUR_MS, plan(), { stable: null });
    for (let i = 0; i < 12; i += 1) stage.tick(1).ack();
    expect(stage.rollout.phase).toBe('preparing');
    stage.nowMs = Date.parse('2026-11-27T09:00Z');
    expect(stage.tick(0).rollout.phase).toBe('promoting');
  });

  it('a freeze is named with its days and its reason', () => {
    const freeze = { from: '2026-11-26', to: '2026-11-29', reason: 'sale' };
    const stage = stepping(61_000, plan({ windows: { ...WORK, freezes: [{ ...freeze, from: '2026-11-27' }] } }));
    expect(stage.rollout.step).toBe(1);
    const frozen = stageAt(NOON_MS, plan({ windows: { ...WORK, open: [], freezes: [freeze] } }));
    for (let i = 0; i < 12; i += 1) frozen.tick(1).ack();
    expect(frozen.rollout.waitingFor).toBe(
      'its window to open, Mon 2026-11-30 00:00 UTC (freeze from 2026-11-26 to 2026-11-29, sale)',
    );
    expect(told(frozen)).toEqual([`there is a freeze: it waits for ${frozen.rollout.waitingFor}`]);
  });

  it('of a zone that this engine does not know nothing begins, until one looks that knows it', () => {
    const stage = stepping(61_000, plan({ windows: { ...WORK, zone: 'Mars/Olympus' } }), 'preparing');
    expect(stage.rollout.waitingFor).toBe('its window to open (this engine finds no such time in zone Mars/Olympus)');
    expect((stage.dueAtMs ?? 0) - stage.nowMs).toBe(2_000);
  });
});

describe('what never waits for a window', () => {
  it('the judge sends a canary back that fails meanwhile', () => {
    const stage = stepping(5 * HOUR_MS, plan({ analysis: [errorRate] }));
    expect(stage.rollout.waitingFor).toContain('its window to open');
    // Looks for its evidence come in between.
    expect((stage.dueAtMs ?? 0) - stage.nowMs).toBeLessThanOrEqual(1_000);
    stage.verdict = 'fail';
    expect(stage.tick(1_000).rollout.phase).toBe('rolling_back');
    expect(stage.ack().tick(1).rollout.phase).toBe('rolled_back');
  });

  it('a person aborts, an Envoy refuses, a newer revision takes its place', () => {
    const aborted = stepping(5 * HOUR_MS);
    expect(aborted.command({ type: 'abort', reason: 'no' })).toBe('accepted');
    expect(aborted.rollout.phase).toBe('aborting');
    const superseded = stepping(5 * HOUR_MS);
    expect(superseded.command({ type: 'supersede', next: { id: 'r2', revision: 'v3' } })).toBe('accepted');
    const refused = stageAt(NOON_MS, plan()).prepared();
    refused.nowMs = NOON_MS + 5 * HOUR_MS;
    expect(refused.nack('a', 'no').tick(1).rollout.phase).toBe('rolling_back');
  });

  it('the deadline goes on, and says that it came first', () => {
    const stage = stepping(5 * HOUR_MS, plan({ deadlineMs: 8 * HOUR_MS }));
    expect(stage.rollout.waitingFor).toBe('its window to open, Fri 2026-11-27 09:00 UTC; its deadline comes first');
    expect(at(stage.dueAtMs)).toBe('2026-11-26T20:00');
    expect(stage.tick(3 * HOUR_MS).rollout.phase).toBe('rolling_back');
  });

  it.each([
    ['goes on without windows', [], 'stepping', 1],
    ['goes back while they are shut', [WORK], 'rolling_back', 0],
  ] as const)('a deadline that would promote what looks well %s', (_, [windows], phase, step) => {
    const { windows: _always, ...rest } = plan({
      ...{ deadlineMs: 8 * HOUR_MS, inconclusiveAfterMs: DAY_MS },
      ...{ analysis: [errorRate], onInconclusive: 'promote' },
    });
    const stage = stepping(2_000, { ...rest, ...(windows === undefined ? {} : { windows }) });
    stage.openReason = 'LOW_POWER';
    stage.verdict = 'inconclusive';
    stage.tick(7 * HOUR_MS).tick(HOUR_MS);
    expect([stage.rollout.phase, stage.rollout.step]).toEqual([phase, step]);
  });

  it('what gives the canary no more: the same step again, and the promotion behind 100 %', () => {
    const steps = ['a', 'b'].map((name) => planStep({ name, weight: 10_000, holdMs: 60_000 }));
    const stage = stepping(5 * HOUR_MS, plan({ strategy: { name: 'any', steps } }));
    expect(stage.rollout.step).toBe(1);
    stage.ack().tick(1).tick(61_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.broken).toEqual([]);
  });

  it('a person who promotes, as past every gate; that it was outside is said', () => {
    const stage = stepping(5 * HOUR_MS);
    expect(stage.command({ type: 'promote' })).toBe('accepted');
    expect([stage.rollout.phase, stage.weight]).toEqual(['promoting', 10_000]);
    expect(told(stage).at(-1)).toBe('someone promotes it outside its windows');
    expect(stage.ack().tick(1).rollout.phase).toBe('promoted');
    const inside = stepping(HOUR_MS / 2, plan({ strategy: { name: 'any', steps: [planStep({ holdMs: HOUR_MS })] } }));
    inside.command({ type: 'promote' });
    expect(told(inside)).toEqual([]);
  });
});

describe('a rollout that waits for its window', () => {
  it('says so once, and once that it goes on', () => {
    const stage = stepping(5 * HOUR_MS);
    for (let i = 0; i < 5; i += 1) stage.tick(HOUR_MS);
    expect(told(stage)).toEqual(['its windows are shut: it waits for its window to open, Fri 2026-11-27 09:00 UTC']);
    stage.nowMs = Date.parse('2026-11-27T09:00Z');
    expect(told(stage.tick(0)).slice(1)).toEqual(['the window is open, after 16h: it goes on']);
    expect(stage.rollout.window).toBeNull();
    expect(stage.rollout.step).toBe(1);
  });

  it('says it again in the next night, as that is another wait', () => {
    const steps = [planStep({ approve: true })];
    const stage = stepping(5 * HOUR_MS, plan({ strategy: { name: 'any', steps } }));
    stage.tick(16 * HOUR_MS);
    expect(stage.rollout.waitingFor).toBe('the approval of a person');
    stage.tick(8 * HOUR_MS);
    expect(told(stage)).toHaveLength(3);
    expect(stage.rollout.waitingFor).toContain('Sat 2026-11-28 09:00');
  });

  it('is not looked at in between where nothing is measured', () => {
    expect(at(stepping(5 * HOUR_MS).dueAtMs)).toBe('2026-11-27T09:00');
  });

  it('first has its hold and its evidence; the window is told when nothing else is missing', () => {
    const stage = stepping(
      4 * HOUR_MS,
      plan({ strategy: { name: 'any', steps: [planStep({ holdMs: 5 * HOUR_MS })] } }),
    );
    expect(stage.rollout.waitingFor).toContain('hold of step to end');
    expect(told(stage)).toEqual([]);
    expect(stage.tick(HOUR_MS + 1_000).rollout.waitingFor).toContain('its window to open');
  });
});

describe('the gates behind it', () => {
  const hook: WebhookSpec = {
    target: 'checks',
    everyMs: 1_000,
    timeoutMs: 500,
    withinMs: HOUR_MS,
    otherwise: 'rollback',
  };

  it('a hook is asked only while it is open, and has its whole time again in the morning', () => {
    const steps = [planStep({ webhook: hook })];
    const stage = stageAt(NOON_MS + 3.5 * HOUR_MS, plan({ strategy: { name: 'any', steps } }))
      .prepared()
      .ack()
      .tick(1);
    expect(stage.questions).toHaveLength(1);
    stage.say('wait').tick(HOUR_MS / 2);
    expect(stage.rollout.waitingFor).toContain('its window to open');
    const asked = stage.questions.length;
    stage.tick(HOUR_MS).tick(15 * HOUR_MS);
    expect(stage.questions).toHaveLength(asked);
    stage.nowMs = Date.parse('2026-11-27T09:00Z');
    stage.tick(0);
    expect([stage.rollout.phase, stage.questions.length]).toEqual(['stepping', asked + 1]);
    expect(stage.say('open').rollout.phase).toBe('promoting');
  });

  it('what it says while it is shut is heard', () => {
    const steps = [planStep({ webhook: hook })];
    const stage = stageAt(NOON_MS + 4 * HOUR_MS - 60_000, plan({ strategy: { name: 'any', steps } }));
    stage.prepared().ack().tick(1);
    stage.nowMs = NOON_MS + 4 * HOUR_MS;
    expect(stage.say('reject').rollout.phase).toBe('rolling_back');
  });

  it('an approval that came in the night counts in the morning, and its time does not run out meanwhile', () => {
    const approval = { by: [], withinMs: 2 * HOUR_MS, otherwise: 'rollback' } as const;
    const steps = [planStep({ approve: true, approval })];
    const spec = plan({ strategy: { name: 'any', steps } });
    const begun = () =>
      stageAt(NOON_MS + 3.5 * HOUR_MS, spec)
        .prepared()
        .ack()
        .tick(1)
        .tick(5 * HOUR_MS);
    const waited = begun();
    waited.nowMs = Date.parse('2026-11-27T09:00Z');
    expect(waited.tick(0).rollout.waitingFor).toBe('the approval of a person');
    expect(waited.tick(2 * HOUR_MS).rollout.phase).toBe('rolling_back');
    const approved = begun();
    const { step, attempt } = approved.rollout;
    expect(approved.command({ type: 'approve', gate: { step, attempt } })).toBe('accepted');
    expect(approved.tick(1).rollout.phase).toBe('stepping');
    approved.nowMs = Date.parse('2026-11-27T09:00Z');
    expect(approved.tick(0).rollout.phase).toBe('promoting');
  });
});
