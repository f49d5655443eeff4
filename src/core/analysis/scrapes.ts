import type { CounterFamily, CounterSeries } from './judge.ts';
import { edgeOf, histogramOf, labelOfEdge } from './sequential/histogram.ts';
import type { ArmScrape, ProxyScrape } from './sequential/scrape.ts';

/** Every proxy's last sample of one scrape interval; intervals are cells of one grid, the same for everybody. */
export interface Cell {
  readonly index: number;
  /** Its last and its first sample, epoch ms. */
  readonly t: number;
  readonly firstAtMs: number;
  readonly proxies: Readonly<Record<string, ProxyScrape>>;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Arm = Writable<Omit<ArmScrape, 'rq_xx' | 'rq' | 'le'>> & {
  rq_xx: Record<string, number>;
  rq?: Record<string, number>;
};
type Proxy = Writable<Omit<ProxyScrape, 'stable' | 'canary'>> & { stable?: Arm; canary?: Arm };
type WritableCell = Writable<Omit<Cell, 'proxies'>> & { readonly proxies: Record<string, Proxy> };

/** All that a recording holds. */
export const RECORDED_FAMILIES: readonly CounterFamily[] = [
  ...(['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_total', 'upstream_rq_active'] as const),
  ...(['upstream_rq_timeout', 'upstream_rq_per_try_timeout', 'upstream_rq_rx_reset'] as const),
  // Of codes only those that somebody asks for: there are many, and few say anything.
  'upstream_rq',
  ...(['upstream_rq_retry', 'retry_upstream_rq_xx', 'upstream_rq_time_bucket'] as const),
  ...(['server_uptime', 'server_hot_restart_epoch'] as const),
];

/**
 * Raw samples put into scrapes. The grid is that of the clock and not of what was asked for: whoever asks, and from
 * whenever, gets the same scrapes. Counters are cumulative, so of two samples in one cell the later says it all, and
 * where jitter leaves a cell empty the next pair spans longer.
 */
export function cellsOf(
  series: readonly CounterSeries[],
  arms: { readonly stable: string; readonly canary: string },
  scrapeMs: number,
): readonly Cell[] {
  const cells = new Map<number, WritableCell>();
  const proxyAt = (proxy: string, tMs: number): Proxy => {
    const index = Math.floor(tMs / scrapeMs);
    const cell = cells.get(index) ?? { index, t: tMs, firstAtMs: tMs, proxies: {} };
    cells.set(index, cell);
    cell.t = Math.max(cell.t, tMs);
    cell.firstAtMs = Math.min(cell.firstAtMs, tMs);
    cell.proxies[proxy] ??= {};
    return cell.proxies[proxy];
  };
  const buckets = new Map<string, CounterSeries[]>();
  for (const one of series) {
    const { proxy, cluster, family, label, points } = one;
    const arm = cluster === arms.canary ? 'canary' : cluster === arms.stable ? 'stable' : null;
    if (arm !== null && family === 'upstream_rq_time_bucket') {
      const own = `${arm} ${proxy}`;
      if (!buckets.get(own)?.push(one)) buckets.set(own, [one]);
    } else for (const [tMs, value] of points) put(proxyAt(proxy, tMs), arm, family, label, value);
  }
  for (const [own, group] of buckets) putHistograms(group, own.startsWith('canary') ? 'canary' : 'stable', proxyAt);
  return [...cells.values()].sort((a, b) => a.index - b.index);
}

/** The same as recordings have them: the histogram by label. */
export function asRecorded(cells: readonly Cell[]): readonly Cell[] {
  const arm = ({ histogram, ...counters }: ArmScrape): ArmScrape => {
    if (histogram === undefined) return counters;
    const { edges, counts } = histogram;
    return { ...counters, le: Object.fromEntries(edges.map((edge, i) => [labelOfEdge(edge), counts[i] ?? 0])) };
  };
  const proxy = ({ stable, canary, ...process }: ProxyScrape): ProxyScrape => ({
    ...process,
    ...(stable === undefined ? {} : { stable: arm(stable) }),
    ...(canary === undefined ? {} : { canary: arm(canary) }),
  });
  return cells.map((cell) => ({
    ...cell,
    proxies: Object.fromEntries(Object.entries(cell.proxies).map(([name, one]) => [name, proxy(one)])),
  }));
}

/**
 * All scrapes of an arm share their edges, so that the next step tells by one look that it may compare count by count.
 * Where one of them lacks an edge it has edges of its own.
 */
function putHistograms(
  series: readonly CounterSeries[],
  arm: 'stable' | 'canary',
  proxyAt: (proxy: string, tMs: number) => Proxy,
): void {
  const sorted = series.map((one) => ({ ...one, edge: edgeOf(one.label) })).sort((a, b) => a.edge - b.edge);
  const edges = sorted.map(({ edge }) => edge);
  const made = new Map<Arm, (number | undefined)[]>();
  for (const [i, { proxy, points }] of sorted.entries()) {
    for (const [tMs, value] of points) {
      const scrape = proxyAt(proxy, tMs);
      scrape[arm] ??= { rq_xx: {} };
      const counts = made.get(scrape[arm]) ?? new Array<number | undefined>(edges.length).fill(undefined);
      made.set(scrape[arm], counts);
      counts[i] = value;
    }
  }
  for (const [scraped, counts] of made) {
    scraped.histogram = isWhole(counts)
      ? { edges, counts }
      : histogramOf(edges.flatMap((edge, i) => (counts[i] === undefined ? [] : [[edge, counts[i]] as const])));
  }
}

function isWhole(counts: readonly (number | undefined)[]): counts is readonly number[] {
  return !counts.includes(undefined);
}

function put(
  proxy: Proxy,
  armName: 'stable' | 'canary' | null,
  family: CounterFamily,
  label: string,
  value: number,
): void {
  if (family === 'server_uptime') proxy.uptime = value;
  else if (family === 'server_hot_restart_epoch') proxy.epoch = value;
  if (armName === null) return;
  proxy[armName] ??= { rq_xx: {} };
  const arm = proxy[armName];
  switch (family) {
    case 'upstream_rq_xx':
      arm.rq_xx[label] = value;
      return;
    case 'upstream_rq':
      arm.rq ??= {};
      arm.rq[label] = value;
      return;
    case 'retry_upstream_rq_xx':
      if (label === '5') arm.retry_5xx = value;
      return;
    case 'upstream_rq_completed':
      arm.completed = value;
      return;
    case 'upstream_rq_total':
      arm.total = value;
      return;
    case 'upstream_rq_active':
      arm.active = value;
      return;
    case 'upstream_rq_retry':
      arm.retry = value;
      return;
    case 'upstream_rq_rx_reset':
      arm.rx_reset = value;
      return;
    case 'upstream_rq_timeout':
      arm.timeout = value;
      return;
    case 'upstream_rq_per_try_timeout':
      arm.per_try_timeout = value;
      return;
    default:
      // What the cluster's hosts are like is no part of a recording.
      return;
  }
}
