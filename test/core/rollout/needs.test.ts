import { describe, expect, it } from 'vitest';
import type { JudgeState } from '../../../src/core/analysis/judge.ts';
import type { AnalysisSpec } from '../../../src/core/model/analysis-spec.ts';
import { KAYENTA_SPEC } from '../../../src/core/model/kayenta-spec.ts';
import { currentAnalysis, nextMeasurementMs, observationNeeds } from '../../../src/core/rollout/needs.ts';
import type { Evidence } from '../../../src/core/rollout/rollout.ts';
import { step } from '../../../src/core/rollout/step.ts';
import {
  backendState,
  fleetAt,
  node,
  planSpec,
  planStep,
  push,
  rollout,
  scriptedJudge,
  settings,
} from '../../support/rollouts.ts';

const SCRAPE_MS = 15_000;
/** The first moment at which rollouts of fleet `edge` look. */
const TURN_MS = 12_788;
const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];
const judgedAt = (judgedAtMs: number): Evidence => ({
  verdicts: [
    {
      metric: 'error-rate',
      verdict: 'inconclusive',
      reason: 'TOO_FEW_REQUESTS',
      detail: '',
      value: null,
      baseline: null,
      limit: { min: null, max: 0.01 },
      requests: 3,
      baselineRequests: 90,
    },
  ],
  judgedAtMs,
  inconclusiveSinceMs: judgedAtMs,
});
const judged = rollout({
  phase: 'stepping',
  step: 0,
  spec: planSpec({ analysis, strategy: { name: 'any', steps: [planStep({ holdMs: 300_000 })] } }),
  push: push(['a'], { committedAtMs: 1_000, liveAtMs: 1_050 }),
  evidence: judgedAt(20_000),
});

describe('the next measurement', () => {
  it.each<[string, typeof judged, number, number | null]>([
    ['the next moment of its fleet after the last', judged, 21_000, TURN_MS + SCRAPE_MS],
    ['the next one from now on when it has just been made or is overdue', judged, 36_000, TURN_MS + 2 * SCRAPE_MS],
    ['the first one after the step began, at first', { ...judged, evidence: null }, 2_000, TURN_MS],
    ['soon after the clock was set back', { ...judged, evidence: judgedAt(90_000) }, 21_000, TURN_MS + SCRAPE_MS],
    ['never where nothing is judged', { ...judged, spec: planSpec() }, 21_000, null],
  ])('is %s', (_when, record, nowMs, atMs) => {
    expect(nextMeasurementMs(record, SCRAPE_MS, nowMs)).toBe(atMs);
  });

  it('is the first moment at which something is asked for', () => {
    expect(observationNeeds(judged, SCRAPE_MS, TURN_MS + SCRAPE_MS - 1).counters).toBeNull();
    expect(observationNeeds(judged, SCRAPE_MS, TURN_MS + SCRAPE_MS).counters).not.toBeNull();
  });

  it('is one moment for all rollouts of a fleet, and another one for other fleets', () => {
    const at = (fleet: string, judgedAtMs: number) =>
      nextMeasurementMs({ ...judged, fleets: [fleet], evidence: judgedAt(judgedAtMs) }, SCRAPE_MS, 30_000);
    const moments = Array.from({ length: 15 }, (_, i) => at('edge', TURN_MS + SCRAPE_MS + i * 1_000));
    expect(new Set(moments)).toEqual(new Set([TURN_MS + 2 * SCRAPE_MS]));
    const fleets = Array.from({ length: 30 }, (_, i) => at(`fleet-${i}`, 29_000));
    expect(new Set(fleets).size).toBeGreaterThan(20);
  });
});

it('looks at a step without enough evidence when there may be more, and not before', () => {
  const { dueAtMs } = step({
    rollout: judged,
    backend: backendState(),
    observed: {
      fleets: fleetAt(3, [node('a', { credited: { epoch: 'e', n: 3 }, routes: { epoch: 'e', n: 3 } })]),
      counters: null,
      queries: new Map(),
      scrapeMs: SCRAPE_MS,
    },
    judge: scriptedJudge(() => 'pass'),
    judgement: null,
    settings,
    nowMs: 24_000,
  });
  expect(dueAtMs).toBe(TURN_MS + SCRAPE_MS);
});

