import { absoluteTest, againstLimit } from '../statistics/absolute-test.ts';
import { rejects } from '../statistics/combine.ts';
import { FROM_THE_START, startTiltTest, updateTiltTest } from '../statistics/tilt-test.ts';
import { type Count, plus } from './counts.ts';
import type { Strata } from './metric.ts';

const WINDOW_MS = 180_000;
const ALPHA = 0.01;
/** However short the scrapes are. */
const MAX_ENTRIES = 60;

/** Counts of the last three minutes, oldest first. */
export type CeilingState = readonly { readonly t: number; readonly canary: Count; readonly stable: Count }[];

/** `shared`: stable is over the limit as well, so going back would help nobody. */
export type Ceiling = 'below' | 'over' | 'shared';

export function updateCeiling(state: CeilingState, t: number, strata: Strata): CeilingState {
  const sum = (of: 'canary' | 'stable') => strata.reduce((all, one) => plus(all, one[of]), { bad: 0, total: 0 });
  const kept = state.filter((entry) => entry.t > t - WINDOW_MS);
  const last = kept.at(-1);
  const entry = { t, canary: sum('canary'), stable: sum('stable') };
  if (last === undefined || t - last.t >= WINDOW_MS / MAX_ENTRIES) return [...kept, entry];
  // Sums say as much as their parts: the limit is one for all of them.
  const both = { canary: plus(last.canary, entry.canary), stable: plus(last.stable, entry.stable) };
  return [...kept.slice(0, -1), { t: last.t, ...both }];
}

/** Is the limit surely broken, by the canary alone or by both? `null` without a limit. */
export function ceiling(state: CeilingState, max: number | null, phi: number): Ceiling {
  if (max === null || max <= 0 || max >= 1) return 'below';
  const over = (of: 'canary' | 'stable', entries = state) => {
    const spec = absoluteTest(1, FROM_THE_START);
    const strata = entries.map((entry) => againstLimit(entry[of].bad, entry[of].total, max));
    return rejects(updateTiltTest(spec, startTiltTest(spec), strata, phi).raw, ALPHA);
  };
  // One scrape never sends a canary back.
  if (!over('canary') || !over('canary', state.slice(0, -1))) return 'below';
  return over('stable') ? 'shared' : 'over';
}
