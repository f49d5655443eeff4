import { type DispersionState, NO_PAIRS } from '../statistics/dispersion.ts';
import type { Objective } from './asked.ts';
import { type Count, countCut, countErrors, countRetried, countSlow, plus, summed } from './counts.ts';
import type { ArmGrowth } from './growth.ts';
import { chooseEdges, type LatencyEdge } from './latency-edges.ts';
import { learn, startMetric } from './metric.ts';
import { startSafety } from './non-inferiority.ts';
import { askedAt, everAsked, type SequentialSettings } from './settings.ts';
import { startsAt, startsOf } from './starts.ts';
import type { JudgedEdge, SeenEdge, SequentialState } from './state.ts';
import type { Line } from './walk.ts';

/** What the stable arm of a line teaches: how bad it is, and how unevenly. Done after the line was judged. */
export function learnLine(settings: SequentialSettings, state: SequentialState, line: Line): SequentialState {
  const stable = line.pairs.flatMap((pair) => (pair.stable === null ? [] : [pair.stable]));
  const ofErrors = countErrors(askedAt(settings, line.weight).errors.count);
  return {
    ...state,
    errors: learn(state.errors, line, ofErrors),
    retried: learn(state.retried, line, countRetried),
    cut: learn(state.cut, line, countCut),
    edges: state.edges.map((one) => {
      const of = countSlow(one.edge.ms, settings);
      const baseline = one.edge.isObjective ? plus(one.baseline, summed(stable, of)) : one.baseline;
      return { ...one, metric: learn(one.metric, line, of), baseline };
    }),
    before: state.before === null ? null : learnEdges(settings, state.before, line, stable),
    baseline: { errors: plus(state.baseline.errors, summed(stable, ofErrors)) },
  };
}

/** Called before the first line with weight is judged; afterwards the edges stay. */
export function chooseLatency(settings: SequentialSettings, state: SequentialState): SequentialState {
  const { before } = state;
  if (before === null) return state;
  const starts = startsAt([], startsOf(state));
  const objectives = everAsked(settings).flatMap(({ latency }) => latency.objectives);
  return {
    ...state,
    before: null,
    edges: chosenEdges(settings, before, objectives).map(({ edge, pairs, stable: baseline }): JudgedEdge => {
      const safety = settings.skipAfterMs === null ? {} : { safety: startSafety() };
      return { edge, metric: { ...startMetric(starts, false), pairs }, power: 0, baseline, ...safety };
    }),
  };
}

/** The edges to judge by, with what stable has shown at each. */
export function chosenEdges(
  settings: Pick<SequentialSettings, 'mostEdges'>,
  { timed, edges }: NonNullable<SequentialState['before']>,
  objectives: readonly Objective[],
): readonly { readonly edge: LatencyEdge; readonly stable: Count; readonly pairs: DispersionState }[] {
  const slow = new Map(edges.map((one) => [one.ms, one.slow] as const));
  return chooseEdges({ timed, slow }, objectives, settings).map((edge) => ({
    edge,
    stable: { bad: slow.get(edge.ms) ?? 0, total: timed },
    pairs: edges.find(({ ms }) => ms === edge.ms)?.pairs ?? NO_PAIRS,
  }));
}

/** Every edge that stable's histogram has, until those to judge by are chosen. */
export function learnEdges(
  settings: Pick<SequentialSettings, 'routeTimeoutMs'>,
  { timed, edges }: NonNullable<SequentialState['before']>,
  line: Line,
  stable: readonly ArmGrowth[],
): NonNullable<SequentialState['before']> {
  const names = new Set([
    ...edges.map(({ ms }) => ms),
    ...stable.flatMap(({ within }) => within.edges.filter(Number.isFinite)),
  ]);
  return {
    timed: timed + stable.reduce((sum, one) => sum + one.timed + one.timeouts, 0),
    edges: [...names]
      .sort((a, b) => a - b)
      .map((ms): SeenEdge => {
        const known = edges.find((one) => one.ms === ms) ?? { ms, slow: 0, pairs: NO_PAIRS };
        const of = countSlow(ms, settings);
        return { ...learn(known, line, of), slow: known.slow + summed(stable, of).bad };
      }),
  };
}
