import { describe, expect, it } from 'vitest';
import type { PlanSpec, StepSpec } from '../../../src/core/model/documents.ts';
import { rampOf } from '../../../src/core/rollout/needs.ts';
import { MAX_JUMPS } from '../../../src/core/rollout/rollout.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;
const FOUR: readonly StepSpec[] = [
  planStep({ name: 'one', weight: 100, holdMs: 300_000 }),
  planStep({ name: 'five', weight: 500, holdMs: 300_000 }),
  planStep({ name: 'half', weight: 5_000, holdMs: 300_000, approve: true }),
  planStep({ name: 'most', weight: 9_000, holdMs: 300_000 }),
];

/** At its first step, which is in force and has been judged once. */
function atFirst(fields: Partial<PlanSpec> = {}, steps = FOUR): Stage {
  const spec = planSpec({ analysis: [errorRate], strategy: { name: 'any', steps }, ...fields });
  return new Stage({ spec }).prepared().ack().tick(1).tick(2_000);
}

const gate = ({ rollout: { step, attempt } }: Stage) => ({ step, attempt });
const skip = (stage: Stage, force = false) =>
  stage.command({ type: 'skip', gate: gate(stage), reason: 'it is late', force });
const jump = (stage: Stage, to: string, force = false) =>
  stage.command({ type: 'jump', to, gate: gate(stage), reason: 'it is late', force });

