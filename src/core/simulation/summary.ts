import type { ArmToll } from './envoy.ts';
import { OUTCOMES, type Outcome, type Run } from './play.ts';

/** What many seeds of one world came to. */
export interface Summary {
  readonly seeds: number;
  /** Those that were seen, in the order of `OUTCOMES`. */
  readonly outcomes: readonly {
    readonly outcome: Outcome;
    /** Of a test with variants that was promoted: which arm. */
    readonly arm: string | null;
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
  /** The same of each of several backends or arms. @default there is one */
  readonly parts?: readonly PartSummary[];
}

export interface PartSummary extends Pick<Summary, 'canary' | 'hurt' | 'slow'> {
  readonly name: string;
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
    outcomes: endsOf(runs).flatMap(({ outcome, arm }) => {
      const own = runs.filter((run) => run.outcome === outcome && run.arm === arm);
      const [first] = own;
      if (first === undefined) return [];
      const [low, high] = wilson(own.length, runs.length);
      const tookMs = of(({ tookMs: ms }) => ms, own);
      return [
        { outcome, arm, count: own.length, share: own.length / runs.length, low, high, tookMs, seed: first.seed },
      ];
    }),
    tookMs: of(({ tookMs }) => tookMs),
    canary: of(({ toll }) => toll.canary),
    hurt: of(hurtIn),
    slow: timed ? of(slowIn) : null,
    ...partsOf(runs, timed),
  };
}

/** Those that were seen, promotions by arm. */
function endsOf(runs: readonly Run[]): readonly Pick<Run, 'outcome' | 'arm'>[] {
  return OUTCOMES.flatMap((outcome) => {
    const arms = new Set(runs.filter((run) => run.outcome === outcome).map(({ arm }) => arm));
    return [...arms].sort().map((arm) => ({ outcome, arm }));
  });
}

function partsOf(runs: readonly Run[], timed: boolean): Pick<Summary, 'parts'> {
  const names = runs[0]?.parts.map(({ name }) => name) ?? [];
  if (names.length < 2) return {};
  return {
    parts: names.map((name, i) => {
      const of = (pick: (toll: ArmToll) => number) =>
        spread(runs.map(({ parts }) => (parts[i] === undefined ? 0 : pick(parts[i].toll))));
      const hurt = of((toll) => hurtIn({ toll }));
      return { name, canary: of(({ canary }) => canary), hurt, slow: timed ? of((toll) => slowIn({ toll })) : null };
    }),
  };
}

/** Requests that failed because of the canary. Chance alone may make it better than stable: that hurts nobody. */
export function hurtIn({ toll }: { readonly toll: ArmToll }): number {
  return Math.max(0, Math.round(toll.failed - toll.failedOnStable));
}

export function slowIn({ toll }: { readonly toll: ArmToll }): number {
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
