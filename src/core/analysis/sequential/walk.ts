import { type ArmGrowth, armGrowth, type Counters, countersOf, everythingFell, restarted } from './growth.ts';
import { ARMS, type ArmName, type ProxyScrape, type Scrape } from './scrape.ts';

/** One proxy between two of its scrapes: one stratum of every metric. */
export interface ProxyPair {
  readonly proxy: string;
  readonly fromMs: number;
  /** `null`: not scraped, or its counters cannot be followed over this stretch. */
  readonly stable: ArmGrowth | null;
  readonly canary: ArmGrowth | null;
}

/** What one line of scrapes says once the lines before it are known. */
export interface Line {
  readonly t: number;
  readonly weight: number | null;
  /** First scrape at this weight. */
  readonly weightSinceMs: number;
  /** From when this weight counts: it was live, or was not yet on the line before. */
  readonly liveFromMs: number;
  /** Pairs that lie within one weight and outside of its settling. */
  readonly pairs: readonly ProxyPair[];
  /** The same proxies of the stable arm in two lines next to each other, for its dispersion. */
  readonly twin: readonly [first: readonly ArmGrowth[], second: readonly ArmGrowth[]] | null;
  readonly settling: boolean;
  readonly canarySeen: boolean;
  readonly stableSeen: boolean;
}

/** Where a walk stands: JSON. Together with the scrapes shortly before it goes on from there. */
export interface Place {
  readonly weight: number | null;
  readonly weightSinceMs: number;
  /** `null`: from the beginning. */
  readonly liveFromMs: number | null;
  /** The last line waits for the next one to be its twin. */
  readonly waits: boolean;
  /**
   * Nothing before this scrape is needed to go on: all proxies are in the last line, and if that waits, none was cut off
   * in the one before. Absent: who is missing is compared with older ones.
   */
  readonly sinceMs?: number;
}

export interface Walk {
  read(scrape: Scrape): Line;
  place(): Place;
}

export interface WalkSettings {
  readonly scrapeMs: number;
  /** Slow successes come so much later than fast errors. */
  readonly routeTimeoutMs: number;
}

export const SETTLE_SCRAPES = 2;

/** A proxy's scrape to compare the next one with. */
interface Known {
  readonly t: number;
  readonly scrape: ProxyScrape;
  /** Made when they are needed: of most scrapes of a walk that goes on they are not. */
  arms: Arms | null;
}

type Arms = Readonly<Record<ArmName, Counters | null>>;

/**
 * Reads scrapes one after the other and remembers what the next ones are compared with (`judging.md` §2.0 and
 * `judge-interface.md` §1). `before`: scrapes that were walked already, so that a walk goes on where another one stood.
 */
