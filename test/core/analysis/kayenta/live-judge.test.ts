import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JudgeInput, JudgeOutcome, JudgeState } from '../../../../src/core/analysis/judge.ts';
import { judgeByPlan } from '../../../../src/core/analysis/judge-by-plan.ts';
import { kayentaFromMs } from '../../../../src/core/analysis/kayenta/live-judge.ts';
import type { RampStep } from '../../../../src/core/analysis/ramp.ts';
import type { AnalysisSpec } from '../../../../src/core/model/analysis-spec.ts';
import { KAYENTA_SPEC, type KayentaSpec, MOST_KAYENTA_METRICS } from '../../../../src/core/model/kayenta-spec.ts';
import { judgedPlan } from '../../../../src/core/rollout/judged-plan.ts';
import { MAX_JUDGEMENT_BYTES } from '../../../../src/core/rollout/judgement.ts';
import { planSpec, planStep } from '../../../support/rollouts.ts';
import { FIRST_MS, HISTORY, play, SCRAPE_MS, type World } from '../played-counters.ts';

/** A step of 10 %, half an hour of it, then one of 20 %; samples of half a minute, judged every five. */
const STEP_MS = 1_800_000;
const share = (ms: number): number => (ms < FIRST_MS ? 0 : ms < FIRST_MS + STEP_MS ? 0.1 : 0.2);
const world = (fields: Partial<World> = {}): World => ({
  ...{ rps: 40, proxies: 2, stableRate: 0.01, canaryRate: () => 0.01, share, scrapes: HISTORY + 100 },
  ...fields,
});
const errorRate: AnalysisSpec = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null };
const latency: AnalysisSpec = { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.1, minRequests: null };
const kayenta = (fields: Partial<KayentaSpec> = {}): KayentaSpec => ({ ...KAYENTA_SPEC, sampleMs: 30_000, ...fields });

function rampAt(nowMs: number): readonly RampStep[] {
  const at = (committedAtMs: number, own: number): RampStep[] =>
    nowMs < committedAtMs ? [] : [{ share: own, committedAtMs, liveAtMs: committedAtMs + 200 }];
  return [...at(FIRST_MS, 0.1), ...at(FIRST_MS + STEP_MS, 0.2)];
}

interface Look extends JudgeOutcome {
  readonly at: number;
}

type Told = Partial<JudgeInput> | ((nowMs: number) => Partial<JudgeInput>);

/** Looks at these seconds of the first step; each gets what Prometheus had by then, and what the look before remembered. */
function looks(w: World, seconds: readonly number[], judge: KayentaSpec = kayenta(), told: Told = {}): readonly Look[] {
  let state: JudgeState | null = null;
  return seconds.map((at) => {
    const nowMs = FIRST_MS + at * 1_000;
    const fromMs = kayentaFromMs(state, FIRST_MS, SCRAPE_MS);
    const seen = play(w).flatMap((one) => {
      const points = one.points.filter(([tMs]) => tMs >= fromMs && tMs <= nowMs);
      return points.length === 0 ? [] : [{ ...one, points }];
    });
    const steps = [planStep({ weight: 1_000 }), planStep({ weight: 2_000, holdMs: 60_000 })];
    const fields = typeof told === 'function' ? told(nowMs) : told;
    const analysis = fields.analysis ?? [errorRate];
    const ramp = rampAt(nowMs);
    const outcome = judgeByPlan.assess({
      ...{ analysis, judge, arms: { stable: 'stable', canary: 'canary' }, scrapeMs: SCRAPE_MS, nowMs },
      ...{ counters: { kind: 'ok', series: seen }, queries: new Map(), ramp, liveAtMs: ramp.at(-1)?.liveAtMs ?? nowMs },
      ...{ proxies: ['p0', 'p1'], state },
      plan: judgedPlan(planSpec({ analysis, judge, strategy: { name: 'inline', steps } })),
      ...fields,
    });
    state = outcome.state === null ? null : (JSON.parse(JSON.stringify(outcome.state)) as JudgeState);
    return { ...outcome, at };
  });
}

const every = (s: number, until: number): readonly number[] =>
  Array.from({ length: Math.floor(until / s) }, (_, i) => (i + 1) * s);
