import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessBake, bakeFromMs, isComparable } from '../../../../src/core/analysis/bake/bake-judge.ts';
import type { Bake, JudgeInput, JudgeOutcome, JudgeState } from '../../../../src/core/analysis/judge.ts';
import { HISTORY_MS } from '../../../../src/core/analysis/sequential/cell-walk.ts';
import type { AnalysisSpec } from '../../../../src/core/model/analysis-spec.ts';
import { FIRST_MS, HISTORY, play, SCRAPE_MS, type World } from '../played-counters.ts';

const errorRate: AnalysisSpec = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null };
const latency: AnalysisSpec = { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.1, minRequests: null };
const SCRAPES = 60;
/** All requests go to the canary at once, from the first step of these counters on. */
const BAKE: Bake = { stableUntilMs: FIRST_MS, liveAtMs: FIRST_MS + 200, forMs: SCRAPES * SCRAPE_MS };

const world = (fields: Partial<World> = {}): World => ({
  ...{ rps: 40, proxies: 2, stableRate: 0.005, canaryRate: () => 0.005, scrapes: HISTORY + SCRAPES },
  share: (ms) => (ms < FIRST_MS ? 0 : 1),
  ...fields,
});

interface Look extends JudgeOutcome {
  readonly atMs: number;
}

/** Each look is given only what Prometheus had by then, and what the look before remembered. */
function looks(w: World, moments: readonly number[], fields: Partial<JudgeInput> = {}, bake = BAKE): readonly Look[] {
  const all = play(w);
  let state: JudgeState | null = null;
  return moments.map((nowMs) => {
    const fromMs = bakeFromMs(state, bake.stableUntilMs, SCRAPE_MS);
    const seen = all.flatMap((one) => {
      const points = one.points.filter(([tMs]) => tMs >= fromMs && tMs <= nowMs);
      return points.length === 0 ? [] : [{ ...one, points }];
    });
    const input: JudgeInput = {
      analysis: [errorRate],
      judge: { name: 'sequential' },
      arms: { stable: 'stable', canary: 'canary' },
      liveAtMs: bake.liveAtMs,
      nowMs,
      scrapeMs: SCRAPE_MS,
      counters: { kind: 'ok', series: seen },
      queries: new Map(),
      proxies: Array.from({ length: w.proxies }, (_, i) => `p${i}`),
      state,
      ...fields,
    };
    const outcome = assessBake(input, bake);
    state = outcome.state === null ? null : (JSON.parse(JSON.stringify(outcome.state)) as JudgeState);
    return { ...outcome, atMs: nowMs };
  });
}

const every = (ms: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => FIRST_MS + 1_000 + i * ms);
const secondsTo = (all: readonly Look[], decision: JudgeOutcome['decision']): number | null => {
  const found = all.find((look) => look.decision === decision);
  return found === undefined ? null : Math.round((found.atMs - FIRST_MS) / 1_000);
};

