import type { ArmPair } from '../statistics/stratum.ts';
import type { ArmGrowth } from './growth.ts';
import { countWithin } from './histogram.ts';
import type { SequentialSettings } from './settings.ts';

/** Bad events and requests of one arm in one stratum. */
export interface Count {
  readonly bad: number;
  readonly total: number;
}

export type Counting = (growth: ArmGrowth) => Count;

/** Classes (`5`) and codes (`429`); a code of a class that counts already is not counted twice. */
export function answersIn(count: readonly string[]): {
  readonly classes: readonly string[];
  readonly codes: readonly string[];
} {
  const classes = count.flatMap((word) => (/^[1-5]xx$/.test(word) ? [word.slice(0, 1)] : []));
  return { classes, codes: count.filter((word) => /^[1-5]\d\d$/.test(word) && !classes.includes(word.slice(0, 1))) };
}

export function countErrors(count: readonly string[]): Counting {
  const { classes, codes } = answersIn(count);
  return (growth) => {
    const bad =
      classes.reduce((sum, name) => sum + (growth.classes[name] ?? 0), 0) +
      codes.reduce((sum, name) => sum + (growth.codes[name] ?? 0), 0);
    return clamped(bad, growth.completed);
  };
}

/** Answers that a retry has replaced: a canary that fails a third of its tries is else saved by the retries. */
export const countRetried: Counting = ({ retried, completed }) => clamped(retried, completed);

export const countCut: Counting = ({ resets, timeouts, completed }) => clamped(resets + timeouts, completed);

/**
 * Requests slower than an edge. Those that timed out are in no histogram, so they are added to both numbers; up to the
 * route's timeout they were slower than the edge for certain.
 */
export function countSlow(edgeMs: number, { routeTimeoutMs }: Pick<SequentialSettings, 'routeTimeoutMs'>): Counting {
  const timedOut = routeTimeoutMs === 0 || edgeMs <= routeTimeoutMs;
  return ({ timed, within, timeouts }) => {
    // A histogram has all of its edges from its first request on; without this one nothing can be said.
    const slow = timed - (countWithin(within, edgeMs) ?? timed);
    return clamped(slow + (timedOut ? timeouts : 0), timed + timeouts);
  };
}

export function summed(growths: readonly ArmGrowth[], of: Counting): Count {
  let [bad, total] = [0, 0];
  for (const growth of growths) {
    const one = of(growth);
    bad += one.bad;
    total += one.total;
  }
  return { bad, total };
}

export function plus(a: Count, b: Count): Count {
  return { bad: a.bad + b.bad, total: a.total + b.total };
}

export function armPair(canary: Count, stable: Count): ArmPair {
  return { canaryBad: canary.bad, stableBad: stable.bad, canary: canary.total, stable: stable.total };
}

/** Counters of one scrape are not read at one instant, so a few more may be bad than there are. */
function clamped(bad: number, total: number): Count {
  return { bad: Math.min(Math.max(0, bad), total), total };
}
