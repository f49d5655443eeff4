import type { Increment } from './increments.ts';
import { ARMS, type ArmName, type ArmScrape, type ProxyScrape } from './sequential/scrape.ts';

type Counters = ReadonlyMap<
  string,
  { readonly family: Increment['family']; readonly label: string; readonly value: number }
>;

interface Seen {
  readonly uptime: number | null;
  readonly epoch: number | null;
  /** Of an arm that was scraped before. */
  readonly arms: ReadonlyMap<ArmName, Counters>;
}

/**
 * Growth from one line of a recording to the next, for judges that know neither strata nor settling. A proxy's first
 * line is the base; an arm that comes later counts from 0. A lost scrape makes the next stretch longer.
 */
export function recordedGrowth(): (proxies: Readonly<Record<string, ProxyScrape>>) => readonly Increment[] {
  const known = new Map<string, Seen>();
  return (proxies) =>
    Object.entries(proxies).flatMap(([proxy, scraped]) => {
      const before = known.get(proxy);
      const now = new Map(
        ARMS.flatMap((name) => {
          const arm = scraped[name];
          return arm === undefined ? [] : [[name, countersOf(arm)] as const];
        }),
      );
      const arms = new Map([...(before?.arms ?? []), ...now]);
      known.set(proxy, { uptime: scraped.uptime ?? null, epoch: scraped.epoch ?? null, arms });
      if (before === undefined) return [];
      const anew = restarted(before, scraped) ?? everythingFell(before.arms, now);
      return [...now].flatMap(([cluster, counters]) =>
        growth(proxy, cluster, before.arms.get(cluster), counters, anew),
      );
    });
}

/** `null`: the recording does not say. */
function restarted(before: Seen, { uptime, epoch }: ProxyScrape): boolean | null {
  if (epoch !== undefined && before.epoch !== null && epoch !== before.epoch) return true;
  if (uptime === undefined || before.uptime === null) return null;
  return uptime < before.uptime;
}

/** Without uptime and epoch it takes all of a proxy's counters to tell a restart. */
function everythingFell(before: Seen['arms'], now: Seen['arms']): boolean {
  const had = [...now].flatMap(([name, counters]) =>
    [...(before.get(name) ?? [])].flatMap(([key, { value }]) =>
      value > 0 ? [(counters.get(key)?.value ?? 0) < value] : [],
    ),
  );
  return had.length > 0 && had.every((fell) => fell);
}

/** After a restart everything counts from 0. Another fall is a changed cluster, and says nothing. */
function growth(
  proxy: string,
  cluster: string,
  before: Counters | undefined,
  now: Counters,
  anew: boolean,
): Increment[] {
  const fell = [...(before ?? [])].some(([key, { value }]) => (now.get(key)?.value ?? 0) < value);
  if (fell && !anew) return [];
  return [...now].map(([key, { family, label, value }]) => {
    const base = anew ? 0 : (before?.get(key)?.value ?? 0);
    return { proxy, cluster, family, label, value: value - base };
  });
}

function countersOf({ rq_xx = {}, rq = {}, timeout = 0, le = {} }: ArmScrape): Counters {
  const entry = (family: Increment['family'], label: string, value: number) =>
    [`${family} ${label}`, { family, label, value }] as const;
  return new Map([
    ...Object.entries(rq_xx).map(([label, value]) => entry('upstream_rq_xx', label, value)),
    ...Object.entries(rq).map(([label, value]) => entry('upstream_rq', label, value)),
    ...Object.entries(le).map(([label, value]) => entry('upstream_rq_time_bucket', label, value)),
    entry('upstream_rq_timeout', '', timeout),
  ]);
}
