import { describe, expect, it } from 'vitest';
import { nextMeasurementMs, observationNeeds } from '../../../src/core/rollout/needs.ts';
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
  judge: null,
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
    ['one scrape after the last', judged, 21_000, 35_000],
    ['one scrape from now on when it has just been made or is overdue', judged, 36_000, 51_000],
    ['one scrape after the step began, at first', { ...judged, evidence: null }, 2_000, 16_000],
    ['soon after the clock was set back', { ...judged, evidence: judgedAt(90_000) }, 21_000, 36_000],
    ['never where nothing is judged', { ...judged, spec: planSpec() }, 21_000, null],
  ])('is %s', (_when, record, nowMs, atMs) => {
    expect(nextMeasurementMs(record, SCRAPE_MS, nowMs)).toBe(atMs);
  });

  it('is the first moment at which something is asked for', () => {
    expect(observationNeeds(judged, SCRAPE_MS, 34_999).counters).toBeNull();
    expect(observationNeeds(judged, SCRAPE_MS, 35_000).counters).not.toBeNull();
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
    settings,
    nowMs: 24_000,
  });
  expect(dueAtMs).toBe(35_000);
});
