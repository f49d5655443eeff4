import type { ArmGrowth } from './growth.ts';
import type { ProxyPair } from './walk.ts';

const FEW = 0.8;
const MOST = 0.95;
const IN_A_ROW = 3;

/** Lines in a row in which the canary's requests, and its alone, did not end. */
export function suspicion(before: number, pairs: readonly ProxyPair[]): number {
  const canary = endedShare(pairs.map((pair) => pair.canary));
  const stable = endedShare(pairs.map((pair) => pair.stable));
  if (canary === null || stable === null) return 0;
  return canary < FEW && stable >= MOST ? before + 1 : 0;
}

export function hangs(inARow: number): boolean {
  return inARow >= IN_A_ROW;
}

/** Requests that never end are in no counter of answers; once they pile up they count as failed. */
export function withUnended(pair: ProxyPair): ProxyPair {
  const { canary } = pair;
  if (canary?.started == null) return pair;
  const gap = Math.max(0, canary.started - canary.completed);
  const classes = { ...canary.classes, 5: (canary.classes[5] ?? 0) + gap };
  return { ...pair, canary: { ...canary, classes, completed: canary.completed + gap } };
}

/** `null`: nothing was started, or nobody knows. */
function endedShare(arms: readonly (ArmGrowth | null)[]): number | null {
  let [started, completed] = [0, 0];
  for (const arm of arms) {
    if (arm === null) continue;
    if (arm.started === null) return null;
    started += arm.started;
    completed += arm.completed;
  }
  return started === 0 ? null : completed / started;
}
