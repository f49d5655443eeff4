import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LAGGARD_POLICIES,
  type LaggardPolicy,
  WEEKDAYS,
  type WebhookSpec,
  type WindowsSpec,
} from '../../../src/core/model/documents.ts';
import { isTerminal } from '../../../src/core/model/phase.ts';
import { violations } from '../../support/invariants.ts';
import { backendState, planSpec, planStep, rollout } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;

/** Everything that can happen to a rollout, in any order. */
const happening = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('everyone acks' as const) }), weight: 4 },
  fc.record({ do: fc.constant('tick' as const), ms: fc.integer({ min: 0, max: 120_000 }) }),
  fc.record({ do: fc.constant('tick' as const), ms: fc.integer({ min: 0, max: 1_000 }) }),
  fc.record({
    do: fc.constantFrom('ack' as const, 'nack' as const, 'disconnect' as const, 'connect' as const),
    node: fc.constantFrom('a', 'b', 'c'),
  }),
  fc.record({
    do: fc.constant('verdict' as const),
    verdict: fc.constantFrom('pass' as const, 'fail' as const, 'inconclusive' as const),
  }),
  fc.record({
    do: fc.constant('hook' as const),
    says: fc.constantFrom('open' as const, 'open' as const, 'wait' as const, 'failed' as const, 'reject' as const),
    late: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('metrics' as const, 'clock' as const), up: fc.boolean() }),
  fc.record({
    do: fc.constantFrom('pause' as const, 'resume' as const, 'promote' as const, 'abort' as const, 'approve' as const),
  }),
  { arbitrary: fc.record({ do: fc.constant('skip' as const), force: fc.constant(true) }), weight: 2 },
  {
    arbitrary: fc.record({ do: fc.constant('jump' as const), force: fc.boolean(), to: fc.integer({ min: 1, max: 3 }) }),
    weight: 2,
  },
  fc.record({ do: fc.constant('open the hook' as const) }),
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const plan = fc.array(
  fc.record({
    weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 10_000 })),
    holdMs: fc.constantFrom(0, 5_000),
    approve: fc.boolean(),
    pins: fc.boolean(),
    asks: fc.constantFrom(null, null, 'rollback' as const, 'hold' as const),
  }),
  { minLength: 1, maxLength: 4 },
);
type Steps = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const gateSeen = ({ rollout: { step, attempt } }: Stage) => ({ step, attempt });

function play(stage: Stage, h: Happening): void {
  switch (h.do) {
    case 'tick':
      stage.tick(h.ms);
      return;
    case 'ack':
      stage.ack(h.node);
      return;
    case 'everyone acks':
      // The way on: without it a random walk would seldom leave the first phases.
      stage.ack().tick(1).tick(1_000);
      return;
    case 'nack':
      stage.nack(h.node, 'refused');
      return;
    case 'disconnect':
      stage.disconnect(h.node);
      return;
    case 'connect':
      stage.connect(h.node);
      return;
    case 'verdict':
      stage.verdict = h.verdict;
      return;
    case 'hook': {
      // An answer may come when something else is asked by now.
      const to = h.late ? stage.questions[0] : stage.questions.at(-1);
      if (to !== undefined) stage.say(h.says, { to });
      return;
    }
    case 'metrics':
      stage.metricsUp = h.up;
      return;
    case 'clock':
      stage.clockTrusted = h.up;
      return;
    case 'approve':
      stage.command({ type: 'approve', gate: { step: stage.rollout.step, attempt: stage.rollout.attempt } });
      return;
    case 'open the hook':
      stage.command({ type: 'approve', gate: gateSeen(stage), hook: 'checks' });
      return;
    case 'skip':
      stage.command({ type: 'skip', gate: gateSeen(stage), reason: 'because', force: h.force });
      return;
    case 'jump':
      stage.command({ type: 'jump', to: String(h.to), gate: gateSeen(stage), reason: 'because', force: h.force });
      return;
    case 'pause':
    case 'abort':
      stage.command({ type: h.do, reason: 'because' });
      return;
    case 'resume':
    case 'promote':
      stage.command({ type: h.do });
  }
}

const webhook = (otherwise: 'rollback' | 'hold'): WebhookSpec => ({
  ...{ target: 'checks', everyMs: 1_000, timeoutMs: 500, withinMs: 60_000, otherwise },
});

/** A walk begins at midnight and takes some minutes. */
const NIGHT: WindowsSpec = {
  zone: 'Asia/Kolkata',
  open: [{ days: WEEKDAYS, from: '05:31', to: '05:35' }],
  freezes: [],
};
const TWICE: WindowsSpec = {
  zone: 'UTC',
  open: [
    { days: WEEKDAYS, from: '00:00', to: '00:03' },
    { days: WEEKDAYS, from: '00:06', to: '00:40' },
  ],
  freezes: [],
};

/** Every second walk begins where the first step is out: the way there is long, and most walks would not see more. */
function stageFor(
  steps: Steps,
  policy: LaggardPolicy = 'hold',
  headStart = true,
  windows: WindowsSpec | null = null,
): Stage {
  const rising = [...steps].sort((a, b) => a.weight - b.weight);
  const pinned = rising.map(({ pins, asks, ...step }, i) =>
    planStep({
      ...step,
      ...(asks === null ? {} : { webhook: webhook(asks) }),
      name: `s${i}`,
      matches: pins ? [{ headers: [{ name: `x-${i}`, type: 'Present' }] }] : [],
    }),
  );
  const stage = new Stage({
    spec: planSpec({
      strategy: { name: 'any', steps: pinned },
      analysis: [errorRate],
      onLaggard: policy,
      ...(windows === null ? {} : { windows }),
      onRollback: { closeStreamsAfterMs: rising.length > 2 ? 60_000 : null },
    }),
  });
  return headStart ? stage.prepared() : stage;
}

