import { describe, expect, it } from 'vitest';
import type { JudgeInput } from '../../../src/core/analysis/judge.ts';
import { bakeOf } from '../../../src/core/rollout/bake.ts';
import { observationNeeds, rampOf } from '../../../src/core/rollout/needs.ts';
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

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];
const steps = [planStep({ weight: 500 }), planStep({ weight: 2_500 })];
const spec = planSpec({ analysis, judge: { name: 'sequential' }, strategy: { name: 'any', steps } });
const record = (index: number, committedAtMs: number, offsetMs?: number) => ({
  ...{ step: index, name: 'step', weight: steps[index]?.weight ?? 0, committedAtMs },
  ...{ liveAtMs: committedAtMs + 20, leftAtMs: null, ...(offsetMs === undefined ? {} : { offsetMs }) },
});

describe('a store whose clock was set back by ten seconds between two steps', () => {
  const stepping = rollout({
    ...{ phase: 'stepping', step: 1, spec },
    history: [record(0, 100_000, 40), record(1, 100_050, 10_040)],
    push: push(['a'], { committedAtMs: 100_050, liveAtMs: 100_070, offsetMs: 10_040 }),
  });

  it('leaves the first where it was among the samples', () => {
    expect(rampOf(stepping, undefined, 10_040)).toEqual([
      { share: 0.05, committedAtMs: 100_040, liveAtMs: 100_060 },
      { share: 0.25, committedAtMs: 110_090, liveAtMs: 110_110 },
    ]);
  });

  it('and once more since: the second stays too', () => {
    const noted = { ...stepping, push: push(['a'], { ...stepping.push, liveOffsetMs: 10_040 }) };
    expect(rampOf(noted, undefined, 60_000).at(-1)).toEqual({ share: 0.25, committedAtMs: 110_090, liveAtMs: 110_110 });
  });

  it('between its commit and its last ACK: the later of both times counts', () => {
    const within = { ...stepping, push: push(['a'], { committedAtMs: 100_050, liveAtMs: 100_070, offsetMs: 40 }) };
    expect(rampOf(within, undefined, 10_040).at(-1)?.liveAtMs).toBe(110_110);
    expect(rampOf(within, undefined, -10_000).at(-1)?.liveAtMs).toBe(100_110);
  });

  it('reads samples from where the judge goes on, which it knows by their clock', () => {
    const memory = { ...{ judgedIndex: 1_000, sample: 64, state: { ticks: 3 } }, place: null, seen: 1, late: 0 };
    const { counters } = observationNeeds(stepping, 1_000, 200_000, undefined, { judgement: memory });
    expect(counters?.fromMs(10_040)).toBe(992_000);
  });

  it('records of earlier versions are converted by the difference of today', () => {
    const old = {
      ...stepping,
      history: [record(0, 100_000), record(1, 100_050)],
      push: push(['a'], { liveAtMs: 100_070 }),
    };
    expect(rampOf(old, undefined, 7).map(({ committedAtMs, liveAtMs }) => [committedAtMs, liveAtMs])).toEqual([
      [100_007, 100_027],
      [100_057, 100_077],
    ]);
  });
});

it('notes when samples say it was, also while its own time is ahead of a clock that was set back', () => {
  const ahead = rollout({
    ...{ phase: 'stepping', step: 0, spec, updatedAtMs: 70_000, history: [record(0, 50_000)] },
    push: push(['a'], { committedAtMs: 50_000, liveAtMs: 50_020 }),
  });
  const { rollout: next } = step({
    ...{ rollout: ahead, backend: backendState(), judge: scriptedJudge(() => 'pass'), judgement: null, settings },
    nowMs: 61_000,
    observed: {
      fleets: fleetAt(1, [node('a', { credited: { epoch: 'e', n: 1 }, routes: { epoch: 'e', n: 1 } })]),
      ...{ counters: { kind: 'ok', series: [] }, queries: new Map(), scrapeMs: 1_000, offsetMs: 10_040 },
    },
  });
  expect(next.push).toMatchObject({ committedAtMs: 70_001, offsetMs: 1_039 });
});

it('a bake remembers until when stable had requests, whatever becomes of the clock', () => {
  const baking = rollout({
    phase: 'promoting',
    spec: planSpec({ bakeMs: 600_000 }),
    push: push(['a'], { committedAtMs: 5_000, liveAtMs: 5_100, offsetMs: 40, liveOffsetMs: 40 }),
  });
  expect(bakeOf(baking, 9_000)).toEqual({ stableUntilMs: 5_040, liveAtMs: 5_140, forMs: 600_000 });
});

it('notes the difference at the commit of a step and at the first look at it, and not where nobody looked', () => {
  // given
  const seen: JudgeInput[] = [];
  let verdict: 'pass' | 'inconclusive' = 'pass';
  const scripted = scriptedJudge(() => verdict);
  const judge = {
    ...scripted,
    assess: (input: JudgeInput) => {
      seen.push(input);
      return scripted.assess(input);
    },
  };
  const at = (current: ReturnType<typeof rollout>, nowMs: number, offsetMs?: number) =>
    step({
      ...{ rollout: current, backend: backendState(), judge, judgement: null, settings, nowMs },
      observed: {
        fleets: fleetAt(1, [node('a', { credited: { epoch: 'e', n: 1 }, routes: { epoch: 'e', n: 1 } })]),
        ...{ counters: { kind: 'ok', series: [] }, queries: new Map(), scrapeMs: 1_000 },
        ...(offsetMs === undefined ? {} : { offsetMs }),
      },
    }).rollout;
  const first = rollout({
    ...{ phase: 'stepping', step: 0, spec },
    history: [record(0, 1_000)],
    push: push(['a'], { committedAtMs: 1_000, liveAtMs: 1_020 }),
  });
  // when
  const second = at(first, 60_000, 40);
  verdict = 'inconclusive';
  const looked = at({ ...second, push: push(['a'], { ...second.push, liveAtMs: 60_020 }) }, 61_000, 10_040);
  // then
  expect(second.history.at(-1)).toMatchObject({ step: 1, committedAtMs: 60_000, offsetMs: 40 });
  expect(second.push).toMatchObject({ offsetMs: 40 });
  expect(looked.push).toMatchObject({ offsetMs: 40, liveOffsetMs: 10_040 });
  expect(seen.at(-1)?.liveAtMs).toBe(70_060);
  verdict = 'pass';
  expect(at(first, 60_000).push).not.toHaveProperty('offsetMs');
});
