import { countsAt, edgeOf, type Histogram, histogramOf, NO_HISTOGRAM } from './histogram.ts';
import type { ArmScrape, ProxyScrape } from './scrape.ts';

/** By how much the counters of one arm grew between two scrapes of one proxy. */
export interface ArmGrowth {
  /** Final answers by class. */
  readonly classes: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  /** All final answers. */
  readonly completed: number;
  /** Attempts that were not retries; `null`: not known. */
  readonly started: number | null;
  readonly retried: number;
  readonly resets: number;
  readonly timeouts: number;
  /** Requests that took a measurable time. */
  readonly timed: number;
  /** Of them, those within each edge. */
  readonly within: Histogram;
}

const SINGLE = ['completed', 'total', 'retry_5xx', 'retry', 'rx_reset', 'timeout', 'per_try_timeout'] as const;

/** What a scrape shows of one arm, with its histogram. */
export interface Counters {
  readonly arm: ArmScrape;
  readonly within: Histogram;
}

export function countersOf(arm: ArmScrape): Counters {
  const { le, histogram } = arm;
  if (histogram !== undefined) return { arm, within: histogram };
  if (le === undefined) return { arm, within: NO_HISTOGRAM };
  return { arm, within: histogramOf(Object.entries(le).map(([label, value]) => [edgeOf(label), value])) };
}

/** Seconds of uptime are whole, and a scrape takes a moment. */
const UPTIME_SLACK_MS = 2_000;

/** Did the process restart between two scrapes? `null`: the scrapes do not say. */
export function restarted(before: ProxyScrape, now: ProxyScrape, elapsedMs: number): boolean | null {
  const epochs = before.epoch !== undefined && now.epoch !== undefined;
  if (epochs && before.epoch !== now.epoch) return true;
  if (before.uptime !== undefined && now.uptime !== undefined) {
    // After a long gap a new process may be older than the one before was.
    return now.uptime < before.uptime || now.uptime * 1_000 + UPTIME_SLACK_MS < elapsedMs;
  }
  return epochs ? false : null;
}

/** Without uptime and epoch it takes every counter of a proxy to tell a restart. */
export function everythingFell(pairs: readonly (readonly [before: Counters, now: Counters | null])[]): boolean {
  let had = false;
  for (const [before, now] of pairs) {
    for (const [was, is] of counted(before, now)) {
      if (was <= 0) continue;
      if (is >= was) return false;
      had = true;
    }
  }
  return had;
}

/** Every counter that was there, with what it is now; 0: it is gone. */
function counted({ arm, within }: Counters, now: Counters | null): (readonly [was: number, is: number])[] {
  const all: (readonly [number, number])[] = [];
  for (const family of ['rq_xx', 'rq'] as const) {
    const [had = {}, has = {}] = [arm[family], now?.arm[family]];
    for (const label in had) all.push([had[label] ?? 0, has[label] ?? 0]);
  }
  const left = countsAt(now?.within ?? NO_HISTOGRAM, within.edges);
  for (const [i, count] of within.counts.entries()) all.push([count, left[i] ?? 0]);
  for (const name of SINGLE) all.push([arm[name] ?? 0, now?.arm[name] ?? 0]);
  return all;
}

/**
 * `null`: classes or histogram fell without a restart. A changed cluster begins them anew one by one, so that stretch
 * says nothing (`judging.md` §2.0). `before: null`: the arm was not there, and began at 0.
 */
export function armGrowth(before: Counters | null, now: Counters, anew: boolean): ArmGrowth | null {
  if (!anew && before !== null && fell(before, now)) return null;
  const base = anew ? null : before;
  const of = (name: (typeof SINGLE)[number]) => grown(base?.arm[name], now.arm[name] ?? 0);
  const classes = grownBy(base?.arm.rq_xx, now.arm.rq_xx);
  let completed = 0;
  for (const label in classes) completed += classes[label] ?? 0;
  const { edges, counts } = now.within;
  const were = base === null ? null : countsAt(base.within, edges);
  const grew = counts.map((count, i) => grown(were?.[i], count));
  // Whose arm was not there had no request under way; of a process that was, nobody knows.
  const activeBefore = anew || before === null ? 0 : (before.arm.active ?? null);
  return {
    classes,
    codes: grownBy(base?.arm.rq, now.arm.rq),
    completed,
    started: startedOf(now.arm, of('total'), of('retry'), completed, activeBefore),
    retried: Math.max(of('retry_5xx'), of('retry')),
    resets: of('rx_reset'),
    timeouts: of('timeout'),
    timed: edges.at(-1) === Number.POSITIVE_INFINITY ? (grew.at(-1) ?? 0) : 0,
    within: { edges, counts: grew },
  };
}

function fell(before: Counters, now: Counters): boolean {
  const { rq_xx: had = {} } = before.arm;
  for (const label in had) if ((now.arm.rq_xx?.[label] ?? 0) < (had[label] ?? 0)) return true;
  const { edges, counts } = before.within;
  const are = countsAt(now.within, edges);
  return counts.some((count, i) => (are[i] ?? 0) < count);
}

/** A counter that fell all the same began anew. */
function grown(base = 0, value: number): number {
  return value >= base ? value - base : value;
}

type Labelled = Readonly<Record<string, number>>;

function grownBy(before: Labelled = {}, now: Labelled = {}): Labelled {
  const more: Record<string, number> = {};
  for (const label in now) more[label] = grown(before[label], now[label] ?? 0);
  return more;
}

/** A retry is another attempt of a request that was started before. */
function startedOf(
  now: ArmScrape,
  total: number,
  retries: number,
  completed: number,
  activeBefore: number | null,
): number | null {
  if (now.total !== undefined) return Math.max(0, total - retries);
  if (now.active === undefined || activeBefore === null) return null;
  return Math.max(0, completed + now.active - activeBefore);
}
