import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CounterSeries, JudgeInput, JudgeState } from '../../../../src/core/analysis/judge.ts';
import { parseRecording } from '../../../../src/core/analysis/recording/parse-recording.ts';
import { replay } from '../../../../src/core/analysis/recording/replay.ts';
import { judgeLine } from '../../../../src/core/analysis/sequential/judge-line.ts';
import { assessSequential } from '../../../../src/core/analysis/sequential/live-judge.ts';
import type { Scrape } from '../../../../src/core/analysis/sequential/scrape.ts';
import type { SequentialSettings } from '../../../../src/core/analysis/sequential/settings.ts';
import { type SequentialState, startJudging } from '../../../../src/core/analysis/sequential/state.ts';
import { walk } from '../../../../src/core/analysis/sequential/walk.ts';
import { type Did, judgeAll, SCRAPE_MS, settings, Tape } from './tape.ts';

type Fleet = Readonly<Record<string, { readonly stable: Did; readonly canary: Did }>>;

const HISTORY = 6;
const did = fc.record({
  ok: fc.integer({ min: 0, max: 60 }),
  bad: fc.integer({ min: 0, max: 6 }),
  slow: fc.integer({ min: 0, max: 6 }),
});
const proxies = fc.array(fc.record({ stable: did, canary: did }), { minLength: 1, maxLength: 4 });
const fleets = fc.array(proxies, { minLength: 4, maxLength: 9 });

const named = (all: readonly { readonly stable: Did; readonly canary: Did }[]): Fleet =>
  Object.fromEntries(all.map((arms, i) => [`p${i}`, arms]));

function scrapesOf(lines: readonly Fleet[]): readonly Scrape[] {
  const names = [...new Set(lines.flatMap(Object.keys))];
  const calm = Object.fromEntries(names.map((name) => [name, { stable: { ok: 100, bad: 1 } }]));
  const tape = new Tape().times(HISTORY, 0, calm);
  for (const line of lines) tape.add(10, line);
  return tape.scrapes;
}

const judge = (scrapes: readonly Scrape[], asked?: SequentialSettings) => judgeAll(scrapes, HISTORY, asked);

describe('evidence of harm', () => {
  /** One good answer of the canary that was a failure instead. */
  const worse = (lines: readonly Fleet[], at: number, proxy: string): readonly Fleet[] =>
    lines.map((line, i) => {
      const arms = line[proxy];
      if (i !== at || arms === undefined) return line;
      const { ok = 0, bad = 0, ...rest } = arms.canary;
      return ok === 0 ? line : { ...line, [proxy]: { ...arms, canary: { ...rest, ok: ok - 1, bad: bad + 1 } } };
    });
  const case_ = fc.tuple(fleets, fc.nat(), fc.nat()).map(([all, line, proxy]) => {
    const lines = all.map(named);
    return { lines, at: line % lines.length, proxy: `p${proxy % (all[line % all.length]?.length ?? 1)}` };
  });

  it('never falls, at any later look, for one more failure of the canary', () => {
    fc.assert(
      fc.property(case_, ({ lines, at, proxy }) => {
        const [before, after] = [judge(scrapesOf(lines)), judge(scrapesOf(worse(lines, at, proxy)))];
        for (const [i, { lnE, state }] of before.entries()) {
          expect(after[i]?.lnE['error-rate']).toBeGreaterThanOrEqual(lnE['error-rate'] - 1e-9);
          expect(after[i]?.state.combined.raw).toBeGreaterThanOrEqual(state.combined.raw - 1e-9);
        }
      }),
    );
  });

  it('and neither does the clipped sum that decides, at the look that has the failure', () => {
    fc.assert(
      fc.property(case_, ({ lines, proxy }) => {
        const last = lines.length - 1;
        const [before, after] = [judge(scrapesOf(lines)), judge(scrapesOf(worse(lines, last, proxy)))];
        expect(after.at(-1)?.lnE.combined).toBeGreaterThanOrEqual((before.at(-1)?.lnE.combined ?? 0) - 1e-9);
      }),
    );
  });

  it('is the same to the bit in whatever order the proxies stand', () => {
    const turned = fc.tuple(fleets, fc.infiniteStream(fc.nat()));
    fc.assert(
      fc.property(turned, ([all, order]) => {
        const scrapes = scrapesOf(all.map(named));
        const shuffled = scrapes.map((scrape) => {
          const entries = Object.entries(scrape.proxies).map((entry) => [order.next().value as number, entry] as const);
          return {
            ...scrape,
            proxies: Object.fromEntries(entries.sort(([a], [b]) => a - b).map(([, entry]) => entry)),
          };
        });
        expect(judge(shuffled)).toEqual(judge(scrapes));
      }),
      { numRuns: 50 },
    );
  });
});

