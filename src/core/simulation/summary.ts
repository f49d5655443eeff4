import { OUTCOMES, type Outcome, type Run } from './play.ts';

/** What many seeds of one world came to. */
export interface Summary {
  readonly seeds: number;
  /** Those that were seen, in the order of `OUTCOMES`. */
  readonly outcomes: readonly {
    readonly outcome: Outcome;
    readonly count: number;
    readonly share: number;
    /** Where the share of endlessly many seeds lies, in 19 of 20 cases. */
    readonly low: number;
    readonly high: number;
    readonly tookMs: Spread;
    /** One that can be played again by itself. */
    readonly seed: number;
  }[];
  readonly tookMs: Spread;
  /** Requests that the canary answered. */
  readonly canary: Spread;
  /** Of those, failed beyond what stable would have failed. */
  readonly hurt: Spread;
  /** Later than the plan's objective beyond what stable's would have been; `null`: the plan has none. */
  readonly slow: Spread | null;
}

export interface Spread {
  readonly least: number;
  readonly p5: number;
  readonly median: number;
  readonly p95: number;
  readonly most: number;
}

export function summarise(runs: readonly Run[], timed: boolean): Summary {
  const of = (pick: (run: Run) => number, some = runs) => spread(some.map(pick));
  return {
    seeds: runs.length,
    outcomes: OUTCOMES.flatMap((outcome) => {
      const own = runs.filter((run) => run.outcome === outcome);
      const [first] = own;
      if (first === undefined) return [];
      const [low, high] = wilson(own.length, runs.length);
      const tookMs = of(({ tookMs: ms }) => ms, own);
      return [{ outcome, count: own.length, share: own.length / runs.length, low, high, tookMs, seed: first.seed }];
    }),
    tookMs: of(({ tookMs }) => tookMs),
    canary: of(({ toll }) => toll.canary),
    hurt: of(hurtIn),
    slow: timed ? of(slowIn) : null,
  };
}

/** Requests that failed because of the canary. Chance alone may make it better than stable: that hurts nobody. */
export function hurtIn({ toll }: Pick<Run, 'toll'>): number {
  return Math.max(0, Math.round(toll.failed - toll.failedOnStable));
}

export function slowIn({ toll }: Pick<Run, 'toll'>): number {
  return Math.max(0, Math.round(toll.slow - toll.slowOnStable));
}

/** By nearest rank: each is a value that was seen. */
function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { least: at(0), p5: at(0.05), median: at(0.5), p95: at(0.95), most: at(1) };
}

const Z95 = 1.959963984540054;

/** Wilson's interval for a share: it also says something where nothing was seen. */
function wilson(count: number, of: number): readonly [low: number, high: number] {
  const share = count / of;
  const z2 = Z95 * Z95;
  const centre = share + z2 / (2 * of);
  const half = Z95 * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of));
  return [Math.max(0, (centre - half) / (1 + z2 / of)), Math.min(1, (centre + half) / (1 + z2 / of))];
}
