import type { CounterSeries, JudgeInput, JudgeState } from '../../../src/core/analysis/judge.ts';
import { assessSequential, sequentialFromMs } from '../../../src/core/analysis/sequential/live-judge.ts';
import type { JudgedPlan } from '../../../src/core/analysis/sequential/plan-settings.ts';
import { createRandom } from '../../../src/core/simulation/random.ts';
import { binomial } from '../../../src/core/simulation/sampling.ts';

const SCRAPE_MS = 15_000;
const HISTORY = 60;
const WARM = 200;
const LOOKS = 400;
const EDGES = ['100', '250', '500'];
const REQUESTS = 1_500;
const SHARE = 0.2;
const ARMS = { stable: 'stable', canary: 'canary' };

/** CPU of one look of a live rollout, from the samples to what is remembered as JSON; without and with the check of each Envoy. */
export interface LookCost {
  readonly envoys: number;
  readonly ms: number;
  readonly uncheckedMs: number;
}

export function lookCost(envoys: number): LookCost {
  const series = scraped(envoys);
  return { envoys, ms: cpuMs(series, envoys, false), uncheckedMs: cpuMs(series, envoys, true) };
}

function cpuMs(series: readonly CounterSeries[], envoys: number, sticky: boolean): number {
  const committedAtMs = HISTORY * SCRAPE_MS;
  const plan: JudgedPlan = {
    analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null }],
    steps: [{ weight: SHARE * 10_000, holdMs: 1e9, analysis: [], pinned: false, sticky }],
    ...{ judge: {}, deadlineMs: 1e10, onInconclusive: 'hold' },
  };
  let state: JudgeState | null = null;
  let [spentUs, looks] = [0, 0];
  for (let i = 0; i < WARM + LOOKS; i += 1) {
    const nowMs = committedAtMs + (i + 6) * SCRAPE_MS;
    const fromMs = sequentialFromMs(state, committedAtMs, SCRAPE_MS);
    const input: JudgeInput = {
      ...{
        analysis: plan.analysis,
        judge: { name: 'sequential' },
        arms: ARMS,
        plan,
        state,
        nowMs,
        scrapeMs: SCRAPE_MS,
      },
      liveAtMs: committedAtMs + 200,
      counters: { kind: 'ok', series: since(series, fromMs, nowMs) },
      queries: new Map(),
      proxies: Array.from({ length: envoys }, (_, p) => `envoy-${p}`),
      ramp: [{ share: SHARE, committedAtMs, liveAtMs: committedAtMs + 200 }],
    };
    const before = process.cpuUsage();
    const outcome = assessSequential(input);
    const text = JSON.stringify(outcome.state);
    const { user, system } = process.cpuUsage(before);
    // What comes back from the store is not what was handed over.
    state = JSON.parse(text) as JudgeState;
    if (i < WARM) continue;
    spentUs += user + system;
    looks += 1;
  }
  return Math.round(spentUs / looks) / 1_000;
}

function since(series: readonly CounterSeries[], fromMs: number, toMs: number): readonly CounterSeries[] {
  return series.map((one) => {
    const first = Math.max(0, Math.ceil(fromMs / SCRAPE_MS) - 1);
    return {
      ...one,
      points: one.points.slice(first, Math.floor(toMs / SCRAPE_MS)).filter(([t]) => t >= fromMs && t <= toMs),
    };
  });
}

/** Each Envoy is scraped once in an interval, with all that a live look asks for. */
function scraped(envoys: number): readonly CounterSeries[] {
  const random = createRandom(envoys);
  const scrapes = HISTORY + WARM + LOOKS + 10;
  return Array.from({ length: envoys }, (_, p) => p).flatMap((p) => {
    const proxy = `envoy-${p}`;
    const atMs = (i: number) => i * SCRAPE_MS + 1_000 + (p * 9_000) / envoys;
    const counter = (cluster: string, family: CounterSeries['family'], label: string, values: readonly number[]) => {
      return { proxy, cluster, family, label, points: values.map((value, i) => [atMs(i), value] as const) };
    };
    const growing = (mean: number, share: number): readonly number[] => {
      let sum = 0;
      return Array.from({ length: scrapes }, () => (sum += binomial(random, mean, share)));
    };
    const arm = (cluster: string, from: number, part: number): CounterSeries[] => {
      const own = Math.round(REQUESTS * part);
      const of = (share: number) => growing(own, share).map((value, i) => (i < from ? 0 : value));
      const [good, bad] = [of(0.99), of(0.01)];
      const all = good.map((value, i) => value + (bad[i] ?? 0));
      return [
        ...[counter(cluster, 'upstream_rq_xx', '2', good), counter(cluster, 'upstream_rq_xx', '5', bad)],
        ...(['upstream_rq_completed', 'upstream_rq_total'] as const).map((name) => counter(cluster, name, '', all)),
        ...(['upstream_rq_active', 'upstream_rq_timeout', 'upstream_rq_retry'] as const).map((name) =>
          counter(
            cluster,
            name,
            '',
            all.map(() => 0),
          ),
        ),
        ...EDGES.map((edge, k) =>
          counter(
            cluster,
            'upstream_rq_time_bucket',
            edge,
            all.map((n) => Math.floor(n * (1 - 0.1 / (k + 1)))),
          ),
        ),
        counter(cluster, 'upstream_rq_time_bucket', '+Inf', all),
      ];
    };
    const uptime = counter(
      '',
      'server_uptime',
      '',
      Array.from({ length: scrapes }, (_, i) => 100 + i * 15),
    );
    return [uptime, ...arm('stable', 0, 1 - SHARE), ...arm('canary', HISTORY, SHARE)];
  });
}
