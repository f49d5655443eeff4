import type { ArmGrowth } from '../../../src/core/analysis/sequential/growth.ts';
import type { Line } from '../../../src/core/analysis/sequential/walk.ts';
import { SCRAPE_S } from './plan.ts';
import type { ArmTraffic, ProxyTraffic } from './traffic.ts';

const SCRAPE_MS = SCRAPE_S * 1000;

/** Lines as scrapes without any disturbance would give them: traffic changes over between two scrapes, nothing settles. */
export function createLines(edgesMs: readonly number[]) {
  let weight: number | null = null;
  let [t, since] = [0, 0];
  let waiting: readonly ArmGrowth[] | null = null;
  return (now: number, proxies: readonly ProxyTraffic[]): Line => {
    t += SCRAPE_MS;
    if (now !== weight) {
      weight = now;
      since = t;
      waiting = null;
    }
    const pairs = proxies.map(({ stable, canary }, index) => ({
      proxy: `p${index}`,
      fromMs: t - SCRAPE_MS,
      stable: growthOf(stable, edgesMs),
      canary: growthOf(canary, edgesMs),
    }));
    const calm = pairs.map(({ stable }) => stable);
    const twin = waiting === null ? null : ([waiting, calm] as const);
    waiting = twin === null ? calm : null;
    return {
      ...{ t, weight, weightSinceMs: since, liveFromMs: since - SCRAPE_MS, pairs, twin },
      ...{ settling: false, canarySeen: now > 0, stableSeen: true },
    };
  };
}

export function growthOf(traffic: ArmTraffic, edgesMs: readonly number[]): ArmGrowth {
  const { started, completed, bad, slow, retried, cut } = traffic;
  return {
    classes: { 2: completed - bad, 5: bad },
    codes: {},
    ...{ completed, started, retried },
    resets: cut,
    timeouts: 0,
    timed: completed,
    within: { edges: edgesMs, counts: edgesMs.map((_, index) => completed - (slow[index] ?? 0)) },
  };
}
