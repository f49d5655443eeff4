import { type Played, play, type WorldOptions } from './world.ts';

export interface Shrunk {
  /** The faults that are left; without any one of them the schedule is fine, or fails otherwise. */
  readonly faults: readonly string[];
  readonly violation: string;
  readonly runs: number;
}

/**
 * Leaves faults out while the schedule still breaks the same invariant: first halves, then smaller and smaller parts
 * (delta debugging).
 */
export async function shrink(options: WorldOptions, failed: Played, maxRuns = 150): Promise<Shrunk> {
  const invariant = (line: string | undefined): string => line?.slice(0, line.indexOf(':')) ?? '';
  const wanted = invariant(failed.violations[0]);
  let faults = failed.faults;
  let violation = failed.violations[0] ?? '';
  let runs = 0;
  const stillFails = async (some: readonly string[]): Promise<boolean> => {
    runs += 1;
    const { violations, faults: struck } = await play({ ...options, only: new Set(some) });
    const same = violations.find((line) => invariant(line) === wanted);
    if (same === undefined) return false;
    violation = same;
    faults = struck;
    return true;
  };
  for (let parts = 2; faults.length > 0 && runs < maxRuns; ) {
    const size = Math.ceil(faults.length / parts);
    let left = false;
    for (let from = 0; from < faults.length && runs < maxRuns; from += size) {
      const without = [...faults.slice(0, from), ...faults.slice(from + size)];
      if (!(await stillFails(without))) continue;
      left = true;
      break;
    }
    if (left) parts = Math.max(2, parts - 1);
    else if (size === 1) break;
    else parts = Math.min(faults.length, parts * 2);
  }
  return { faults, violation, runs };
}