export function walk(
  { scrapeMs, routeTimeoutMs }: WalkSettings,
  before: { readonly place: Place; readonly scrapes: readonly Scrape[] } | null = null,
): Walk {
  const known = new Map<string, Known>();
  let weight: number | null = before?.place.weight ?? null;
  let weightSinceMs = before?.place.weightSinceMs ?? Number.NEGATIVE_INFINITY;
  let liveFromMs = before?.place.liveFromMs ?? Number.NEGATIVE_INFINITY;
  let lastMs = Number.NEGATIVE_INFINITY;
  let beforeLastMs = Number.NEGATIVE_INFINITY;
  /** The last line in which a proxy lacked an arm. */
  let cutMs = Number.NEGATIVE_INFINITY;
  let waiting: { readonly t: number; readonly byProxy: ReadonlyMap<string, ArmGrowth> } | null = null;

  const usableFrom = () => liveFromMs + SETTLE_SCRAPES * scrapeMs + routeTimeoutMs;
  const grow = ({ t, proxies }: Scrape) => {
    const usableFromMs = usableFrom();
    const pairs: ProxyPair[] = [];
    const calm = new Map<string, ArmGrowth>();
    for (const [proxy, now] of Object.entries(proxies)) {
      if (isCut(known.get(proxy), now)) {
        cutMs = t;
        continue;
      }
      const step = advance(known, proxy, now, t);
      if (step === null || weight === null || step.fromMs < usableFromMs) continue;
      pairs.push({ proxy, fromMs: step.fromMs, stable: step.stable, canary: step.canary });
      if (step.stable !== null && !step.anew && step.fromMs === lastMs) calm.set(proxy, step.stable);
    }
    return { pairs, calm };
  };
  const { scrapes = [], place } = before ?? {};
  for (const [i, scrape] of scrapes.entries()) {
    const { t } = scrape;
    if (place?.waits === true && i === scrapes.length - 1) {
      const { calm } = grow(scrape);
      waiting = calm.size > 0 ? { t, byProxy: calm } : null;
    } else if (remember(known, scrape)) cutMs = t;
    [beforeLastMs, lastMs] = [lastMs, t];
  }

  return {
    read: (scrape) => {
      const { t, proxies } = scrape;
      if (scrape.weight !== weight || scrape.weight === null) {
        // The line before was the last one of the old weight.
        liveFromMs = lastMs;
        weight = scrape.weight;
        weightSinceMs = t;
        waiting = null;
      }
      if (scrape.liveAt != null) liveFromMs = Math.max(liveFromMs, scrape.liveAt);
      const { pairs, calm } = grow(scrape);
      const twin = twinOf(waiting, calm, lastMs);
      waiting = twin !== null || calm.size === 0 ? null : { t, byProxy: calm };
      [beforeLastMs, lastMs] = [lastMs, t];
      const seen = (arm: ArmName) => Object.values(proxies).some((proxy) => proxy[arm] !== undefined);
      return {
        ...{ t, weight, weightSinceMs, liveFromMs, pairs, twin },
        settling: weight === null || t - scrapeMs < usableFrom(),
        canarySeen: seen('canary'),
        stableSeen: seen('stable'),
      };
    },
    place: () => {
      const sinceMs = waiting === null ? lastMs : beforeLastMs;
      const isEnough = cutMs < sinceMs && [...known.values()].every(({ t }) => t === lastMs);
      return {
        ...{ weight, weightSinceMs, waits: waiting !== null },
        liveFromMs: liveFromMs === Number.NEGATIVE_INFINITY ? null : liveFromMs,
        ...(isEnough ? { sinceMs } : {}),
      };
    },
  };
}

interface Step {
  readonly fromMs: number;
  readonly anew: boolean;
  readonly stable: ArmGrowth | null;
  readonly canary: ArmGrowth | null;
}

/** Nothing but what the next scrapes are compared with. Was a proxy cut off in this one? */
function remember(known: Map<string, Known>, { t, proxies }: Scrape): boolean {
  let cut = false;
  for (const [proxy, now] of Object.entries(proxies)) {
    if (isCut(known.get(proxy), now)) cut = true;
    else known.set(proxy, { t, scrape: now, arms: null });
  }
  return cut;
}

/** A proxy that lacks an arm it had is as good as lost, and the next pair is longer. */
function isCut(before: Known | undefined, now: ProxyScrape): boolean {
  return before !== undefined && ARMS.some((arm) => before.scrape[arm] !== undefined && now[arm] === undefined);
}

/** A proxy's first scrape is the base. */
function advance(known: Map<string, Known>, proxy: string, now: ProxyScrape, t: number): Step | null {
  const before = known.get(proxy);
  const is: Known = { t, scrape: now, arms: null };
  known.set(proxy, is);
  if (before === undefined) return null;
  const [had, has] = [armsOf(before), armsOf(is)];
  const anew =
    restarted(before.scrape, now, t - before.t) ??
    everythingFell(ARMS.flatMap((name) => (had[name] === null ? [] : [[had[name], has[name]] as const])));
  const growthOf = (name: ArmName): ArmGrowth | null => {
    const arm = has[name];
    return arm === null ? null : armGrowth(had[name], arm, anew);
  };
  return { fromMs: before.t, anew, stable: growthOf('stable'), canary: growthOf('canary') };
}

function armsOf(known: Known): Arms {
  const { stable, canary } = known.scrape;
  known.arms ??= {
    stable: stable === undefined ? null : countersOf(stable),
    canary: canary === undefined ? null : countersOf(canary),
  };
  return known.arms;
}

function twinOf(
  waiting: { readonly t: number; readonly byProxy: ReadonlyMap<string, ArmGrowth> } | null,
  calm: ReadonlyMap<string, ArmGrowth>,
  lastMs: number,
): Line['twin'] {
  if (waiting === null || waiting.t !== lastMs) return null;
  const both = [...calm].flatMap(([proxy, second]) => {
    const first = waiting.byProxy.get(proxy);
    return first === undefined ? [] : [[first, second] as const];
  });
  return both.length === 0 ? null : [both.map(([first]) => first), both.map(([, second]) => second)];
}
