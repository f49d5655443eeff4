import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JudgeInput, JudgeOutcome, JudgeState } from '../../../../src/core/analysis/judge.ts';
import type { RampStep } from '../../../../src/core/analysis/ramp.ts';
import { parseRecording } from '../../../../src/core/analysis/recording/parse-recording.ts';
import { type ReplayTick, replay } from '../../../../src/core/analysis/recording/replay.ts';
import { asRecorded, cellsOf } from '../../../../src/core/analysis/scrapes.ts';
import { scrapeOf } from '../../../../src/core/analysis/sequential/cell-scrape.ts';
import { HISTORY_MS } from '../../../../src/core/analysis/sequential/cell-walk.ts';
import { addEnvoys, packEnvoys, placesFor } from '../../../../src/core/analysis/sequential/envoy-shares.ts';
import type { LogEvidence } from '../../../../src/core/analysis/sequential/judge-line.ts';
import {
  assessSequential,
  sequentialEdges,
  sequentialFromMs,
} from '../../../../src/core/analysis/sequential/live-judge.ts';
import { LIVE_EDGES } from '../../../../src/core/analysis/sequential/live-settings.ts';
import { type PackedState, unpackState } from '../../../../src/core/analysis/sequential/pack.ts';
import { describe as describeLook, type LastLook } from '../../../../src/core/analysis/sequential/verdicts.ts';
import type { AnalysisSpec } from '../../../../src/core/model/analysis-spec.ts';
import type { PlanSpec } from '../../../../src/core/model/documents.ts';
import { judgedPlan } from '../../../../src/core/rollout/judged-plan.ts';
import { planAsWritten } from '../../../../src/core/rollout/plan-as-written.ts';
import { planSpec, planStep } from '../../../support/rollouts.ts';
import { FIRST_MS, HISTORY, play, SCRAPE_MS, type World } from '../played-counters.ts';

const errorRate: Extract<AnalysisSpec, { kind: 'error-rate' }> = {
  kind: 'error-rate',
  name: 'error-rate',
  max: 0.01,
  minRequests: null,
};
const latency: Extract<AnalysisSpec, { kind: 'latency' }> = {
  kind: 'latency',
  name: 'latency',
  objectiveMs: 250,
  max: 0.1,
  minRequests: null,
};
const STEP_MS = 300_000;
const share = (ms: number): number => (ms < FIRST_MS ? 0 : ms < FIRST_MS + STEP_MS ? 0.05 : 0.2);
const world = (fields: Partial<World> = {}): World => ({
  ...{ rps: 200, proxies: 3, stableRate: 0.005, canaryRate: () => 0.005, share, scrapes: HISTORY + 45 },
  ...fields,
});

function rampAt(nowMs: number): readonly RampStep[] {
  const at = (committedAtMs: number, own: number): RampStep[] =>
    nowMs < committedAtMs ? [] : [{ share: own, committedAtMs, liveAtMs: committedAtMs + 200 }];
  return [...at(FIRST_MS, 0.05), ...at(FIRST_MS + STEP_MS, 0.2)];
}

const planOf = (analysis: readonly AnalysisSpec[], fields: Partial<PlanSpec> = {}): PlanSpec =>
  planSpec({
    ...{ analysis, judge: { name: 'sequential' } },
    strategy: { name: 'inline', steps: [planStep({ weight: 500 }), planStep({ weight: 2_000 })] },
    ...fields,
  });

interface Look extends JudgeOutcome {
  readonly atMs: number;
}