const walk = fc.record({
  steps: plan,
  policy: fc.constantFrom(...LAGGARD_POLICIES),
  headStart: fc.boolean(),
  windows: fc.constantFrom(null, NIGHT, TWICE),
  happenings: fc.array(happening, { maxLength: 80 }),
});

describe('whatever happens, in whatever order', { timeout: 60_000 }, () => {
  it('F26: I1–I4, I8–I10 and I16 hold, hooks and windows among them, after every change', () => {
    const reached = new Set<string>();
    let [shut, opened] = [0, 0];
    let [skippedAll, forward, back] = [0, 0, 0];
    fc.assert(
      fc.property(walk, ({ steps, policy, headStart, windows, happenings }) => {
        const stage = stageFor(steps, policy, headStart, windows);
        for (const h of happenings) play(stage, h);
        expect(stage.broken).toEqual([]);
        reached.add(stage.rollout.phase);
        const told = stage.events.filter(({ type }) => type === 'window').map(({ message }) => message);
        if (told.some((message) => message.includes('are shut'))) shut += 1;
        if (told.some((message) => message.includes('is open'))) opened += 1;
        for (const { from, to } of stage.rollout.jumps ?? []) {
          if (to === null) skippedAll += 1;
          else if (to > from) forward += 1;
          else back += 1;
        }
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(shut, opened)).toBeGreaterThan(10);
    expect(Math.min(skippedAll, forward, back)).toBeGreaterThan(2);
    // A walk that never gets anywhere proves nothing.
    expect([...reached].sort()).toEqual(
      expect.arrayContaining(['aborted', 'failed', 'promoted', 'rolled_back', 'rolling_back', 'stepping']),
    );
  });

  it('I9: a judged step is left only by a pass measured in the very decision', () => {
    let passes = 0;
    fc.assert(
      fc.property(plan, fc.array(happening, { maxLength: 80 }), (steps, happenings) => {
        const stage = stageFor(steps);
        for (const h of happenings) {
          const before = stage.rollout;
          play(stage, h);
          const judged = before.phase === 'stepping' && (before.spec.strategy.steps[before.step]?.weight ?? 0) > 0;
          const left = stage.rollout.step > before.step || stage.rollout.phase === 'promoting';
          const byPerson = h.do === 'promote' || h.do === 'skip' || h.do === 'jump';
          if (before.phase !== 'stepping' || !judged || !left || byPerson) continue;
          passes += 1;
          expect(stage.verdict).toBe('pass');
          expect(stage.metricsUp).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(passes).toBeGreaterThan(0);
  });

  it('every rollout ends when the Envoys answer and the deadline has passed (no way to be stuck for ever)', () => {
    fc.assert(
      fc.property(plan, fc.array(happening, { maxLength: 60 }), (steps, happenings) => {
        const stage = stageFor(steps);
        for (const h of happenings) play(stage, h);
        stage.connect('a', 'b').tick(3_600_000);
        for (let i = 0; i < 6 && !isTerminal(stage.rollout.phase); i += 1) stage.ack().tick();
        expect(isTerminal(stage.rollout.phase)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('a repeated decision on the same record changes nothing the second time round', () => {
    fc.assert(
      fc.property(plan, fc.array(happening, { maxLength: 60 }), (steps, happenings) => {
        const stage = stageFor(steps);
        for (const h of happenings) play(stage, h);
        stage.settle();
        const { attempt, phase } = stage.rollout;
        const messages = stage.notices.length;
        stage.tick(0).tick(0);
        expect([stage.rollout.attempt, stage.rollout.phase, stage.notices.length]).toEqual([attempt, phase, messages]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the checkers can fail', () => {
  const backend = backendState();
  const stepping = rollout({ phase: 'stepping', step: 0, attempt: 1 });

  it.each([
    ['I2', rollout({ phase: 'promoted' }), rollout({ phase: 'stepping' })],
    ['I3', rollout({ phase: 'rolling_back' }), rollout({ phase: 'stepping', step: 0 })],
    ['I4', stepping, { ...stepping, step: 2, attempt: 2 }],
    ['I4', stepping, { ...stepping, attempt: 2 }],
    ['I8', stepping, { ...stepping, phase: 'aborted' as const }],
    [
      'windows',
      { ...stepping, spec: planSpec({ windows: NIGHT }) },
      { ...stepping, spec: planSpec({ windows: NIGHT }), phase: 'promoting' as const, attempt: 2 },
    ],
    ['I16', { ...stepping, paused: { by: 'x', reason: 'y', atMs: 0 } }, { ...stepping, step: 1, attempt: 2 }],
  ])('%s is seen', (invariant, before, after) => {
    const found = violations({
      before: { rollout: before, backend },
      after: { rollout: after, backend },
      traffic: null,
      unconfirmed: [],
      by: 'tick',
    });
    expect(found.map((violation) => violation.split(' ')[0])).toContain(invariant);
  });

  it('I1 is seen', () => {
    const traffic = {
      kind: 'backend' as const,
      backend: 'checkout',
      revisions: [],
      pinned: [],
      pins: [],
      maxStreamMs: null,
      split: [
        { cluster: 'checkout--v1-abc123', weight: 4_000 },
        { cluster: 'checkout--v2-abc123', weight: 6_000 },
      ],
    };
    const found = violations({
      before: { rollout: stepping, backend },
      after: { rollout: stepping, backend },
      traffic,
      unconfirmed: [],
      by: 'tick',
    });
    expect(found[0]).toContain('I1');
  });
});
