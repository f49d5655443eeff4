import { baselineRate, powerGained, powerNeeded, powerOf } from '../statistics/power-gate.ts';
import type { Count } from './counts.ts';
import { edgeOfObjective } from './latency-edges.ts';
import { phiOf } from './metric.ts';
import { askedAt, type SequentialSettings } from './settings.ts';
import type { JudgedEdge, SequentialState } from './state.ts';

/** What a rate grows to at most. */
const MOST_RATE = 0.9;

/** One of the things that a regression must have been seen in. */
interface Sight {
  /** Per unit of the baseline's rate, of all strata so far. */
  readonly power: number;
  readonly rate: number;
  readonly phi: number;
  readonly detectable: number;
}

/**
 * Ratio of the objective's power gate: a rate cannot grow beyond 1 (`judge-interface.md` §2.1). By what stable has shown
 * so far: where a rollout begins without a history, a ratio of its first scrape would ask for far too much to the end.
 */
export function objectiveRatio({ detectable }: SequentialSettings, { baseline }: JudgedEdge): number {
  return Math.min(detectable, MOST_RATE / baselineRate(baseline.bad, baseline.total));
}

/** How much of what it takes to have seen a regression is there; 1: all of it. */
export function powerShare(settings: SequentialSettings, state: SequentialState): number {
  const needed = powerNeeded(settings.alpha);
  return Math.min(1, ...sights(settings, state).map((one) => powerGained(one.power, one.rate, one.phi) / needed));
}

/** What is missing until a regression would have been seen; `null`: nothing. */
export function powerLeft(settings: SequentialSettings, state: SequentialState): string | null {
  const least = powerShare(settings, state);
  if (least >= 1) return null;
  const percent = Math.floor(least * 100);
  return `too few requests to have seen a ${settings.detectable}-fold regression (${percent} % of what it takes)`;
}

/**
 * About how many more requests the canary needs until a regression would have been seen, split with stable as they were
 * in this step, and with the baseline's rate of now; `null`: there were none.
 */
export function requestsLeft(
  settings: SequentialSettings,
  state: SequentialState,
  { canary, stable }: { readonly canary: Count; readonly stable: Count },
): number | null {
  const needed = powerNeeded(settings.alpha);
  const each = sights(settings, state).map(({ power, rate, phi, detectable }) => {
    const left = needed - powerGained(power, rate, phi);
    const own = powerOf(canary.total, stable.total, { detectable, ratio: settings.margin });
    return left <= 0 ? 0 : (left * canary.total) / powerGained(own, rate, phi);
  });
  const most = Math.ceil(Math.max(...each));
  return Number.isSafeInteger(most) ? most : null;
}

function sights(settings: SequentialSettings, state: SequentialState): readonly Sight[] {
  const rateOf = ({ bad, total }: Count) => baselineRate(bad, total);
  const { detectable } = settings;
  const { power, baseline, errors, edges } = state;
  const all = [{ power: power.errors, rate: rateOf(baseline.errors), phi: phiOf(errors), detectable }];
  // Where all requests go to the canary there is nothing to compare with.
  const last = settings.steps.findLast(({ weight }) => weight < 100)?.weight ?? null;
  for (const one of askedAt(settings, last).latency.objectives) {
    const edge = edgeOfObjective(edges, one);
    if (edge === undefined) continue;
    const phi = phiOf(edge.metric);
    all.push({ power: edge.power, rate: rateOf(edge.baseline), phi, detectable: objectiveRatio(settings, edge) });
  }
  return all;
}
