import type { CounterSeries } from './judge.ts';

/** By how much one counter grew within the evidence. */
export interface Increment {
  readonly proxy: string;
  readonly cluster: string;
  readonly family: CounterSeries['family'];
  readonly label: string;
  readonly value: number;
}

/** They go up and down, and say nothing about growth. */
const GAUGES: ReadonlySet<CounterSeries['family']> = new Set([
  'membership_healthy',
  'upstream_rq_active',
  'server_uptime',
  'server_hot_restart_epoch',
]);

/** One counter on its way through the scrapes of its proxy. */
interface Track {
  readonly series: CounterSeries;
  /** Index of the first point that was not read yet. */
  next: number;
  /** Value at the present scrape; `null`: the series was not there. */
  current: number | null;
  previous: number;
  total: number;
}

/**
 * Growth of every counter, from its samples at or after `fromMs`. The first scrape of a proxy is the base. What is
 * missing there and appears later counts in full: Envoy creates class series and histograms at their first event.
 * A lost scrape costs nothing, since counters are cumulative; the next pair just spans longer.
 *
 * Never more than what really happened: requests between the last scrape and a restart are lost, and where a fall
 * cannot be explained by a restart that pair of that cluster is left out.
 */
export function increments(series: readonly CounterSeries[], fromMs: number): readonly Increment[] {
  const counters = series.filter(({ family }) => !GAUGES.has(family));
  return [...grouped(counters, ({ proxy }) => proxy).values()].flatMap((own) => ofProxy(own, fromMs));
}

function ofProxy(series: readonly CounterSeries[], fromMs: number): Increment[] {
  const tracks = series.map(
    (one): Track => ({ series: one, next: firstFrom(one, fromMs), current: null, previous: 0, total: 0 }),
  );
  const clusters = [...grouped(tracks, (track) => track.series.cluster).values()];
  // One scrape gives all its samples one time, so equal times are one scrape.
  const times = new Set(series.flatMap(({ points }) => points.flatMap(([tMs]) => (tMs >= fromMs ? [tMs] : []))));
  let isBase = true;
  for (const tMs of [...times].sort((a, b) => a - b)) {
    for (const track of tracks) read(track, tMs);
    const restarted = tracks.some((track) => track.series.family === 'upstream_rq_completed' && fell(track));
    for (const cluster of clusters) {
      if (!isBase) count(cluster, restarted);
      for (const track of cluster) track.previous = track.current ?? 0;
    }
    isBase = false;
  }
  return tracks.map(({ series: { proxy, cluster, family, label }, total }) => {
    return { proxy, cluster, family, label, value: total };
  });
}

/**
 * One scrape pair of one cluster. `upstream_rq_completed` falls only when the process restarted or the cluster was
 * made anew: then the present values are the growth. A fall of other series alone is a changed cluster: Envoy
 * restarts classes and histogram one by one while `completed` lives on, so the pair says nothing. A cluster absent
 * from a scrape of its proxy is gone, and counts from 0 when it returns.
 */
function count(cluster: readonly Track[], processRestarted: boolean): void {
  const falls = cluster.filter(fell);
  if (falls.length > 0 && !processRestarted) return;
  const anew = falls.some(({ series }) => series.family === 'upstream_rq_completed');
  for (const track of cluster) {
    const current = track.current ?? 0;
    // After a restart a counter may already be above its old value; the difference is then the safe lower bound.
    track.total += anew || fell(track) ? current : current - track.previous;
  }
}

function fell({ current, previous }: Track): boolean {
  return (current ?? 0) < previous;
}

function read(track: Track, tMs: number): void {
  const point = track.series.points[track.next];
  track.current = point?.[0] === tMs ? point[1] : null;
  if (track.current !== null) track.next += 1;
}

function firstFrom({ points }: CounterSeries, fromMs: number): number {
  const index = points.findIndex(([tMs]) => tMs >= fromMs);
  return index === -1 ? points.length : index;
}

/**
 * The same series may come twice, when two fleets select the same target. Copies are dropped; `null` when two
 * different targets claim one name, since their counters cannot be told apart.
 */
export function distinctSeries(series: readonly CounterSeries[]): readonly CounterSeries[] | null {
  const byName = grouped(series, ({ proxy, cluster, family, label }) => [proxy, cluster, family, label].join('\n'));
  const distinct: CounterSeries[] = [];
  for (const [first, ...rest] of byName.values()) {
    if (first === undefined) continue;
    if (rest.some((other) => !isCopy(first, other))) return null;
    distinct.push(
      rest.reduce((longest, other) => (other.points.length > longest.points.length ? other : longest), first),
    );
  }
  return distinct;
}

/** A scrape may arrive between two reads, so one copy may be longer at its end. */
function isCopy(a: CounterSeries, b: CounterSeries): boolean {
  const shared = Math.min(a.points.length, b.points.length);
  return a.points.slice(0, shared).every(([tMs, value], i) => b.points[i]?.[0] === tMs && b.points[i]?.[1] === value);
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
