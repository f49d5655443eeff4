import { coverage } from './coverage.ts';
import { distinctSeries } from './increments.ts';
import type { CounterSeries, EvidenceGap, JudgeInput } from './judge.ts';

export interface Gap {
  readonly gap: EvidenceGap;
  readonly detail: string;
}

export type Samples =
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string }
  /** `thin` holds back a pass, but not a failure: what the other proxies saw did happen. */
  | { readonly kind: 'usable'; readonly series: readonly CounterSeries[]; readonly thin: Gap | null };

/** What Prometheus does by itself, and the default of serin.yaml. */
export const USUAL_SCRAPE_MS = 15_000;

/**
 * Age above which the newest sample is no evidence any more, ms. Two scrapes (at least a minute) is the outer bound;
 * a fast scrape is held to five of its own intervals, but to no less than 30 s: so much clock difference to
 * Prometheus is tolerated, and must not look like silence.
 */
export function freshForMs(scrapeMs: number): number {
  return Math.min(Math.max(2 * scrapeMs, 60_000), Math.max(5 * scrapeMs, 30_000));
}

/** Whether the samples since the step went live can carry a verdict at all. */
export function sampleHealth(input: JudgeInput): Samples {
  const { counters, arms, liveAtMs, nowMs, scrapeMs } = input;
  if (counters.kind === 'gap') {
    return counters.gap === 'NO_DATA' && warmingUp(input) ? warming(input) : counters;
  }
  const series = distinctSeries(counters.series);
  if (series === null) {
    return { kind: 'gap', gap: 'AMBIGUOUS_RESULT', detail: 'two scrape targets have the same proxy name' };
  }
  if (series.some(({ points }) => points.some(([tMs, value]) => !Number.isFinite(tMs) || !Number.isFinite(value)))) {
    return { kind: 'gap', gap: 'NOT_FINITE', detail: 'a counter is not a finite number' };
  }
  const newest = newestByProxy(series, arms.canary, liveAtMs);
  if (newest.size === 0) {
    if (warmingUp(input)) return warming(input);
    return { kind: 'gap', gap: 'NO_DATA', detail: `no sample of cluster ${arms.canary} since the step is live` };
  }
  const ageMs = nowMs - Math.max(...newest.values());
  const freshMs = freshForMs(scrapeMs);
  if (ageMs > freshMs) {
    const detail = `the newest sample is ${seconds(ageMs)} old, more than ${seconds(freshMs)}`;
    return { kind: 'gap', gap: 'STALE', detail };
  }
  const fresh = new Set([...newest].flatMap(([proxy, tMs]) => (nowMs - tMs <= freshMs ? [proxy] : [])));
  return { kind: 'usable', series, thin: coverageGap(input, fresh) };
}

function coverageGap({ proxies, arms }: JudgeInput, fresh: ReadonlySet<string>): Gap | null {
  const { covered, enough } = coverage(proxies, (proxy) => fresh.has(proxy));
  if (enough) return null;
  const unnamed = proxies.filter((proxy) => proxy === null).length;
  const why = unnamed === 0 ? '' : `; of ${unnamed} the name in Prometheus is unknown`;
  const detail = `${covered} of ${proxies.length} counted Envoys have fresh samples of cluster ${arms.canary}${why}`;
  return { gap: 'COVERAGE', detail };
}

function newestByProxy(series: readonly CounterSeries[], cluster: string, fromMs: number): Map<string, number> {
  const newest = new Map<string, number>();
  for (const one of series) {
    const tMs = one.points.at(-1)?.[0];
    if (one.cluster !== cluster || tMs === undefined || tMs < fromMs) continue;
    newest.set(one.proxy, Math.max(tMs, newest.get(one.proxy) ?? tMs));
  }
  return newest;
}

/** Until two scrapes have passed, silence is what one expects. */
function warmingUp({ nowMs, liveAtMs, scrapeMs }: JudgeInput): boolean {
  return nowMs - liveAtMs < 2 * scrapeMs;
}

function warming({ scrapeMs }: JudgeInput): Extract<Samples, { kind: 'gap' }> {
  return { kind: 'gap', gap: 'WARMING_UP', detail: `the first samples come within ${seconds(2 * scrapeMs)}` };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
