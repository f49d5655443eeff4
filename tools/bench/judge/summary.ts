import { percentile } from '../percentile.ts';
import type { Outcome } from './replicate.ts';
import type { World } from './world.ts';

/** One judge in one world. Rates are fractions; `null`: not a question of this world, or of this judge. */
export interface Row {
  readonly name: string;
  readonly judge: string;
  readonly falseRollback: number | null;
  readonly detected: number | null;
  readonly medianDelayS: number | null;
  readonly errorsSeen: number;
  readonly ratioToLimit: number | null;
  readonly promoted: number;
  readonly held: number;
  readonly medianPromoteS: number | null;
  readonly replications: number;
}

export function summarise(world: World, judge: string, outcomes: readonly Outcome[], limit: number | null): Row {
  const share = (test: (one: Outcome) => boolean) => outcomes.filter(test).length / outcomes.length;
  const inTime = (one: Outcome) => one.ended === 'rollback' && one.atS > world.onsetS;
  const seen = world.seenBy === 'hold' ? (one: Outcome) => one.ended !== 'promote' : inTime;
  const median = (times: readonly number[]) => (times.length === 0 ? null : percentile(times, 0.5));
  const errorsSeen = outcomes.reduce((sum, one) => sum + one.errors, 0) / outcomes.length;
  return {
    name: world.name,
    judge,
    falseRollback: world.good ? share((one) => one.ended === 'rollback') : null,
    detected: world.good ? null : share(seen),
    medianDelayS: median(outcomes.filter(inTime).map((one) => one.atS - world.onsetS)),
    errorsSeen: rounded(errorsSeen),
    ratioToLimit: limit === null ? null : rounded(errorsSeen / limit),
    promoted: share((one) => one.ended === 'promote'),
    held: share((one) => one.ended === 'held'),
    medianPromoteS: median(outcomes.filter((one) => one.ended === 'promote').map((one) => one.atS)),
    replications: outcomes.length,
  };
}

const JUDGED = 'sequential';
const MOST_FALSE = 0.01;
const LEAST_SEEN = 0.99;
/** A request every three seconds leaves some regressions unseen within the hour. */
const LEAST_SEEN_RARE: Readonly<Record<string, number>> = { B5b: 0.98 };
const MOST_TIMES_LIMIT = 2.5;
/** Five-fold and more, at 2 requests per second and more. */
const STRONG = ['B2', 'B3', 'B4', 'B5', 'B6', 'B7'];

/** What the judge of Serin is held to, and misses. */
export function missedGates(rows: readonly Row[]): readonly string[] {
  return rows
    .filter(({ judge }) => judge === JUDGED)
    .flatMap(({ name, falseRollback, detected, ratioToLimit }) => {
      const leastSeen = LEAST_SEEN_RARE[name] ?? LEAST_SEEN;
      const overLimit = STRONG.includes(name) && (ratioToLimit ?? Number.POSITIVE_INFINITY) > MOST_TIMES_LIMIT;
      return [
        ...((falseRollback ?? 0) > MOST_FALSE
          ? [`${name}: false rollbacks ${falseRollback}, at most ${MOST_FALSE}`]
          : []),
        ...((detected ?? 1) < leastSeen ? [`${name}: detected ${detected}, at least ${leastSeen}`] : []),
        ...(overLimit ? [`${name}: ${ratioToLimit} times the limit, at most ${MOST_TIMES_LIMIT}`] : []),
      ];
    });
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