const at = (all: readonly Look[], decision: JudgeOutcome['decision']) =>
  all.flatMap((look) => (look.decision === decision ? [look.at] : []));
const down = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' } as const;

describe('missing evidence', () => {
  it('holds, however long Prometheus is away, and rolls nothing back', () => {
    const all = looks(world(), every(15, 1_200), kayenta(), { counters: down });
    expect(new Set(all.map(({ decision }) => decision))).toEqual(new Set(['hold']));
    expect(all.at(-1)?.verdicts).toMatchObject([{ metric: 'error-rate', reason: 'SOURCE_DOWN' }]);
  });

  it('holds a canary without a request, where Kayenta would fail it', () => {
    const idle = world({ share: () => 0 });
    const all = looks(idle, every(15, 1_200));
    expect(new Set(all.map(({ decision }) => decision))).toEqual(new Set(['hold']));
    expect(all.at(-1)?.verdicts[0]).toMatchObject({ metric: 'kayenta', verdict: 'inconclusive', reason: 'NO_DATA' });
  });

  it('fails such a canary where the plan wants data, and promotes none that nobody tried', () => {
    const idle = world({ share: () => 0 });
    const wanted = looks(idle, every(15, 600), kayenta({ mustHaveData: ['error-rate'] }));
    expect(at(wanted, 'rollback')[0]).toBeLessThan(400);
    const replaced = looks(idle, every(15, 600), kayenta({ nanStrategy: 'replace' }));
    expect(at(replaced, 'advance')).toEqual([]);
    expect(replaced.at(-1)?.verdicts[0]).toMatchObject({ verdict: 'inconclusive', reason: 'TOO_FEW_REQUESTS' });
  });

  it('holds for one metric without data, and what the others say weighs all the more', () => {
    const analysis = [errorRate, { ...latency, objectiveMs: 7_200_000 }];
    const weights = { groupWeights: { 'error-rate': 40, latency: 60 } };
    const good = looks(world(), every(15, 900), kayenta(weights), { analysis });
    expect(new Set(good.map(({ decision }) => decision))).toEqual(new Set(['hold']));
    expect(good.at(-1)?.verdicts[0]).toMatchObject({ reason: 'NO_DATA', value: 1 });
    const bad = looks(world({ canaryRate: () => 0.1 }), every(15, 900), kayenta(weights), { analysis });
    expect(at(bad, 'rollback').length).toBeGreaterThan(0);
  });

  it('does not go on with too few of the counted Envoys', () => {
    const all = looks(world(), every(15, 900), kayenta(), { proxies: ['p0', 'p1', 'p2'] });
    expect(at(all, 'advance')).toEqual([]);
    expect(all.some(({ verdicts }) => verdicts[0]?.reason === 'COVERAGE')).toBe(true);
  });

  it('sends back a canary that is scraped no more, while stable is', () => {
    const all = looks(world(), every(15, 900), kayenta(), (nowMs) => {
      const seen = play(world()).flatMap((one) => {
        const gone = one.cluster === 'canary' ? FIRST_MS + 120_000 : nowMs;
        const points = one.points.filter(([tMs]) => tMs >= FIRST_MS - 60_000 && tMs <= Math.min(nowMs, gone));
        return points.length === 0 ? [] : [{ ...one, points }];
      });
      return { counters: { kind: 'ok', series: seen } };
    });
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(back?.verdicts[0]).toMatchObject({ metric: 'error-rate', verdict: 'fail', reason: 'NO_DATA' });
  });
});