describe('a skip or a jump is refused', () => {
  it('before the first step and after the last, and while it goes back', () => {
    const waits = new Stage({ spec: planSpec({ strategy: { name: 'any', steps: FOUR } }) });
    expect([skip(waits), jump(waits, 'half')]).toEqual(['SERIN_PHASE_CONFLICT', 'SERIN_PHASE_CONFLICT']);
    expect(waits.refusal).toContain(`(Its first step has not begun: it waits for ${waits.rollout.waitingFor}.)`);
    waits.tick(1);
    expect([waits.rollout.phase, jump(waits, '2')]).toEqual(['preparing', 'SERIN_PHASE_CONFLICT']);
    const back = atFirst();
    back.command({ type: 'abort', reason: 'enough' });
    expect([skip(back), jump(back, '2', true)]).toEqual(['SERIN_PHASE_CONFLICT', 'SERIN_PHASE_CONFLICT']);
    expect(back.refusal).toContain('(All traffic goes back to stable already.)');
    back.ack().tick(1);
    expect([skip(back), back.rollout.phase]).toEqual(['SERIN_PHASE_CONFLICT', 'aborted']);
    expect(back.refusal).toContain('(It is over: start another one.)');
    const promoting = atFirst({ bakeMs: 60_000 });
    promoting.command({ type: 'promote' });
    expect([skip(promoting), jump(promoting, '1')]).toEqual(['SERIN_PHASE_CONFLICT', 'SERIN_PHASE_CONFLICT']);
    promoting.ack().tick(1);
    expect([skip(promoting), promoting.rollout.phase]).toEqual(['SERIN_PHASE_CONFLICT', 'promoting']);
  });

  it('where the person saw another step, or an earlier turn of it', () => {
    const stage = atFirst();
    const old = gate(stage);
    expect(skip(stage)).toBe('accepted');
    expect(stage.command({ type: 'skip', gate: old, reason: 'twice' })).toBe('SERIN_GATE_CONFLICT');
    expect(stage.command({ type: 'jump', to: '1', gate: { ...gate(stage), attempt: 1 }, reason: 'x' })).toBe(
      'SERIN_GATE_CONFLICT',
    );
    // then: steps are counted as people do, beside the gate as `--gate` takes it
    expect(stage.refusal).toContain(`it is at step 2 (gate 1/${stage.rollout.attempt}), and not at step 2 (gate 1/1)`);
    expect(stage.rollout.step).toBe(1);
  });

  it('to a step that the plan lacks; and one to where it is already is done', () => {
    const stage = atFirst();
    expect([jump(stage, 'none'), jump(stage, '0'), jump(stage, '5'), jump(stage, 'promoted')]).toEqual(
      Array(4).fill('SERIN_REQUEST_INVALID'),
    );
    expect([jump(stage, 'one'), jump(stage, '1')]).toEqual(['unchanged', 'unchanged']);
    expect(stage.rollout.jumps).toBeUndefined();
  });

  it('forward while an Envoy has not confirmed the step, however much it is forced', () => {
    const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps: FOUR } }) }).prepared();
    expect(stage.rollout.push?.liveAtMs).toBeNull();
    expect([skip(stage, true), jump(stage, 'half', true)]).toEqual(['SERIN_NOT_READY', 'SERIN_NOT_READY']);
    stage.ack('a').tick(1);
    expect(skip(stage, true)).toBe('SERIN_NOT_READY');
    stage.ack('b').tick(1);
    expect(skip(stage)).toBe('accepted');
  });

  it('forward on what was measured before every Envoy had the step, unless it is forced', () => {
    const spec = planSpec({ analysis: [errorRate], strategy: { name: 'any', steps: FOUR } });
    const stage = new Stage({ spec }).prepared().ack('a').tick(2_000);
    const { evidence } = stage.rollout;
    expect(evidence?.verdicts).toMatchObject([{ verdict: 'pass' }]);
    // A look that an ACK has woken up measures nothing.
    stage.nowMs += 500;
    stage.ack('b').tick(1);
    stage.rollout = { ...stage.rollout, evidence };
    expect(stage.rollout.push?.liveAtMs).toBeGreaterThan(evidence?.judgedAtMs ?? 0);
    expect(skip(stage)).toBe('SERIN_NOT_READY');
    expect(skip(stage, true)).toBe('accepted');
    expect(stage.rollout.jumps?.at(-1)?.gates).toContain('evidence of error-rate (nothing measured yet)');
    expect(skip(stage.ack().tick(1).tick(2_000))).toBe('accepted');
  });

  it('forward without evidence or against it, unless it is forced', () => {
    const stage = atFirst();
    stage.verdict = 'inconclusive';
    stage.openReason = 'SOURCE_DOWN';
    stage.tick(2_000);
    expect([skip(stage), jump(stage, 'most')]).toEqual(['SERIN_NOT_READY', 'SERIN_NOT_READY']);
    for (const reason of ['SUSPICION', 'ROUTING', 'WARMING_UP', 'SHARED_INCIDENT'] as const) {
      const other = atFirst();
      [other.verdict, other.openReason] = ['inconclusive', reason];
      other.tick(2_000);
      if (other.rollout.paused !== null) other.command({ type: 'resume' });
      expect([reason, skip(other)]).toEqual([reason, 'SERIN_NOT_READY']);
    }
    expect(skip(stage, true)).toBe('accepted');
    expect(stage.rollout.jumps?.[0]?.gates).toContain('evidence of error-rate (SOURCE_DOWN)');
  });

  it('forward before anything was measured; too few requests alone are what a person need not wait for', () => {
    const early = new Stage({ spec: planSpec({ analysis: [errorRate], strategy: { name: 'any', steps: FOUR } }) });
    early.metricsUp = true;
    early.prepared().ack().tick(1);
    early.rollout = { ...early.rollout, evidence: null };
    expect(skip(early)).toBe('SERIN_NOT_READY');
    for (const reason of ['LOW_POWER', 'TOO_FEW_REQUESTS'] as const) {
      const stage = atFirst();
      [stage.verdict, stage.openReason] = ['inconclusive', reason];
      stage.tick(2_000);
      expect([reason, skip(stage)]).toEqual([reason, 'accepted']);
    }
  });

  it('forward over an approval that is not theirs to give', () => {
    const named = FOUR.map((step) =>
      step.approve
        ? { ...step, approval: { by: ['release-manager'], withinMs: null, otherwise: 'hold' as const } }
        : step,
    );
    const stage = atFirst({}, named);
    expect(jump(stage, 'most', true)).toBe('SERIN_FORBIDDEN');
    expect(jump(stage, 'half')).toBe('accepted');
    stage.ack().tick(1).tick(2_000);
    expect(skip(stage, true)).toBe('SERIN_FORBIDDEN');
    const theirs = atFirst(
      {},
      named.map((step) =>
        step.approve ? { ...step, approval: { by: ['someone'], withinMs: null, otherwise: 'hold' as const } } : step,
      ),
    );
    expect(jump(theirs, 'most')).toBe('accepted');
  });

  it('forward while it is paused; back it may go, and stays paused there', () => {
    const stage = atFirst();
    jump(stage, 'half');
    stage.ack().tick(1).tick(2_000);
    stage.command({ type: 'pause', reason: 'look at it' });
    expect([skip(stage, true), jump(stage, 'most', true)]).toEqual(['SERIN_PHASE_CONFLICT', 'SERIN_PHASE_CONFLICT']);
    expect(jump(stage, 'one')).toBe('accepted');
    stage.ack().tick(1).tick(600_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0, paused: { reason: 'look at it' } });
    expect(stage.weight).toBe(100);
    expect(stage.broken).toEqual([]);
  });

  it('where nobody looks at it: it has crashed whoever did', () => {
    const stage = atFirst();
    stage.rollout = { ...stage.rollout, paused: { by: 'serin', reason: 'x', atMs: 1, quarantined: true } };
    expect([skip(stage, true), jump(stage, '1')]).toEqual(['SERIN_PHASE_CONFLICT', 'unchanged']);
  });

  it('after a dozen of them', () => {
    const stage = atFirst();
    for (let i = 0; i < MAX_JUMPS; i += 1) {
      expect(jump(stage, i % 2 === 0 ? '2' : '1', true)).toBe('accepted');
      stage.ack().tick(1);
    }
    expect(jump(stage, '2', true)).toBe('SERIN_CONFLICT');
    expect(JSON.stringify(stage.rollout).length).toBeLessThan(16_384);
    expect(stage.broken).toEqual([]);
  });

  it('while no Envoy is there to take it', () => {
    const stage = atFirst().disconnect('a', 'b');
    expect(jump(stage, 'half')).toBe('SERIN_NOT_READY');
    expect(stage.rollout.step).toBe(0);
  });
});

