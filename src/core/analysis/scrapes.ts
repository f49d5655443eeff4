import type { CounterFamily, CounterSeries } from './judge.ts';
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
  le?: Record<string, number>;
};
type Proxy = Writable<Omit<ProxyScrape, 'stable' | 'canary'>> & { stable?: Arm; canary?: Arm };

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
  const cells = new Map<number, { index: number; t: number; firstAtMs: number; proxies: Record<string, Proxy> }>();
  for (const one of series) {
    const arm = one.cluster === arms.canary ? 'canary' : one.cluster === arms.stable ? 'stable' : null;
    for (const [tMs, value] of one.points) {
      const index = Math.floor(tMs / scrapeMs);
      const cell = cells.get(index) ?? { index, t: tMs, firstAtMs: tMs, proxies: {} };
      cells.set(index, cell);
      cell.t = Math.max(cell.t, tMs);
      cell.firstAtMs = Math.min(cell.firstAtMs, tMs);
      cell.proxies[one.proxy] ??= {};
      put(cell.proxies[one.proxy] ?? {}, arm, one, value);
    }
  }
  return [...cells.values()].sort((a, b) => a.index - b.index);
}

function put(proxy: Proxy, armName: 'stable' | 'canary' | null, { family, label }: CounterSeries, value: number): void {
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
      arm.rq = { ...arm.rq, [label]: value };
      return;
    case 'upstream_rq_time_bucket':
      arm.le ??= {};
      arm.le[label] = value;
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