describe('a bake', () => {
  it('passes nothing on nothing: no sample, an old one, or a canary without requests', () => {
    const [early] = looks(world(), every(SCRAPE_MS, 1));
    expect([early?.decision, early?.verdicts[0]?.reason]).toEqual(['hold', 'WARMING_UP']);
    const down = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' } as const;
    const [blind] = looks(world(), [FIRST_MS + 600_000], { counters: down });
    expect([blind?.decision, blind?.verdicts[0]?.reason]).toEqual(['hold', 'SOURCE_DOWN']);
    const idle = looks(
      world({ share: (ms) => (ms < FIRST_MS ? 0 : ms < FIRST_MS + 30_000 ? 1 : -1) }),
      every(SCRAPE_MS, 40),
    );
    expect([idle.at(-1)?.decision, idle.at(-1)?.verdicts[0]?.reason]).toEqual(['hold', 'TOO_FEW_REQUESTS']);
    expect(idle.some(({ decision }) => decision !== 'hold')).toBe(false);
  });

  it('a canary of which nothing is scraped any more is held, not sent back', () => {
    const w = world();
    const lastMs = FIRST_MS + 60_000;
    const series = play(w).map((one) =>
      one.cluster === 'canary' ? { ...one, points: one.points.filter(([t]) => t < lastMs) } : one,
    );
    const [look] = looks(w, [lastMs + 400_000], { counters: { kind: 'ok', series } });
    expect([look?.decision, look?.verdicts[0]?.reason]).toEqual(['hold', 'STALE']);
  });

  it('lets a canary that is as good as stable was be promoted', () => {
    const all = looks(world({ scrapes: HISTORY + SCRAPES + 8 }), every(SCRAPE_MS, SCRAPES + 6));
    expect(all.some(({ decision }) => decision === 'rollback')).toBe(false);
    expect(all.at(-1)?.decision).toBe('advance');
    expect(all.at(-1)?.verdicts[0]).toMatchObject({ metric: 'error-rate', verdict: 'pass', reason: 'OK' });
  });

  it('is not over before it was watched for all of its time: what settles, or is missing, makes it longer', () => {
    const all = looks(world({ scrapes: HISTORY + SCRAPES + 8 }), every(SCRAPE_MS, SCRAPES + 6));
    const hold = all.findLast(({ decision }) => decision === 'hold');
    expect(hold?.verdicts[0]).toMatchObject({ verdict: 'inconclusive', reason: 'WARMING_UP' });
    expect(hold?.verdicts[0]?.detail).toMatch(/14m45s of 15m were watched$/);
    expect((hold?.atMs ?? 0) - FIRST_MS).toBeGreaterThan(SCRAPES * SCRAPE_MS);
    expect(all.at(-1)?.decision).toBe('advance');
  });

  it('hardly longer than a scrape is watched for as many as could send it back', () => {
    const short = { ...BAKE, forMs: 10_000 };
    const moments = every(SCRAPE_MS, 20);
    const bad = looks(world({ canaryRate: () => 0.2 }), moments, { routeTimeoutMs: 15_000 }, short);
    expect(bad.find(({ decision }) => decision !== 'hold')?.decision).toBe('rollback');
    const good = looks(world(), moments, { routeTimeoutMs: 15_000 }, short);
    expect(good.find(({ decision }) => decision !== 'hold')?.decision).toBe('advance');
  });

  it('sends back one that begins to fail in the middle of it, and says by what and how sure it is', () => {
    const all = looks(world({ canaryRate: (s) => (s < 300 ? 0.005 : 0.05) }), every(SCRAPE_MS, SCRAPES - 2));
    expect(secondsTo(all, 'rollback')).toBeGreaterThan(300);
    expect(secondsTo(all, 'rollback')).toBeLessThan(450);
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(back?.verdicts[0]).toMatchObject({ metric: 'error-rate', verdict: 'fail', reason: 'WORSE_THAN_STABLE' });
    expect(back?.verdicts[0]?.detail).toMatch(
      /^\d+ of \d+ requests since it has all of them, stable had \d+ of \d+ before; evidence of harm .* of 100; together/,
    );
    const { value, requests, evidence } = back?.verdicts[0] ?? {};
    expect(Math.round((value ?? 0) * (requests ?? 0))).toBeGreaterThan(10);
    expect(evidence?.e).toBeGreaterThan(100);
  });

  it('one scrape never sends back, however bad', () => {
    const oneScrape = (s: number) => (s >= 300 && s < 315 ? 0.9 : 0.005);
    const all = looks(world({ canaryRate: oneScrape, proxies: 1 }), every(SCRAPE_MS, SCRAPES - 2));
    expect(all.some(({ decision }) => decision === 'rollback')).toBe(false);
    const crash = looks(world({ canaryRate: (s) => (s >= 300 ? 0.9 : 0.005) }), every(SCRAPE_MS, SCRAPES - 2));
    expect(secondsTo(crash, 'rollback')).toBeLessThan(390);
  });

  it('sees slower requests at the edge of the objective', () => {
    const all = looks(world({ slow: 0.2 }), every(SCRAPE_MS, 40), { analysis: [errorRate, latency] });
    const back = all.find(({ decision }) => decision === 'rollback');
    expect(back?.verdicts[0]).toMatchObject({ metric: 'latency', reason: 'WORSE_THAN_STABLE' });
  });

  it('sends a canary as bad as the margin allows back in one of a hundred bakes at most', () => {
    let back = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      const w = world({ rps: 10, proxies: 1, seed, stableRate: 0.02, canaryRate: () => 0.025 });
      if (looks(w, [FIRST_MS + SCRAPES * SCRAPE_MS])[0]?.decision === 'rollback') back += 1;
    }
    expect(back).toBeLessThanOrEqual(1);
  });

  it('given a stable that nobody saw, says so and leaves it to the limits of the plan', () => {
    const w = world({ share: () => 1 });
    const all = looks(w, every(SCRAPE_MS, 8));
    expect(all.every(({ decision }) => decision === 'hold')).toBe(true);
    expect(isComparable(all.at(-1)?.state ?? null)).toBe(false);
    expect(isComparable(looks(world(), every(SCRAPE_MS, 8)).at(-1)?.state ?? null)).toBe(true);
  });

  it('compares with the last time in which stable had requests, where a step at 100 % came before', () => {
    const bake = { ...BAKE, liveAtMs: FIRST_MS + 300_000 };
    const moments = [FIRST_MS + 420_000, FIRST_MS + 435_000];
    const [look] = looks(world(), moments, {}, bake);
    expect(look?.verdicts[0]).toMatchObject({ verdict: 'pass' });
    expect(look?.verdicts[0]?.baselineRequests).toBeGreaterThan(30_000);
    expect(look?.verdicts[0]?.requests).toBeLessThan(4_000);
  });

  it('concludes the same from the same samples, whoever looks and however seldom', () => {
    const w = world({ canaryRate: (s) => (s > 200 ? 0.009 : 0.005), rps: 20 });
    const endMs = FIRST_MS + 560_000;
    const often = looks(w, [...every(SCRAPE_MS, 37).filter((ms) => ms < endMs), endMs]).at(-1);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 550 }), { minLength: 1, maxLength: 8 }), (seconds) => {
        const moments = seconds.toSorted((a, b) => a - b).map((s) => FIRST_MS + s * 1_000);
        const other = looks(w, [...moments, endMs]).at(-1);
        expect(other?.state).toEqual(often?.state);
        expect(other?.decision).toBe(often?.decision);
      }),
      { numRuns: 8 },
    );
  });

  it('more failures are never less evidence, and a NaN gets nowhere', () => {
    const e = (rate: number) => {
      const look = looks(world({ rps: 20, canaryRate: () => rate }), [FIRST_MS + 200_000])[0];
      return look?.verdicts.find(({ metric }) => metric === 'error-rate')?.evidence?.e ?? Number.NaN;
    };
    const rates = [0.005, 0.02, 0.05, 0.2].map(e);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    const broken = play(world()).map((one) => ({ ...one, points: one.points.map(([t]) => [t, Number.NaN] as const) }));
    const [look] = looks(world(), [FIRST_MS + 200_000], { counters: { kind: 'ok', series: broken } });
    expect(look?.decision).toBe('hold');
  });

  it('remembers less than 16 KiB, however many Envoys and edges', () => {
    const edges = [0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000];
    const w = world({ proxies: 20 });
    for (const nowMs of [FIRST_MS + 1_000, FIRST_MS + 300_000]) {
      const series = play(w)
        .flatMap((one) =>
          one.family === 'upstream_rq_time_bucket' && one.label === '250'
            ? edges.map((edge) => ({ ...one, label: `${edge}` }))
            : [one],
        )
        .map((one) => ({ ...one, points: one.points.filter(([t]) => t <= nowMs && t >= FIRST_MS - HISTORY_MS) }));
      const [look] = looks(w, [nowMs], { analysis: [errorRate, latency], counters: { kind: 'ok', series } });
      expect(look?.state).not.toBeNull();
      expect(JSON.stringify({ judge: 'plan', state: look?.state }).length).toBeLessThan(16 * 1_024);
    }
  });
});