describe('a skip', () => {
  it('leaves the hold, says so, and begins the next step as any other', () => {
    const stage = atFirst();
    const before = stage.notices.length;
    expect(skip(stage)).toBe('accepted');
    expect(stage.rollout).toMatchObject({ step: 1, attempt: 2, evidence: null, push: { liveAtMs: null } });
    expect(stage.rollout.jumps).toEqual([
      {
        by: 'someone',
        atMs: stage.rollout.updatedAtMs,
        from: 0,
        to: 1,
        reason: 'it is late',
        gates: ['its hold of 5m'],
      },
    ]);
    expect(stage.weight).toBe(500);
    const told = stage.events.filter(({ type }) => type === 'jump' || type === 'step').slice(-2);
    expect(told.map(({ type, by, message, data }) => [type, by, message, data.gates])).toEqual([
      [
        'jump',
        'someone',
        'from step 1 (one) to step 2 (five): it is late; not passed: its hold of 5m',
        ['its hold of 5m'],
      ],
      ['step', 'someone', 'step 2 of 4 (five): 5 % to the canary', undefined],
    ]);
    expect(stage.notices.slice(before)).toMatchObject([
      {
        kind: 'jumped',
        title: 'checkout: v2 goes to 5 % by hand (step 2 of 4)',
        fields: [
          ['By', 'someone'],
          ['Reason', 'it is late'],
          ['From', 'step 1 of 4 (one)'],
          ['Not passed', 'its hold of 5m'],
        ],
      },
    ]);
    // then: that step holds by its own gates
    stage.tick(600_000);
    expect(stage.rollout.step).toBe(1);
    stage.ack().tick(1).tick(2_000).tick(290_000);
    expect(stage.rollout.step).toBe(1);
    stage.tick(20_000);
    expect(stage.rollout.step).toBe(2);
    expect(stage.broken).toEqual([]);
  });

  it('names every gate that it leaves shut', () => {
    const webhook = { target: 'checks', everyMs: 1_000, timeoutMs: 500, withinMs: null, otherwise: 'hold' as const };
    const until = { requests: 5_000, regression: null, atMostMs: null };
    const windows = {
      zone: 'UTC',
      open: [],
      freezes: [{ from: '1970-01-01', to: '2100-01-01' }],
    } as const;
    const steps = [
      planStep({ name: 'gated', webhook, until, approve: true, holdMs: 60_000 }),
      planStep({ weight: 5_000 }),
    ];
    const stage = atFirst({}, steps);
    stage.rollout = { ...stage.rollout, spec: { ...stage.rollout.spec, windows } };
    expect(skip(stage)).toBe('accepted');
    expect(stage.rollout.jumps?.[0]?.gates).toEqual([
      'its hold of 1m',
      '300 of 5000 requests to the canary',
      'its window',
      'hook checks',
      'the approval of a person',
    ]);
    expect(stage.broken).toEqual([]);
  });

  it('is what a promotion by hand leaves behind as well', () => {
    const stage = atFirst();
    expect(stage.command({ type: 'promote' })).toBe('accepted');
    const gates = [
      'its hold of 5m',
      'step 2 (five): evidence of error-rate and hold of 5m',
      'step 3 (half): evidence of error-rate and hold of 5m and approval of a person',
      'step 4 (most): evidence of error-rate and hold of 5m',
    ];
    expect(stage.rollout).toMatchObject({
      phase: 'promoting',
      jumps: [{ from: 0, to: null, reason: 'promoted by hand', gates }],
    });
    expect(stage.events.find(({ type }) => type === 'jump')?.message).toContain('not passed: its hold of 5m, step 2');
    const told = stage.notices.at(-1);
    expect(told?.title).toBe('checkout: v2 goes to 100 % by hand');
    expect(told?.fields).toContainEqual(['Not passed', expect.stringContaining('step 3 (half)')]);
    expect(stage.broken).toEqual([]);
  });

  it('of the last step goes to all requests, and the bake comes all the same', () => {
    const stage = atFirst({ bakeMs: 60_000 }, FOUR.slice(0, 1));
    expect(skip(stage)).toBe('accepted');
    expect(stage.rollout).toMatchObject({ phase: 'promoting', step: 0, jumps: [{ from: 0, to: null }] });
    expect(stage.notices.at(-1)?.title).toBe('checkout: v2 goes to 100 % by hand');
    stage.ack().tick(1).tick(30_000);
    expect(stage.rollout.phase).toBe('promoting');
    stage.tick(31_000).tick(2_000);
    expect(stage.rollout.phase).toBe('promoted');
    expect(stage.broken).toEqual([]);
  });

  it('of a canary that then fails goes back as from any step', () => {
    const stage = atFirst();
    skip(stage);
    stage.ack().tick(1);
    stage.verdict = 'fail';
    stage.tick(2_000);
    expect(stage.rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'analysis', step: 1 } });
    expect(stage.weight).toBe(0);
  });
});

