import { type Life, REPLICA_FIGURES, type ReplicaFigure } from './replica-watch.ts';
import { CAPPED, type StoreSeries } from './store-watch.ts';
import { type Allowance, type Point, type Trend, trend } from './trend.ts';

export interface Measured {
  readonly lives: readonly Life[];
  readonly store: StoreSeries;
}

export interface Growth {
  /** A replica, or the store. */
  readonly of: string;
  readonly what: string;
  /** How long it was measured, the warm-up with it. */
  readonly seconds: number;
  /** At the begin of the time that is judged, and at its end, as fitted. */
  readonly from: number;
  readonly to: number;
  readonly growth: number;
  /** Two standard errors of it. */
  readonly error: number;
  readonly allowed: number;
  readonly verdict: Trend['verdict'];
}

/** Of a life that is judged: so long after its warm-up at least. */
const MIN_JUDGED_S = 30;
/** A third of the run, at most ten minutes: caches fill, functions are compiled, the first rollouts are let go. */
const WARM_UP_SHARE = 1 / 3;
const MAX_WARM_UP_S = 600;

/** 2 % an hour, and what a short run needs besides: memory comes in blocks, and a fault in the last window takes its time. */
const MEMORY_SHARE = 0.02;
const REPLICA: Readonly<Record<ReplicaFigure, Allowance>> = {
  rssMb: { absolute: 12, sharePerHour: MEMORY_SHARE },
  heapMb: { absolute: 6, sharePerHour: MEMORY_SHARE },
  externalMb: { absolute: 3, sharePerHour: MEMORY_SHARE },
  handles: { absolute: 5, sharePerHour: 0 },
  files: { absolute: 5, sharePerHour: 0 },
};
const STORE = {
  keys: { absolute: 15, sharePerHour: 0 },
  memoryMb: { absolute: 2, sharePerHour: MEMORY_SHARE },
  connections: { absolute: 5, sharePerHour: 0 },
} as const;
const ENTRIES: Allowance = { absolute: 60, sharePerHour: 0 };
/** A stream is cut by whole nodes, and the audit log when it is swept. */
const CAP_SLACK = 300;

/** Every process that lived long enough, and the store. */
export function judge({ lives, store }: Measured, minutes: number): readonly Growth[] {
  const warmUpS = Math.min(MAX_WARM_UP_S, minutes * 60 * WARM_UP_SHARE);
  const long = lives.filter(({ series }) => (series.rssMb.at(-1)?.atS ?? 0) >= warmUpS + MIN_JUDGED_S);
  const replicas = long.flatMap(({ replica, pid, series }) =>
    REPLICA_FIGURES.map((figure) => growth(`${replica} (${pid})`, figure, series[figure], warmUpS, REPLICA[figure])),
  );
  const figures = (['keys', 'memoryMb', 'connections'] as const).map((figure) =>
    growth('store', figure, store[figure], warmUpS, STORE[figure]),
  );
  const families = [...store.entries].map(([family, points]) => {
    const cap = CAPPED[family];
    return cap === undefined
      ? growth('store', `entries of ${family}`, points, warmUpS, ENTRIES)
      : capped(family, points, cap + CAP_SLACK);
  });
  return [...replicas, ...figures, ...families];
}

function growth(of: string, what: string, points: readonly Point[], warmUpS: number, allowance: Allowance): Growth {
  const found = trend(points, warmUpS, allowance);
  return {
    of,
    what,
    seconds: Math.round(points.at(-1)?.atS ?? 0),
    from: round(found.level - found.growth),
    to: round(found.level),
    growth: round(found.growth),
    error: round(found.error),
    allowed: round(found.allowed),
    verdict: found.verdict,
  };
}

/** It may grow up to its cap, and not beyond. */
function capped(family: string, points: readonly Point[], cap: number): Growth {
  const values = points.map(({ value }) => value);
  const [from, most] = [values[0] ?? 0, Math.max(0, ...values)];
  return {
    of: 'store',
    what: `entries of ${family}, at most ${cap}`,
    seconds: Math.round(points.at(-1)?.atS ?? 0),
    from,
    to: values.at(-1) ?? 0,
    growth: most,
    error: 0,
    allowed: cap,
    verdict: most > cap ? 'grows' : 'flat',
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
