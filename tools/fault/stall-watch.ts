import type { Stall } from './history.ts';

const TICK_MS = 100;
const STALL_MS = 1_000;

/**
 * When this process did not get to run. The services behind the Envoys, and the clients before them, live in it: what
 * they do not answer on an overloaded machine is no engine's doing.
 */
export function stallWatch(): { readonly stalls: readonly Stall[]; stop(): void } {
  const stalls: Stall[] = [];
  let lastMs = Date.now();
  const timer = setInterval(() => {
    const nowMs = Date.now();
    if (nowMs - lastMs > STALL_MS) stalls.push({ fromMs: lastMs, toMs: nowMs });
    lastMs = nowMs;
  }, TICK_MS);
  return { stalls, stop: () => clearInterval(timer) };
}
