import type { SequentialSpec } from '../model/analysis-spec.ts';
import type { UntilSpec } from '../model/documents.ts';
import type { Verdict } from './judge.ts';
import { SEQUENTIAL_DEFAULTS } from './sequential/settings.ts';
import { baselineRate, powerGained, powerNeeded, powerOf } from './statistics/power-gate.ts';

/** What a step still waits for; `null`: it has seen enough. Counted are the requests behind the verdicts of the step. */
export function lacking(
  { requests, regression }: UntilSpec,
  verdicts: readonly Verdict[],
  { alpha = SEQUENTIAL_DEFAULTS.alpha, margin = SEQUENTIAL_DEFAULTS.margin }: Omit<SequentialSpec, 'name'> = {},
): string | null {
  const counted = verdicts.find((one) => one.requests !== null);
  const seen = counted?.requests ?? 0;
  if (requests !== null && seen < requests) return `${seen} of ${requests} requests to the canary`;
  if (regression === null) return null;
  const { baseline = null, baselineRequests = null, dispersion = 1 } = counted ?? {};
  const [stable, rate] = [baselineRequests ?? 0, baseline ?? 0];
  // Where no errors are normal one in a thousand is assumed: rarer ones cannot be told apart in a rollout.
  const gained = powerGained(
    powerOf(seen, stable, { detectable: regression, ratio: margin }),
    baselineRate(rate * stable, stable),
    dispersion,
  );
  const needed = powerNeeded(alpha);
  if (gained >= needed) return null;
  return `requests to have seen a ${regression}-fold regression (${Math.floor((100 * gained) / needed)} % of them are there)`;
}