describe('a judgement', () => {
  it('sends back a canary that fails more often, with the score and the shift as the reason', () => {
    const all = looks(world({ canaryRate: () => 0.05 }), every(15, 900));
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(back?.at).toBeLessThan(400);
    expect(back?.verdicts).toMatchObject([
      { metric: 'kayenta', verdict: 'fail', reason: 'LIMIT_REACHED', value: 0 },
      { metric: 'error-rate', verdict: 'fail', reason: 'WORSE_THAN_STABLE' },
    ]);
    expect(back?.verdicts[0]?.detail).toMatch(
      /^score 0 of 100 \(below 75\): error-rate High; \d+ samples of each arm$/,
    );
    expect(back?.verdicts[1]?.detail).toMatch(
      /^more than stable: [\d.]+ percentage points \([\d.]+ to [\d.]+\), effect /,
    );
  });

  it('lets a good one go on at the looks that judge it, and at no other', () => {
    const all = looks(world(), every(15, 1_000));
    const onward = at(all, 'advance');
    expect(onward).toHaveLength(3);
    expect(onward[0]).toBeGreaterThanOrEqual(300);
    for (const [i, second] of onward.entries()) expect(second - (onward[i - 1] ?? 0)).toBeGreaterThanOrEqual(300);
    expect(all.find((look) => look.at === (onward[0] ?? 0) + 15)?.verdicts[0]).toMatchObject({
      ...{ verdict: 'inconclusive', reason: 'WARMING_UP' },
      detail: expect.stringMatching(/^score 100 of 100: error-rate Pass; \d+ samples of each arm; the next judgement/),
    });
  });

  it('waits for as many samples as it takes to see any difference at all', () => {
    const all = looks(world(), every(15, 700), kayenta({ sampleMs: 120_000, intervalMs: 120_000 }));
    // Five at 98 %, the first of which begins when the step has settled.
    expect(at(all, 'advance')[0]).toBeGreaterThanOrEqual(540);
    expect(all.find((look) => look.at === 300)?.verdicts[0]).toMatchObject({
      ...{ verdict: 'inconclusive', reason: 'LOW_POWER' },
      detail: expect.stringMatching(/^\d of the 5 samples that it takes/),
    });
  });

  it('comes again at the looks of a judgement that began sooner: of several backends all have to pass at one look', () => {
    const judge = kayenta({ sampleMs: 60_000 });
    const soon = at(looks(world(), every(5, 1_500), judge), 'advance');
    const later = at(looks(world(), every(5, 1_500), judge, { routeTimeoutMs: 60_000 }), 'advance');
    expect(later[0]).toBeGreaterThan(soon[0] ?? 0);
    expect(later.slice(1).filter((s) => soon.includes(s))).not.toEqual([]);
  });

  it('begins the interval anew with each step, and keeps the samples of the one before', () => {
    const all = looks(world({ scrapes: HISTORY + 180 }), every(15, 2_400));
    const later = at(all, 'advance').filter((second) => second > STEP_MS / 1_000);
    expect(later[0]).toBeGreaterThanOrEqual(STEP_MS / 1_000 + 300);
    const seen = all.find((look) => look.at === later[0])?.verdicts[1];
    expect(Number(/(\d+) samples/.exec(seen?.detail ?? '')?.[1])).toBeGreaterThan(50);
    // Requests are those of the step.
    expect(seen?.requests).toBeLessThan(40 * 0.2 * 330);
  });

  it('holds between marginal and pass, and at the end of its life goes back', () => {
    const analysis = [errorRate, latency];
    const slow = world({ slow: 0.2, scrapes: HISTORY + 200 });
    const weights = { groupWeights: { 'error-rate': 80, latency: 20 } };
    const held = looks(slow, every(15, 2_700), kayenta(weights), { analysis });
    expect(new Set(held.map(({ decision }) => decision))).toEqual(new Set(['hold']));
    expect(held.at(-1)?.verdicts[0]).toMatchObject({ reason: 'SUSPICION', value: 0.8, limit: { min: 0.95 } });
    const ended = looks(slow, every(15, 2_700), kayenta({ ...weights, lifetimeMs: 2_000_000 }), { analysis });
    expect(at(ended, 'rollback')[0]).toBeGreaterThan(2_000);
    expect(ended.find(({ decision }) => decision === 'rollback')?.verdicts[0]?.detail).toMatch(
      /^score 80 of 100 \(below 95/,
    );
  });

  it('does not leave the last step before the canary has lived for as long as the plan wants', () => {
    const all = looks(world({ scrapes: HISTORY + 200 }), every(15, 2_700), kayenta({ lifetimeMs: 2_500_000 }));
    expect(at(all, 'advance').filter((second) => second > STEP_MS / 1_000)[0]).toBeGreaterThanOrEqual(2_500);
    expect(at(all, 'advance')[0]).toBeLessThan(400);
  });

  it('fails the canary for a critical metric alone', () => {
    const analysis = [errorRate, latency];
    const slow = world({ slow: 0.2 });
    const all = looks(slow, every(15, 600), kayenta({ critical: ['latency'], marginal: 0 }), { analysis });
    expect(all.find(({ decision }) => decision === 'rollback')?.verdicts[0]?.detail).toContain(
      'latency High (critical)',
    );
  });

  it('takes no difference for one that the plan allows', () => {
    const bad = world({ canaryRate: () => 0.03 });
    const effectSize = { measure: 'meanRatio', allowedIncrease: 20, criticalIncrease: 20 } as const;
    expect(at(looks(bad, every(15, 600), kayenta({ effectSize })), 'rollback')).toEqual([]);
  });

  it('leaves a custom query its own word', () => {
    const spec: AnalysisSpec = { kind: 'query', name: 'queue', query: 'q', windowMs: 60_000, min: null, max: 3 };
    const asked = (value: number) =>
      looks(world(), every(15, 600), kayenta(), (nowMs) => ({
        analysis: [errorRate, spec],
        queries: new Map([['queue', { kind: 'ok', value, atMs: nowMs }]]),
      }));
    expect(asked(4).find(({ decision }) => decision === 'rollback')?.verdicts[0]).toMatchObject({ metric: 'queue' });
    expect(at(asked(2), 'advance')).not.toEqual([]);
  });

  it('holds the limits of the plan where one arm has all requests', () => {
    const [all] = looks(world({ canaryRate: () => 0.2 }), [300], kayenta(), { ramp: [] });
    expect(all?.verdicts[0]).toMatchObject({ metric: 'error-rate', reason: 'OVER_LIMIT', limit: { max: 0.01 } });
  });
});

describe('whoever looks', () => {
  const kept = (all: readonly Look[]) => {
    const { samples, last, startedAtMs } = (all.at(-1)?.state ?? {}) as Record<string, unknown>;
    return { samples, last, startedAtMs };
  };

  it('comes to the same samples and the same judgement, however seldom, and in whatever order the Envoys are named', () => {
    const w = world({ canaryRate: () => 0.012 });
    const often = looks(w, every(15, 900));
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 59 }), { minLength: 1, maxLength: 20 }), (some) => {
        const seconds = [...some.sort((a, b) => a - b).map((i) => i * 15), 900];
        expect(kept(looks(w, seconds))).toEqual(kept(often));
      }),
      { numRuns: 20 },
    );
    const turned = looks(w, every(15, 900), kayenta(), (nowMs) => ({
      counters: {
        kind: 'ok',
        series: [...play(w)].reverse().map((one) => ({ ...one, points: one.points.filter(([t]) => t <= nowMs) })),
      },
    }));
    expect(kept(turned)).toEqual(kept(often));
  });

  it('never lets a canary go on without fresh samples', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 40, maxLength: 60 }), (away) => {
        const all = looks(world(), every(15, away.length * 15), kayenta(), (nowMs) => {
          return away[Math.round((nowMs - FIRST_MS) / SCRAPE_MS) - 1] === true ? { counters: down } : {};
        });
        for (const [i, look] of all.entries()) if (away[i] === true) expect(look.decision).toBe('hold');
      }),
      { numRuns: 15 },
    );
  });

  it('leaves a memory of bounded size, whatever the plan asks for and how long it takes', () => {
    const analysis = Array.from({ length: MOST_KAYENTA_METRICS }, (_, i): AnalysisSpec => {
      return { ...(i % 2 === 0 ? errorRate : latency), name: `${i} ${'long name '.repeat(6)}`.slice(0, 62) };
    });
    const all = looks(world({ rps: 5, scrapes: HISTORY + 160 }), every(60, 2_300), kayenta({ sampleMs: 15_000 }), {
      analysis,
    });
    const sizes = all.map(({ state }) => JSON.stringify({ judge: 'plan', state }).length);
    expect(Math.max(...sizes)).toBeLessThan(MAX_JUDGEMENT_BYTES);
    // Of the many, so many are remembered as have room.
    expect(all.at(-1)?.state).toHaveProperty('samples.series.0.length', 50);
  });

  it('begins anew where the memory cannot be read', () => {
    const [first] = looks(world(), [300], kayenta(), { state: { judgedIndex: 'many' } });
    expect(first?.decision).toBe('hold');
  });
});