it('a canary that gets copies alone is judged by the analyses of the plan, and one that gets nothing is not', () => {
  const at = (step: Parameters<typeof planStep>[0]) => {
    const strategy = { name: 'any', steps: [planStep({ weight: 0, ...step })] };
    return currentAnalysis({ ...judged, spec: planSpec({ strategy, analysis }) });
  };
  expect(at({ mirror: 1_000 })).toEqual(analysis);
  expect(at({})).toEqual([]);
});

it('asks for the codes that any analysis of the plan counts, and for no others', () => {
  const errorRate: AnalysisSpec = {
    ...{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null },
    count: ['5xx', '503', '429'],
  };
  const steps = [planStep({ holdMs: 300_000, analysis: [{ ...errorRate, name: 'own', count: ['408'] }] })];
  const spec = planSpec({ analysis: [errorRate], strategy: { name: 'any', steps } });
  const asked = (record: typeof judged) => observationNeeds(record, SCRAPE_MS, TURN_MS + SCRAPE_MS).counters;
  expect(asked({ ...judged, spec })).toMatchObject({ codes: ['408', '429'] });
  expect(asked({ ...judged, spec })?.families).toContain('upstream_rq');
  expect(asked(judged)?.families).not.toContain('upstream_rq');
});

it('asks for the edges that the default judge has chosen, for all of them until then, and for all of them in a bake', () => {
  const steps = [planStep({ holdMs: 300_000 })];
  const spec = planSpec({ analysis, judge: { name: 'sequential' }, strategy: { name: 'any', steps } });
  const history = [{ step: 0, name: 'one', weight: 500, committedAtMs: 1_000, liveAtMs: 1_050, leftAtMs: null }];
  const memory = (before: object | null): JudgeState => ({
    ...{ judgedIndex: 40, sample: 64, place: null },
    state: { ticks: 3, before, edges: [{ edge: { ms: 250 } }, { edge: { ms: 500 } }] },
  });
  const asked = (judgement: JudgeState | null, record: Partial<typeof judged> = {}) =>
    observationNeeds({ ...judged, spec, history, ...record }, SCRAPE_MS, TURN_MS + SCRAPE_MS, undefined, { judgement })
      .counters;
  expect(asked(memory(null))?.edges).toEqual([250, 500]);
  expect(asked(null)).not.toHaveProperty('edges');
  expect(asked(memory({ timed: 0, edges: [] }))).not.toHaveProperty('edges');
  const bake = asked(memory(null), { phase: 'promoting' });
  expect(bake).not.toBeNull();
  expect(bake).not.toHaveProperty('edges');
});

describe('a step that Kayenta judges', () => {
  const nowMs = TURN_MS + SCRAPE_MS;
  const latency: AnalysisSpec = { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.01, minRequests: null };
  const spec = planSpec({
    ...{ analysis: [...analysis, latency], judge: KAYENTA_SPEC },
    strategy: { name: 'any', steps: [planStep({ holdMs: 300_000 })] },
  });
  const history = [{ step: 0, name: 'one', weight: 500, committedAtMs: 1_000, liveAtMs: 1_050, leftAtMs: null }];
  const asked = (memory: JudgeState | null) =>
    observationNeeds({ ...judged, spec, history }, SCRAPE_MS, nowMs, undefined, { judgement: memory }).counters;

  it('is asked for what it counts, and for what tells a restart', () => {
    expect(asked(null)?.families).toEqual([
      ...['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_time_bucket', 'upstream_rq_timeout'],
      ...['server_uptime', 'server_hot_restart_epoch'],
    ]);
  });

  it('is read from its beginning, and then from where it was read to', () => {
    expect(asked(null)?.fromMs(100)).toBe(1_000 + 100 - SCRAPE_MS);
    const memory = { judgedIndex: 40, samples: { names: [], series: [] }, place: { sinceMs: 599_000 } };
    expect(asked(memory)?.fromMs(100)).toBe(39 * SCRAPE_MS);
  });
});
