import { describe, expect, it } from 'vitest';
import type { JudgeInput } from '../../../src/core/analysis/judge.ts';
import { step } from '../../../src/core/rollout/step.ts';
import {
  backendState,
  node,
  planSpec,
  planStep,
  push,
  rollout,
  scriptedJudge,
  settings,
} from '../../support/rollouts.ts';
import { atFirstStep, Stage } from '../../support/stage.ts';

const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const;
const spec = planSpec({
  strategy: { name: 'any', steps: [planStep({ weight: 500 }), planStep({ weight: 2_500 })] },
  analysis: [errorRate],
});
const at = { epoch: 'e', n: 3 };
const nowMs = 600_000;

describe('when every counted Envoy is gone for good', () => {
  it('evidence from before the new ones counted does not let the step go on', () => {
    const record = rollout({
      spec,
      phase: 'stepping',
      step: 0,
      attempt: 1,
      push: push(['old'], { committedAtMs: 1_000, liveAtMs: 2_000 }),
    });
    let judgedFromMs = 0;
    const judge = scriptedJudge(() => 'pass');
    const { rollout: after } = step({
      rollout: record,
      backend: backendState(),
      observed: {
        fleets: {
          edge: {
            state: {
              fleet: 'edge',
              observedSinceMs: 0,
              complete: true,
              nodes: [
                node('old', { connected: false, changedAtMs: 500_000 }),
                node('new', { credited: at, creditedAtMs: 590_000 }),
              ],
            },
            position: at,
            trial: null,
          },
        },
        counters: { kind: 'ok', series: [] },
        queries: new Map(),
        scrapeMs: 1_000,
      },
      judge: {
        ...judge,
        assess: (input: JudgeInput) => {
          judgedFromMs = input.liveAtMs;
          return judge.assess(input);
        },
      },
      judgement: null,
      settings,
      nowMs,
    });
    // The new set is live since 590 000; this pass was measured from 2 000 on.
    expect(judgedFromMs).toBe(2_000);
    expect(after.step).toBe(0);
  });

  it('a counted Envoy of another fleet that is away for a second still counts', () => {
    const record = rollout({
      spec,
      fleets: ['edge', 'eu'],
      phase: 'stepping',
      step: 0,
      attempt: 1,
      push: push(['old'], { committedAtMs: 1_000, counted: { edge: ['old'], eu: ['eu-1', 'eu-2'] } }),
    });
    const { rollout: after } = step({
      rollout: record,
      backend: backendState(),
      observed: {
        fleets: {
          edge: {
            state: { fleet: 'edge', observedSinceMs: 0, complete: true, nodes: [node('new', { credited: at })] },
            position: at,
            trial: null,
          },
          eu: {
            state: {
              fleet: 'eu',
              observedSinceMs: 0,
              complete: true,
              nodes: [node('eu-1', { credited: at }), node('eu-2', { connected: false, changedAtMs: nowMs - 1_000 })],
            },
            position: at,
            trial: null,
          },
        },
        counters: null,
        queries: new Map(),
        scrapeMs: 1_000,
      },
      judge: scriptedJudge(() => 'pass'),
      judgement: null,
      settings,
      nowMs,
    });
    expect(after.push?.counted.eu).toContain('eu-2');
    expect(after.push?.liveAtMs).toBeNull();
  });

  it('people are asked for their approval once per step, and its first moment in force stays in the history', () => {
    const approve = planSpec({ strategy: { name: 'any', steps: [planStep({ weight: 500, approve: true })] } });
    const stage = new Stage({ spec: approve }).prepared();
    stage.ack().tick(1);
    const liveAtMs = stage.rollout.history.at(-1)?.liveAtMs;
    expect(stage.notices.filter(({ kind }) => kind === 'approval')).toHaveLength(1);
    stage.disconnect('a', 'b').connect('c').tick(31_000);
    stage.ack('c').tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', push: { counted: { edge: ['c'] } } });
    expect(stage.notices.filter(({ kind }) => kind === 'approval')).toHaveLength(1);
    expect(stage.rollout.history.at(-1)?.liveAtMs).toBe(liveAtMs);
  });

  it('an Envoy that the step went on without does not count again before it has caught up', () => {
    const steps = [planStep({ weight: 500, holdMs: 600_000 })];
    const exclude = planSpec({ onLaggard: 'exclude', strategy: { name: 'any', steps } });
    const stage = new Stage({ spec: exclude }, ['a', 'b', 'slow']).prepared();
    stage.ack('a', 'b').tick(30_000);
    expect(stage.rollout.excluded).toEqual({ edge: ['slow'] });
    stage.disconnect('a', 'b').connect('c').tick(31_000);
    expect(stage.rollout.push?.counted).toEqual({ edge: ['c'] });
    // Alone it is nobody to count either.
    stage.disconnect('c').tick(31_000);
    expect(stage.rollout.push?.counted).toEqual({ edge: ['c'] });
    expect(stage.rollout.waitingFor).toContain('an Envoy of fleet edge');
    stage.ack('slow').tick(1);
    expect(stage.rollout.push?.counted).toEqual({ edge: ['slow'] });
  });

  it('on the way back it does count: it may still send requests to the canary', () => {
    const steps = [planStep({ weight: 500, holdMs: 600_000 })];
    const exclude = planSpec({ onLaggard: 'exclude', strategy: { name: 'any', steps } });
    const stage = new Stage({ spec: exclude }, ['a', 'b', 'slow']).prepared();
    stage.ack('a', 'b').tick(30_000);
    stage.disconnect('slow');
    stage.command({ type: 'abort', reason: 'enough' });
    stage.disconnect('a', 'b').connect('slow').tick(31_000);
    expect(stage.rollout).toMatchObject({ phase: 'aborting', push: { counted: { edge: ['slow'] } } });
    stage.ack('slow').tick(1);
    expect(stage.rollout.phase).toBe('aborted');
  });

  it('the step has to become live on those that take their place', () => {
    const stage = atFirstStep(20_000);
    stage.ack().tick(1);
    const before = stage.rollout.push?.liveAtMs ?? 0;
    stage.disconnect('a', 'b').connect('c').tick(31_000);
    expect([stage.rollout.step, stage.rollout.push?.liveAtMs]).toEqual([0, null]);
    stage.ack('c').tick(1);
    expect(stage.rollout.push?.liveAtMs).toBeGreaterThan(before);
    expect(stage.rollout.step).toBe(0);
  });
});