describe('the bound', () => {
  const REQUESTS = 2;
  /** Chance of so many failures among `REQUESTS`. */
  const chance = (bad: number, rate: number) => [(1 - rate) ** 2, 2 * rate * (1 - rate), rate ** 2][bad] ?? 0;

  /** Sums what decides over every outcome of some scrapes, each with its probability. */
  function expected(canaryRate: number, stableRate: number, scrapes: number): number {
    const asked = settings({ steps: [{ weight: 50, holdMs: 0, pinned: false, sticky: false }] });
    const quiet = { p1: { stable: { ok: 0 }, canary: { ok: 0 } } };
    // Nothing happens until the step has settled, so that every request counts.
    const tape = (outcomes: readonly (readonly [number, number])[]) => {
      const all = new Tape().times(2, 0, quiet).times(4, 50, quiet);
      for (const [c, s] of outcomes) {
        const arm = (bad: number): Did => ({ ok: REQUESTS - bad, bad });
        all.add(50, { p1: { stable: arm(s), canary: arm(c) } });
      }
      return all.scrapes;
    };
    let sum = 0;
    const spread = (before: readonly (readonly [number, number])[], probability: number): void => {
      if (before.length === scrapes) {
        const { read } = walk(asked);
        let state: SequentialState = startJudging(asked);
        for (const scrape of tape(before)) state = judgeLine(asked, state, read(scrape)).state;
        sum += probability * Math.exp(state.combined.logE);
        return;
      }
      for (let c = 0; c <= REQUESTS; c += 1) {
        for (let s = 0; s <= REQUESTS; s += 1) {
          spread([...before, [c, s]], probability * chance(c, canaryRate) * chance(s, stableRate));
        }
      }
    };
    spread([], 1);
    return sum;
  }

  it.each([
    ['equally bad', 0.3, 0.3],
    ['as bad as the margin allows', 0.25, 0.2],
    ['better', 0.1, 0.4],
  ])('holds for the whole judge on average over every outcome of a canary that is %s', (_, canary, stable) => {
    expect(expected(canary, stable, 3)).toBeLessThanOrEqual(1 + 1e-9);
  });

  it('and is one that a worse canary exceeds', () => {
    expect(expected(0.9, 0.05, 3)).toBeGreaterThan(1);
  });
});

describe('what is no number', () => {
  const any = fc.oneof(
    fc.nat({ max: 1_000 }),
    fc.double(),
    fc.constantFrom(Number.MAX_VALUE, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 60, '1', null),
  );

  it('stops a recording at its line, or leaves nothing but numbers in what is judged of it', () => {
    const arm = fc.record({
      rq_xx: fc.record({ 2: any, 5: any }),
      timeout: any,
      total: any,
      le: fc.record({ '+Inf': any, 250: any }),
    });
    const lines = fc.array(fc.record({ stable: arm, canary: arm }), { minLength: 6, maxLength: 8 });
    const header = { plan: { steps: [{ weight: 10 }], analysis: [{ use: 'latency', with: { objective: '250ms' } }] } };
    fc.assert(
      fc.property(lines, (all) => {
        const text = all.map((p1, i) => JSON.stringify({ t: i * SCRAPE_MS, weight: 10, proxies: { p1 } }));
        // JSON has no infinity, but numbers that are read as one.
        const written = [JSON.stringify(header), ...text].join('\n').replaceAll('1.7976931348623157e+308', '1e999');
        const read = parseRecording('r', written);
        if (read.kind === 'error') return;
        for (const { lnE } of replay(read.value, 'sequential')) {
          for (const value of Object.values(lnE)) if (value !== null) expect(value).not.toBeNaN();
        }
      }),
      { numRuns: 200 },
    );
  });

  it('passes nothing on a live rollout, and is in no verdict', () => {
    const value = fc.oneof(
      fc.nat({ max: 100_000 }),
      fc.double(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -3),
    );
    const families = [
      'upstream_rq_completed',
      'upstream_rq_xx',
      'upstream_rq_time_bucket',
      'upstream_rq_timeout',
    ] as const;
    fc.assert(
      fc.property(fc.array(value, { minLength: 8 * 10, maxLength: 8 * 10 }), (values) => {
        const series = (['stable', 'canary'] as const).flatMap((cluster, c) =>
          families.map((family, f): CounterSeries => {
            const points = Array.from(
              { length: 10 },
              (_, i) => [i * SCRAPE_MS, values[(c * 4 + f) * 10 + i] ?? 0] as const,
            );
            const label = { upstream_rq_xx: '5', upstream_rq_time_bucket: '+Inf' }[family as string] ?? '';
            return { proxy: 'p1', cluster, family, label, points };
          }),
        );
        const input: JudgeInput = {
          analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null }],
          judge: { name: 'sequential' },
          arms: { stable: 'stable', canary: 'canary' },
          ...{ liveAtMs: 0, nowMs: 10 * SCRAPE_MS, scrapeMs: SCRAPE_MS, queries: new Map(), proxies: ['p1'] },
          counters: { kind: 'ok', series },
          ramp: [{ share: 0.1, committedAtMs: -1, liveAtMs: -1 }],
          state: null as JudgeState | null,
        };
        const { decision, verdicts, state } = assessSequential(input);
        if (values.some((one) => !Number.isFinite(one))) expect(decision).toBe('hold');
        expect(JSON.stringify([verdicts, state], (_, v: unknown) => (Number.isNaN(v) ? 'NaN' : v))).not.toContain(
          '"NaN"',
        );
      }),
      { numRuns: 100 },
    );
  });
});
