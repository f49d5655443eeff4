import type { Count } from '../sequential/counts.ts';
import type { KayentaMetric } from './classify.ts';

/** What both arms did in one stretch of time. */
export interface BothArms {
  readonly canary: Count;
  readonly stable: Count;
}

export const NO_REQUESTS: BothArms = { canary: { bad: 0, total: 0 }, stable: { bad: 0, total: 0 } };

/**
 * One series of samples per metric and arm, JSON. A sample is the percentage of bad requests of one stretch of one step;
 * `null`: no request of that arm ended in it. All series are by `names`.
 */
export interface Samples {
  readonly names: readonly string[];
  /** Closed samples of each metric, oldest first: the canary's and stable's in turn. */
  readonly series: readonly (readonly (number | null)[])[];
  /** The sample under way. */
  readonly open: { readonly index: number; readonly step: number; readonly counts: readonly BothArms[] } | null;
}

export const NO_SAMPLES: Samples = { names: [], series: [], open: null };

/** Samples of all metrics together that are remembered: so the memory has a bound. */
const MOST_SAMPLES = 400;
/** Digits are memory, and ranks need no more. */
const DIGITS = 6;

/** For other metrics than before: those that stay keep their series. */
export function withNames(samples: Samples, names: readonly string[]): Samples {
  if (names.length === samples.names.length && names.every((name, i) => name === samples.names[i])) return samples;
  const at = names.map((name) => samples.names.indexOf(name));
  const { open } = samples;
  return {
    names,
    series: at.map((i) => samples.series[i] ?? []),
    open: open === null ? null : { ...open, counts: at.map((i) => open.counts[i] ?? NO_REQUESTS) },
  };
}

/** `null`: nothing was scraped at this time that could be counted; a sample that is over ends all the same. */
export function addCounts(
  samples: Samples,
  at: { readonly index: number; readonly step: number },
  counts: readonly BothArms[] | null,
  lookback: number | null,
): Samples {
  const { open } = samples;
  const isOver = open !== null && (open.index !== at.index || open.step !== at.step);
  const before = isOver ? closed(samples, open.counts, lookback) : samples;
  if (counts === null) return before;
  const sums = before.open === null ? counts : counts.map((one, i) => both(before.open?.counts[i], one));
  return { ...before, open: { ...at, counts: sums } };
}

function closed(samples: Samples, counts: readonly BothArms[], lookback: number | null): Samples {
  const most = 2 * Math.min(Math.floor(MOST_SAMPLES / Math.max(1, samples.names.length)), lookback ?? MOST_SAMPLES);
  const series = samples.series.map((one, i) => {
    const { canary, stable } = counts[i] ?? NO_REQUESTS;
    return [...one, percent(canary), percent(stable)].slice(-most);
  });
  return { ...samples, series, open: null };
}

export function both(a: BothArms = NO_REQUESTS, b: BothArms): BothArms {
  const sum = (x: Count, y: Count): Count => ({ bad: x.bad + y.bad, total: x.total + y.total });
  return { canary: sum(a.canary, b.canary), stable: sum(a.stable, b.stable) };
}

/** Percent, not fractions: Kayenta's root finder knows no unit. */
function percent({ bad, total }: Count): number | null {
  return total === 0 ? null : Number(((bad / total) * 100).toPrecision(DIGITS));
}

/** As the judge takes them; NaN: missing. */
export function armsOf(
  { names, series }: Samples,
  { name }: Pick<KayentaMetric, 'name'>,
): { readonly canary: readonly number[]; readonly stable: readonly number[] } {
  const own = series[names.indexOf(name)] ?? [];
  const of = (arm: 0 | 1) => own.flatMap((value, i) => (i % 2 === arm ? [value ?? Number.NaN] : []));
  return { canary: of(0), stable: of(1) };
}

/** Samples of the metric that has the fewest, with or without requests. */
export function fewest({ series }: Samples): number {
  return series.length === 0 ? 0 : Math.min(...series.map((one) => one.length / 2));
}