/** Looks at the given moments; each is given only what Prometheus had by then, and what the look before remembered. */
function looks(
  w: World,
  moments: readonly number[],
  fields: Partial<JudgeInput> | ((nowMs: number) => Partial<JudgeInput>) = {},
  spec: PlanSpec = planOf([errorRate]),
  { narrow = true } = {},
): readonly Look[] {
  const all = play(w);
  let state: JudgeState | null = null;
  return moments.map((nowMs) => {
    const fromMs = sequentialFromMs(state, FIRST_MS, SCRAPE_MS);
    const edges = narrow ? sequentialEdges(state)?.map(String) : null;
    const seen = all.flatMap((one) => {
      if (one.family === 'upstream_rq_time_bucket' && edges?.includes(one.label) === false && one.label !== '+Inf')
        return [];
      const points = one.points.filter(([tMs]) => tMs >= fromMs && tMs <= nowMs);
      return points.length === 0 ? [] : [{ ...one, points }];
    });
    const ramp = rampAt(nowMs);
    const outcome = assessSequential({
      analysis: spec.analysis,
      judge: spec.judge,
      arms: { stable: 'stable', canary: 'canary' },
      liveAtMs: ramp.at(-1)?.liveAtMs ?? nowMs,
      nowMs,
      scrapeMs: SCRAPE_MS,
      counters: { kind: 'ok', series: seen },
      queries: new Map(),
      proxies: Array.from({ length: w.proxies }, (_, i) => `p${i}`),
      ramp,
      plan: judgedPlan(spec),
      state,
      ...(typeof fields === 'function' ? fields(nowMs) : fields),
    });
    state = outcome.state === null ? null : (JSON.parse(JSON.stringify(outcome.state)) as JudgeState);
    return { ...outcome, atMs: nowMs };
  });
}

const onward = (decision: ReplayTick['decision']) => (decision === 'promote' ? 'advance' : decision);

/** The ticks of a replay of the recording that would be made of it, from its text. */
function replayed(w: World, spec: PlanSpec, nowMs: number): readonly ReplayTick[] {
  const seen = play(w).map((one) => ({ ...one, points: one.points.filter(([t]) => t >= FIRST_MS - HISTORY_MS) }));
  const cells = asRecorded(cellsOf(seen, { stable: 'stable', canary: 'canary' }, SCRAPE_MS));
  const judged = cells.filter(({ index }) => index <= Math.floor(nowMs / SCRAPE_MS) - 2);
  const header = {
    plan: planAsWritten(spec),
    ...{ scrapeMs: SCRAPE_MS, mostEdges: LIVE_EDGES },
    history: judged.filter(({ t }) => t < FIRST_MS).length,
  };
  const lines = [header, ...judged.map((cell) => scrapeOf(rampAt(nowMs), cell))];
  const recording = parseRecording('r', lines.map((line) => JSON.stringify(line)).join('\n'));
  if (recording.kind === 'error') throw new Error(recording.errors.map(({ message }) => message).join());
  const ticks: ReplayTick[] = [];
  const going = replay(recording.value, 'sequential');
  for (let next = going.next(); next.done !== true; next = going.next()) {
    // The rollout has its own word on when it ends.
    ticks.push({ ...next.value, decision: onward(next.value.decision) });
  }
  return ticks;
}

const every = (ms: number, count: number, offsetMs = 0): readonly number[] =>
  Array.from({ length: count }, (_, i) => FIRST_MS + 1_000 + offsetMs + i * ms);
const first = (all: readonly Look[], decision: JudgeOutcome['decision']): number | null => {
  const found = all.find((look) => look.decision === decision);
  return found === undefined ? null : Math.round((found.atMs - FIRST_MS) / 1_000);
};

