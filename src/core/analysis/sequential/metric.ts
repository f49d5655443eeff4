import { absoluteTest, againstLimit } from '../statistics/absolute-test.ts';
import { addPair, type DispersionState, dispersion, NO_PAIRS } from '../statistics/dispersion.ts';
import { badEvents } from '../statistics/stratum.ts';
import { type Start, startTiltTest, type TiltTestState, updateTiltTest } from '../statistics/tilt-test.ts';
import { armPair, type Count, type Counting, plus, summed } from './counts.ts';
import type { Line } from './walk.ts';

/** What is remembered of one metric, or of one edge of the latency. */
export interface MetricState {
  readonly test: TiltTestState;
  /** Against the harmless floor; `null`: there never is one. */
  readonly floor: TiltTestState | null;
  readonly pairs: DispersionState;
  /** Since the first canary weight, in strata that count. */
  readonly canary: Count;
  readonly stable: Count;
}

export function startMetric(starts: readonly Start[], hasFloor: boolean): MetricState {
  const test = startTiltTest({ starts });
  const none = { bad: 0, total: 0 };
  return { test, floor: hasFloor ? test : null, pairs: NO_PAIRS, canary: none, stable: none };
}

/** Both arms of every proxy in one line. */
export type Strata = readonly { readonly canary: Count; readonly stable: Count }[];

export function strataOf({ pairs }: Pick<Line, 'pairs'>, of: Counting): Strata {
  return pairs.flatMap(({ canary, stable }) =>
    canary === null || stable === null ? [] : [{ canary: of(canary), stable: of(stable) }],
  );
}

/** One tick. What is learned about the dispersion counts from the next one on: it has to be known before. */
export function updateMetric(
  state: MetricState,
  strata: Strata,
  options: { readonly margin: number; readonly starts: readonly Start[]; readonly floor: number | null },
): MetricState {
  const { margin, starts, floor } = options;
  const phi = dispersion(state.pairs);
  const spec = { ratio: margin, side: 1 as const, starts, clip: Number.POSITIVE_INFINITY };
  const compared = strata.map(({ canary, stable }) => badEvents(armPair(canary, stable)));
  const sum = (before: Count, of: 'canary' | 'stable') => strata.reduce((all, one) => plus(all, one[of]), before);
  return {
    ...state,
    test: updateTiltTest(spec, state.test, compared, phi),
    floor:
      state.floor === null
        ? null
        : updateTiltTest(
            absoluteTest(1, starts),
            state.floor,
            floor === null ? [] : strata.map(({ canary }) => againstLimit(canary.bad, canary.total, floor)),
            phi,
          ),
    canary: sum(state.canary, 'canary'),
    stable: sum(state.stable, 'stable'),
  };
}

/** How unevenly stable's bad events come. */
export function learn<T extends { readonly pairs: DispersionState }>(
  state: T,
  { twin }: Pick<Line, 'twin'>,
  of: Counting,
): T {
  if (twin === null) return state;
  return { ...state, pairs: addPair(state.pairs, summed(twin[0], of), summed(twin[1], of)) };
}

/** Evidence of harm before any clip; where a floor is in force it takes both, being worse and being bad. */
export function evidenceOf({ test, floor }: MetricState, hasFloor = false): number {
  return floor === null || !hasFloor ? test.raw : Math.min(test.raw, floor.raw);
}

export function phiOf({ pairs }: MetricState): number {
  return dispersion(pairs);
}