describe('a jump forward', () => {
  it('passes over steps, and names each with the gates that nobody has passed', () => {
    const stage = atFirst();
    expect(jump(stage, 'most')).toBe('accepted');
    expect(stage.rollout.jumps?.[0]).toMatchObject({
      from: 0,
      to: 3,
      gates: [
        'its hold of 5m',
        'step 2 (five): evidence of error-rate and hold of 5m',
        'step 3 (half): evidence of error-rate and hold of 5m and approval of a person',
      ],
    });
    expect(stage.rollout.history.map(({ step }) => step)).toEqual([0, 3]);
    expect(stage.weight).toBe(9_000);
  });

  it('does not take an approval along that was given before', () => {
    const stage = atFirst();
    jump(stage, 'half');
    stage.ack().tick(1).tick(2_000);
    stage.command({ type: 'approve', gate: gate(stage) });
    jump(stage, 'five');
    stage.ack().tick(1).tick(2_000);
    jump(stage, 'half');
    stage.ack().tick(1).tick(2_000).tick(600_000).tick(2_000);
    expect(stage.rollout).toMatchObject({ step: 2, waitingFor: 'the approval of a person' });
    expect(stage.broken).toEqual([]);
  });
});

describe('a jump back', () => {
  it('takes traffic away while an Envoy still lags, and waits for that one, too', () => {
    const stage = atFirst();
    jump(stage, 'half');
    stage.ack('a').disconnect('b').tick(1);
    expect(jump(stage, 'one')).toBe('accepted');
    expect(stage.rollout.push?.counted).toEqual({ edge: ['a', 'b'] });
    expect(stage.rollout.jumps?.at(-1)?.gates).toEqual([]);
    stage.ack('a').tick(1);
    expect(stage.rollout.push?.liveAtMs).toBeNull();
    stage.connect('b').ack().tick(1);
    expect(stage.rollout.push?.liveAtMs).not.toBeNull();
    expect(stage.broken).toEqual([]);
  });

  it('gives the step its whole time and evidence of its own', () => {
    const stage = atFirst();
    jump(stage, 'five');
    stage.ack().tick(1).tick(2_000);
    expect(jump(stage, 'one')).toBe('accepted');
    expect(stage.rollout).toMatchObject({ step: 0, attempt: 3, evidence: null });
    stage.ack().tick(1).tick(2_000).tick(290_000);
    expect(stage.rollout.step).toBe(0);
    stage.tick(20_000);
    expect(stage.rollout.step).toBe(1);
    expect(stage.broken).toEqual([]);
  });

  it('is a stretch of its own for the judge: only it is the present one', () => {
    const stage = atFirst();
    jump(stage, 'five');
    stage.ack().tick(1).tick(60_000);
    jump(stage, 'one');
    stage.ack().tick(1);
    const ramp = rampOf(stage.rollout);
    const { history, push } = stage.rollout;
    expect(ramp.map(({ share }) => share)).toEqual([0.01, 0.05, 0.01]);
    expect(ramp.map(({ committedAtMs }) => committedAtMs)).toEqual(history.map(({ committedAtMs }) => committedAtMs));
    // then: what was scraped in the first stretch is still of that one
    expect(ramp[0]?.liveAtMs).toBe(history[0]?.liveAtMs);
    expect(ramp[2]?.liveAtMs).toBe(push?.liveAtMs);
  });

  it('from 100 %: what was scraped while stable had nothing counts for no step', () => {
    const stage = atFirst({}, [...FOUR.slice(0, 2), planStep({ name: 'all', weight: 10_000, holdMs: 300_000 })]);
    jump(stage, 'all');
    stage.ack().tick(1).tick(60_000);
    jump(stage, 'five');
    stage.ack().tick(1);
    expect(rampOf(stage.rollout).map(({ share, liveAtMs }) => [share, liveAtMs === null])).toEqual([
      [0.01, false],
      [1, true],
      [0.05, false],
    ]);
  });

  it('begins a test of users anew, since they are drawn anew', () => {
    const stage = atFirst();
    const none = { users: 0, sum: 0, squares: 0 };
    const readout = [{ name: 'sold', atMs: 1, blocks: [], last: { weight: 100, stable: none, canary: none } }];
    jump(stage, 'five');
    stage.rollout = { ...stage.rollout, readout };
    jump(stage, 'one');
    expect(stage.rollout.readout).toEqual([]);
  });
});