describe('the sequential judge on a live rollout', () => {
  it('rolls back a canary that fails five times as often, and says why', () => {
    const all = looks(world({ canaryRate: () => 0.025 }), every(SCRAPE_MS, 40));
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(first(all, 'rollback')).toBeLessThan(300);
    expect(back?.verdicts[0]).toMatchObject({ metric: 'error-rate', verdict: 'fail', reason: 'WORSE_THAN_STABLE' });
    expect(back?.verdicts[0]?.detail).toMatch(
      /^\d+ of \d+ requests, stable \d+ of \d+; evidence of harm .* of 100; together/,
    );
  });

  it('needs only the edges that it says once they are chosen', () => {
    const spec = planOf([errorRate, latency]);
    const [narrow, wide] = [true, false].map((asked) =>
      looks(world({ slow: 0.08, moreEdges: true }), every(SCRAPE_MS, 30), {}, spec, { narrow: asked }),
    );
    expect(narrow).toEqual(wide);
    expect(sequentialEdges(narrow?.at(0)?.state ?? null)).toBeNull();
    expect(sequentialEdges(narrow?.at(-1)?.state ?? null)).toEqual([250]);
  });

  it('lets a good one go on from step to step, and leaves the last one when a regression would have been seen', () => {
    const all = looks(world(), every(SCRAPE_MS, 40));
    expect(all.some(({ decision }) => decision === 'rollback')).toBe(false);
    expect(first(all, 'advance')).toBeLessThan(120);
    expect(all.at(-1)).toMatchObject({ decision: 'advance' });
    const poor = looks(world({ rps: 0.6 }), every(SCRAPE_MS, 40));
    expect([poor.at(-1)?.decision, poor.at(-1)?.verdicts[0]?.reason]).toEqual(['hold', 'LOW_POWER']);
    expect(poor.at(-1)?.verdicts[0]?.detail).toMatch(/would have been seen to \d+ %/);
  });

  it('says how many more requests it waits for, about as many as it then takes', () => {
    const all = looks(
      world({ rps: 20, stableRate: 0.002, canaryRate: () => 0.002, scrapes: HISTORY + 120 }),
      every(SCRAPE_MS, 110),
    );
    const told = all.flatMap(({ verdicts: [verdict] }) => {
      const more = /; about (\d+) more requests to the canary are needed$/.exec(verdict?.detail ?? '')?.[1];
      return more === undefined ? [] : [{ requests: verdict?.requests ?? 0, more: Number(more) }];
    });
    const lastHeld = all.findLastIndex(({ verdicts: [verdict] }) => verdict?.reason === 'LOW_POWER');
    const took = all[lastHeld + 1]?.verdicts[0]?.requests ?? 0;
    expect(all[lastHeld + 1]?.decision).toBe('advance');
    // Of the second half: stable's rate is known well by then.
    const late = told.slice(told.length / 2);
    expect(late.length).toBeGreaterThan(10);
    const few = (20 * share(FIRST_MS + STEP_MS) * SCRAPE_MS) / 1_000;
    for (const { requests, more } of late) {
      expect(Math.abs(requests + more - took)).toBeLessThan(0.25 * (took - requests) + 3 * few);
    }
  });

  it('says of a canary that is shown to be no worse that steps may be skipped, and not where a query holds it', () => {
    const spec = planOf([errorRate], { judge: { name: 'sequential', skipAfterMs: 120_000 }, bakeMs: 600_000 });
    const flawless = world({ rps: 600, stableRate: 0, canaryRate: () => 0, scrapes: HISTORY + 24 });
    const moments = every(SCRAPE_MS, 20);
    const skipped = (told: Partial<JudgeInput> = {}, plan = spec) =>
      looks(flawless, moments, told, plan).filter(({ skips }) => skips === true);
    expect(skipped().length).toBeGreaterThan(0);
    expect(skipped().every(({ decision }) => decision === 'advance')).toBe(true);
    expect(skipped({}, planOf([errorRate]))).toEqual([]);
    const query: AnalysisSpec = { kind: 'query', name: 'q', query: 'q', windowMs: 60_000, min: null, max: 1 };
    expect(skipped({ analysis: [errorRate, query] })).toEqual([]);
    expect(skipped({ proxies: ['p0', 'p1', 'p2', 'p3'] })).toEqual([]);
  });

  it('sees slower requests at the edge of the objective', () => {
    const all = looks(world({ slow: 0.2 }), every(SCRAPE_MS, 40), { analysis: [errorRate, latency] });
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(back?.verdicts[0]).toMatchObject({ metric: 'latency', reason: 'WORSE_THAN_STABLE' });
  });

  it('holds where the canary does not get its share, and sends back one that gets far too much', () => {
    const askew = (ms: number) => share(ms) * 1.5;
    const held = looks(world({ share: askew }), every(SCRAPE_MS, 40));
    expect([held.at(-1)?.decision, held.at(-1)?.verdicts[0]?.reason]).toEqual(['hold', 'ROUTING']);
    const far = looks(world({ share: (ms) => share(ms) * 3 }), every(SCRAPE_MS, 20));
    expect(far.find(({ decision }) => decision === 'rollback')?.verdicts[0]).toMatchObject({ reason: 'ROUTING' });
  });

  describe('once the canary does not get its share', () => {
    const moments = every(SCRAPE_MS, 40);
    const resumedAtMs = FIRST_MS + 250_000;
    /** Askew in the first seconds; afterwards as `later` says. */
    const mended = (later: number) =>
      // What is played is known by its seed: functions of one text are one.
      world({ share: (ms) => share(ms) * (ms < resumedAtMs ? 1.5 : later), seed: 10 * later });
    const resumed = (later: number, from = resumedAtMs) => {
      return looks(mended(later), moments, (nowMs) => (nowMs < from ? {} : { resumed: { id: from, atMs: from } }));
    };
    const routing = (all: readonly Look[]) =>
      all.map(({ verdicts }) => verdicts.find(({ metric }) => metric === 'routing')?.reason ?? '-');

    it('says what it gets and what it was to get', () => {
      const held = looks(mended(1.5), moments).findLast(({ decision }) => decision === 'hold');
      const [told] = held?.verdicts ?? [];
      expect(told).toMatchObject({ metric: 'routing', verdict: 'inconclusive', reason: 'ROUTING' });
      expect(told?.detail).toMatch(/^the canary gets [23]\d(\.\d)? % of the requests, wanted are 20 % \(\d+ of \d+ at/);
      expect(told?.value).toBeCloseTo(0.3, 1);
    });

    it('holds though the share is the wanted one again, until a person resumes it', () => {
      const all = looks(mended(1), moments);
      const from = routing(all).indexOf('ROUTING');
      expect(from).toBeGreaterThan(0);
      expect(all.slice(from).every(({ decision }) => decision === 'hold')).toBe(true);
      expect(routing(all).at(-1)).toBe('ROUTING');
    });

    it('is not held again for what was before a resume', () => {
      const all = resumed(1);
      const after = all.findIndex(({ atMs }) => atMs >= resumedAtMs);
      expect(routing(all)[after - 1]).toBe('ROUTING');
      expect(routing(all)[after]).toBe('WARMING_UP');
      expect(routing(all).slice(after)).not.toContain('ROUTING');
      expect(all.at(-1)?.decision).toBe('advance');
    });

    it('is held again when the share is still wrong after a resume', () => {
      const after = routing(resumed(1.5)).slice(moments.findIndex((ms) => ms >= resumedAtMs));
      expect(after.slice(0, 2)).toEqual(['WARMING_UP', 'WARMING_UP']);
      expect(after.at(-1)).toBe('ROUTING');
    });

    it('a resume from before it changes nothing', () => {
      const early = FIRST_MS + 1_000;
      expect(routing(resumed(1, early))).toEqual(routing(looks(mended(1), moments)));
    });

    it('goes on where a memory of an earlier version was held for good', () => {
      const w = mended(1);
      const [held] = looks(w, [FIRST_MS + 200_000]);
      const { state, last } = (held?.state ?? {}) as unknown as { state: PackedState; last: LastLook };
      expect(last.decision.code).toBe('ROUTING');
      const { seen: _seen, ...routingThen } = state.routing;
      const { achieved: _achieved, resume: _resume, ...lastThen } = last;
      const earlier = { ...held?.state, state: { ...state, routing: routingThen }, last: lastThen } as JudgeState;
      const [still] = looks(w, [FIRST_MS + 215_000], { state: earlier });
      expect(still?.verdicts[0]).toMatchObject({ metric: 'routing', reason: 'ROUTING' });
      const given = { state: earlier, resumed: { id: 1, atMs: resumedAtMs } };
      expect(looks(w, [FIRST_MS + 290_000], given)[0]?.decision).toBe('advance');
    });
  });

  it('passes nothing before the step has settled', () => {
    const all = looks(world(), every(SCRAPE_MS, 4));
    expect(all.map(({ decision }) => decision)).toEqual(['hold', 'hold', 'hold', 'hold']);
    expect(all[0]?.verdicts[0]?.reason).toBe('WARMING_UP');
    expect(all[2]?.verdicts[0]).toMatchObject({
      reason: 'WARMING_UP',
      detail: expect.stringContaining('within 1m45s'),
    });
  });

  it('says that evidence is missing where scrapes come, and none can be compared', () => {
    // given the memory of a clock that was set back by an hour since
    const [before] = looks(world(), [FIRST_MS + 60_000]);
    const ahead = { ...before?.state, judgedIndex: Math.floor((FIRST_MS + 3_600_000) / SCRAPE_MS) } as JudgeState;
    // when
    const [settling, later] = [100_000, 120_000].map((ms) => looks(world(), [FIRST_MS + ms], { state: ahead })[0]);
    // then
    expect([settling?.decision, settling?.verdicts[0]?.reason]).toEqual(['hold', 'WARMING_UP']);
    expect([later?.decision, later?.verdicts[0]?.reason]).toEqual(['hold', 'NO_DATA']);
  });

  it('rolls back a canary of which nothing is scraped for five minutes, while stable is', () => {
    const w = world();
    const lastMs = FIRST_MS + 60_000;
    const gone = play(w).map((one) =>
      one.cluster === 'canary' ? { ...one, points: one.points.filter(([tMs]) => tMs < lastMs) } : one,
    );
    const at = (nowMs: number) => {
      const counters = {
        kind: 'ok' as const,
        series: gone.map((one) => ({ ...one, points: one.points.filter(([t]) => t <= nowMs) })),
      };
      return looks(w, [nowMs], { counters })[0]?.decision;
    };
    expect([at(lastMs + 270_000), at(lastMs + 310_000)]).toEqual(['hold', 'rollback']);
  });

  it('concludes the same from the same samples, whoever looks and however seldom', () => {
    const w = world({ canaryRate: (s) => (s > 100 ? 0.012 : 0.005) });
    const stateAt = (moments: readonly number[]) => looks(w, moments).at(-1);
    const endMs = FIRST_MS + 560_000;
    const often = stateAt([...every(SCRAPE_MS, 37).filter((ms) => ms < endMs), endMs]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 550 }), { minLength: 1, maxLength: 20 }), (seconds) => {
        const moments = seconds.toSorted((a, b) => a - b).map((s) => FIRST_MS + s * 1_000);
        // Looks before and after a step began know different ramps; the cells that both judge are the same.
        const other = stateAt([FIRST_MS + 500, ...moments, endMs]);
        expect(other?.state).toEqual(often?.state);
        expect(other?.decision).toBe(often?.decision);
      }),
      { numRuns: 15 },
    );
  });

  it('drops samples that come after their cell was judged, and counts them', () => {
    const w = world();
    const all = play(w);
    const cut = FIRST_MS + 120_000;
    const lateFrom = (nowMs: number, state: JudgeState | null, includeLate: boolean) =>
      looks(w, [nowMs], {
        state,
        counters: {
          kind: 'ok',
          series: all.map((one) => ({
            ...one,
            points: one.points.filter(([t]) => t <= nowMs && (includeLate || one.proxy !== 'p2' || t < cut - 30_000)),
          })),
        },
      })[0]?.state as JudgeState & { late: number; state: unknown };
    const early = lateFrom(cut + 15_000, null, false);
    const again = lateFrom(cut + 15_000, early, true);
    expect([early.late, again.late]).toEqual([0, 1]);
    expect(again.state).toEqual(early.state);
    expect(lateFrom(cut + 15_000, again, true).late).toBe(1);
  });

  it('shows how they compare as unsurely as errors come in bursts', () => {
    const at = { step: 0, atMs: 0, cause: 'error-rate', together: 0, power: 1, alpha: 0.01 };
    const none = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };
    const errors = { canary: { bad: 40, total: 1_000 }, stable: { bad: 90, total: 9_000 } };
    const counts = { 'error-rate': errors, latency: none, 'retried-5xx': none, 'resets-timeouts': none };
    const lnE = { 'error-rate': 0, latency: null, 'retried-5xx': 0, 'resets-timeouts': 0, combined: 0, srm: 0 };
    const decision = { kind: 'advance', code: 'OK', reason: '' } as const;
    const shown = (phi: number) => {
      const dispersed = { 'error-rate': phi, latency: 1, 'retried-5xx': 1, 'resets-timeouts': 1 };
      const ramp = [{ share: 0.1, committedAtMs: 0, liveAtMs: 0 }];
      const input = { nowMs: 0, scrapeMs: SCRAPE_MS, ramp } as unknown as JudgeInput;
      return describeLook({ ...at, counts, lnE, decision, phi: dispersed }, input).verdicts[0];
    };
    const [even, bursts] = [shown(1), shown(8)];
    expect([even?.ratio?.point, bursts?.ratio?.point]).toEqual([4, 4]);
    expect(even?.ratio?.low).toBeGreaterThan(1);
    expect(bursts?.ratio?.low).toBeLessThan(even?.ratio?.low ?? 0);
    expect([even?.dispersion, bursts?.dispersion]).toEqual([1, 8]);
  });

  it.each<[string, boolean, World, PlanSpec]>([
    [
      'a canary that is a little worse',
      false,
      world({ canaryRate: (s) => (s > 100 ? 0.006 : 0.005) }),
      planOf([errorRate, latency]),
    ],
    [
      'one over its ceiling, where stable is not',
      true,
      world({ stableRate: 0.02, canaryRate: () => 0.06 }),
      planOf([{ ...errorRate, ceiling: 0.03 }], { judge: { name: 'sequential', margin: 4 } }),
    ],
    [
      'one over its ceiling, as stable is',
      false,
      world({ canaryRate: () => 0.005 }),
      planOf([{ ...errorRate, ceiling: 0.002 }]),
    ],
    [
      'one that is worse and harmless',
      false,
      world({ canaryRate: () => 0.025 }),
      planOf([{ ...errorRate, floor: 0.1 }]),
    ],
    ['one that sends people away', false, world({ canaryRate: () => 0.03, limited: true }), planOf([errorRate])],
    [
      'one that sends people away where that is a failure',
      true,
      world({ canaryRate: () => 0.03, limited: true }),
      planOf([{ ...errorRate, count: ['5xx', '429'] }]),
    ],
    [
      'one that is judged by rules of its own',
      true,
      world({ canaryRate: () => 0.02 }),
      planOf([errorRate], { judge: { name: 'sequential', alpha: 0.05, margin: 1.1, mde: 3 } }),
    ],
    [
      'steps with analyses of their own',
      false,
      world({ canaryRate: (s) => (s > 300 ? 0.006 : 0.005), slow: 0.06 }),
      planOf([errorRate], {
        strategy: {
          name: 'inline',
          steps: [
            planStep({ weight: 500, analysis: [{ ...errorRate, name: 'strict', ceiling: 0.02 }] }),
            planStep({ weight: 2_000, analysis: [{ ...latency, warmupMs: 0 }] }),
          ],
        },
      }),
    ],
    [
      'one on too little traffic to be sure, where the last step leaves nothing to compare with',
      false,
      world({ rps: 12 }),
      planOf([errorRate], {
        strategy: { name: 'inline', steps: [500, 2_000, 10_000].map((weight) => planStep({ weight })) },
      }),
    ],
  ])('decides as a replay of what was recorded: %s', (_what, goesBack, w, spec) => {
    const nowMs = FIRST_MS + 1_000 + 35 * SCRAPE_MS;
    const all = looks(w, every(SCRAPE_MS, 36), {}, spec);
    const ticks = new Map(replayed(w, spec, nowMs).map((tick) => [tick.t, tick]));
    const compared = all.flatMap(({ state }) => {
      const { last = null } = (state ?? {}) as { last?: LastLook | null };
      const tick = last === null ? undefined : ticks.get(last.atMs);
      return last === null || tick === undefined ? [] : [{ last, tick }];
    });
    expect(compared.length).toBeGreaterThan(5);
    for (const { last, tick } of compared) {
      expect([tick.t, tick.decision]).toEqual([last.atMs, onward(last.decision.kind)]);
      expect((tick.lnE as LogEvidence).combined).toBeCloseTo(last.together, 6);
    }
    const ended = [...ticks.values()].at(-1)?.decision === 'rollback';
    expect(all.some(({ decision }) => decision === 'rollback')).toBe(ended);
    expect(ended).toBe(goesBack);
  });

  it.each([
    ['', { name: 'sequential' }, 10],
    [', and where steps may be skipped', { name: 'sequential', skipAfterMs: 600_000 }, 5],
  ] as const)('remembers less than 16 KiB, however many Envoys, steps and edges%s', (_, judge, starts) => {
    const edges = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];
    const steps = 12;
    const growing = (ms: number) => (ms < FIRST_MS ? 0 : 0.03 * (1 + Math.floor((ms - FIRST_MS) / 90_000)));
    const w = world({ proxies: 20, scrapes: HISTORY + 72, share: growing });
    const nowMs = FIRST_MS + steps * 90_000;
    const series = play(w)
      .flatMap((one) =>
        one.family === 'upstream_rq_time_bucket' && one.label === '250'
          ? edges.map((edge) => ({ ...one, label: `${edge}` }))
          : [one],
      )
      .map((one) => ({ ...one, points: one.points.filter(([t]) => t <= nowMs) }));
    const ramp = Array.from({ length: steps }, (_, i): RampStep => {
      const committedAtMs = FIRST_MS + i * 90_000;
      return { share: 0.03 * (i + 1), committedAtMs, liveAtMs: committedAtMs + 200 };
    });
    const plan = planOf(
      [
        { ...errorRate, ceiling: 0.9, floor: 0.9 },
        { ...latency, ceiling: 0.9 },
      ],
      {
        judge,
        strategy: {
          name: 'inline',
          steps: Array.from({ length: 50 }, (_, i) => planStep({ weight: Math.min(300 * (i + 1), 9_000 + i) })),
        },
      },
    );
    const [look] = looks(w, [nowMs], {
      ...{ plan: judgedPlan(plan), ramp },
      counters: { kind: 'ok', series },
    });
    const remembered = look?.state as unknown as { state: PackedState };
    expect(remembered.state.activations.length).toBe(steps);
    expect(remembered.state.edges.length).toBe(8);
    expect(remembered.state.errors.test.starts).toBe(starts);
    const most = Array.from({ length: 200 }, (_, i) => ({ envoy: `edge-${i}`, canary: 9e7, stable: 9e8 }));
    const routing = { ...remembered.state.routing, envoys: packEnvoys(addEnvoys([], most, placesFor(starts))) };
    const { last: told } = (look?.state ?? {}) as { last?: object };
    const last = { ...told, decision: { code: 'ROUTING', reason: 'r'.repeat(450) } };
    const state = { ...look?.state, last, state: { ...remembered.state, routing } };
    expect(JSON.stringify({ judge: 'plan', state }).length).toBeLessThan(16 * 1_024);
  });
});

