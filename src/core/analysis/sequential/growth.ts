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
  /** Of them, those within each finite edge, ms. */
  readonly within: ReadonlyMap<number, number>;
}

const SINGLE = ['completed', 'total', 'retry_5xx', 'retry', 'rx_reset', 'timeout', 'per_try_timeout'] as const;

type Counters = ReadonlyMap<string, number>;

/** Every counter of an arm under one name each. */
export function countersOf(arm: ArmScrape): Counters {
  const all = new Map<string, number>();
  for (const [label, value] of Object.entries(arm.rq_xx ?? {})) all.set(`xx ${label}`, value);
  for (const [label, value] of Object.entries(arm.rq ?? {})) all.set(`code ${label}`, value);
  for (const [label, value] of Object.entries(arm.le ?? {})) all.set(`le ${edgeOf(label)}`, value);
  for (const name of SINGLE) {
    const value = arm[name];
    if (value !== undefined) all.set(name, value);
  }
  return all;
}

/** Prometheus 2 keeps `250` as Envoy prints it, Prometheus 3 writes `250.0`. */
export function edgeOf(label: string): number {
  return label === '+Inf' ? Number.POSITIVE_INFINITY : Number(label);
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
export function everythingFell(pairs: readonly (readonly [before: Counters, now: Counters])[]): boolean {
  const had = pairs.flatMap(([before, now]) =>
    [...before].flatMap(([name, value]) => (value > 0 ? [(now.get(name) ?? 0) < value] : [])),
  );
  return had.length > 0 && had.every((fell) => fell);
}

/**
 * `null`: classes or histogram fell without a restart. A changed cluster begins them anew one by one, so that stretch
 * says nothing (`judging.md` §2.0).
 */
export function armGrowth(
  before: Counters,
  now: ArmScrape,
  anew: boolean,
  activeBefore: number | null,
): ArmGrowth | null {
  const counters = countersOf(now);
  if (!anew) {
    for (const [name, value] of before) {
      if (/^(xx|le) /.test(name) && (counters.get(name) ?? 0) < value) return null;
    }
  }
  const grown = new Map<string, number>();
  for (const [name, value] of counters) {
    const base = anew ? 0 : (before.get(name) ?? 0);
    grown.set(name, value >= base ? value - base : value);
  }
  const of = (name: string) => grown.get(name) ?? 0;
  const classes = labelled(grown, 'xx ');
  const completed = Object.values(classes).reduce((sum, value) => sum + value, 0);
  const within = new Map<number, number>();
  for (const [label, value] of Object.entries(labelled(grown, 'le '))) {
    if (label !== 'Infinity') within.set(Number(label), value);
  }
  return {
    classes,
    codes: labelled(grown, 'code '),
    completed,
    started: startedOf(now, grown, completed, anew ? 0 : activeBefore),
    retried: Math.max(of('retry_5xx'), of('retry')),
    resets: of('rx_reset'),
    timeouts: of('timeout'),
    timed: of('le Infinity'),
    within,
  };
}

/** A retry is another attempt of a request that was started before. */
function startedOf(now: ArmScrape, grown: Counters, completed: number, activeBefore: number | null): number | null {
  const total = grown.get('total');
  if (total !== undefined) return Math.max(0, total - (grown.get('retry') ?? 0));
  if (now.active === undefined || activeBefore === null) return null;
  return Math.max(0, completed + now.active - activeBefore);
}

function labelled(counters: Counters, prefix: string): Record<string, number> {
  const own: Record<string, number> = {};
  for (const [name, value] of counters) if (name.startsWith(prefix)) own[name.slice(prefix.length)] = value;
  return own;
}