describe('a person who goes back', () => {
  const S = 1_000;
  /** 5 %, 20 %, then 5 % again and 20 % again, five minutes each. */
  const stretches = [0.05, 0.2, 0.05, 0.2].map((own, i) => ({ share: own, atMs: FIRST_MS + i * STEP_MS }));
  const shareOf = (ms: number): number => stretches.findLast(({ atMs }) => atMs <= ms)?.share ?? 0;
  const rampOf = (nowMs: number): readonly RampStep[] =>
    stretches
      .filter(({ atMs }) => atMs <= nowMs)
      .map(({ share: own, atMs }) => ({ share: own, committedAtMs: atMs, liveAtMs: atMs + 200 }));
  const moments = Array.from({ length: 80 }, (_, i) => FIRST_MS + (i + 1) * SCRAPE_MS);
  const gone = (w: Partial<World>): readonly Look[] =>
    looks(world({ share: shareOf, scrapes: HISTORY + 90, ...w }), moments, (nowMs) => {
      const ramp = rampOf(nowMs);
      return { ramp, liveAtMs: ramp.at(-1)?.liveAtMs ?? nowMs };
    });

  it('has the step judged anew: what was seen at that weight before lets nothing go on', () => {
    const seen = gone({});
    for (const { atMs: beganMs } of stretches) {
      const own = seen.filter(({ atMs }) => atMs > beganMs && atMs < beganMs + STEP_MS);
      const [first] = own;
      expect([first?.decision, first?.verdicts[0]?.verdict]).toEqual(['hold', 'inconclusive']);
      // then: it goes on when there is something of its own, and counts from its own beginning
      const last = own.at(-1);
      expect(last?.decision).toBe('advance');
      expect(last?.verdicts[0]?.requests).toBeLessThan((0.2 * 200 * STEP_MS) / S);
    }
    expect(seen.map(({ decision }) => decision)).not.toContain('rollback');
  });

  it('spends no part of the error twice: the parts of a plan of two steps are two, however often it goes back', () => {
    const memory = gone({}).at(-1)?.state as { readonly state: PackedState } | undefined;
    if (memory === undefined) throw new Error('it remembers nothing');
    const { errors, activations } = unpackState(memory.state);
    expect(errors.test.levels).toHaveLength(2);
    expect(activations.length).toBeGreaterThan(2);
    expect([...activations]).toEqual(activations.toSorted((a, b) => a - b));
  });

  it('is sent back all the same where the canary is worse by then', () => {
    const seen = gone({ canaryRate: (s) => (s < (2 * STEP_MS) / S ? 0.005 : 0.08) });
    const firstMs = seen.find(({ decision }) => decision === 'rollback')?.atMs ?? 0;
    expect(firstMs).toBeGreaterThan(FIRST_MS + 2 * STEP_MS);
  });

  it('from all requests: the stretch without stable is held against no share', () => {
    const all = [
      { share: 0.2, atMs: FIRST_MS },
      { share: 1, atMs: FIRST_MS + STEP_MS },
      { share: 0.2, atMs: FIRST_MS + 2 * STEP_MS },
    ];
    const w = world({
      share: (ms) => all.findLast(({ atMs }) => atMs <= ms)?.share ?? 0,
      scrapes: HISTORY + 70,
    });
    const split = moments.filter((ms) => ms < FIRST_MS + STEP_MS || ms > FIRST_MS + 2 * STEP_MS).slice(0, 40);
    const seen = looks(w, split, (nowMs) => {
      const ramp = all
        .filter(({ atMs }) => atMs <= nowMs)
        .map(({ share: own, atMs }) => ({ share: own, committedAtMs: atMs, liveAtMs: own === 1 ? null : atMs + 200 }));
      return { ramp, liveAtMs: ramp.at(-1)?.liveAtMs ?? nowMs };
    });
    expect(seen.flatMap(({ verdicts }) => verdicts.map(({ reason }) => reason))).not.toContain('ROUTING');
    expect(seen.map(({ decision }) => decision)).not.toContain('rollback');
    expect(seen.at(-1)?.decision).toBe('advance');
  });
});
