import { describe, expect, it } from 'vitest';
import type { ArmGrowth } from '../../../../src/core/analysis/sequential/growth.ts';
import { walk } from '../../../../src/core/analysis/sequential/walk.ts';
import { createRandom } from '../../../../src/core/simulation/random.ts';
import { createRecorder } from '../../../../tools/bench/judge/recorder.ts';
import { scrapeTraffic } from '../../../../tools/bench/judge/traffic.ts';
import { createLines } from '../../../../tools/bench/judge/traffic-lines.ts';
import { type Disturbance, world } from '../../../../tools/bench/judge/world.ts';

const CALM: Disturbance = { missing: 0, restart: 0, spreadS: 0, late: 0 };
const WORLD = world('T', 'test', true, { proxies: 3 });
const SCRAPE_MS = 15_000;

/** The same traffic as a line of its own, and as it is read back from scrapes. */
function both(weights: readonly number[], disturbance: Disturbance) {
  const random = createRandom(21);
  const record = createRecorder(WORLD, disturbance, random, 15);
  const { read } = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs: 0 });
  const lineOf = createLines(WORLD.edgesMs);
  return weights.map((weight, scrape) => {
    const traffic = scrapeTraffic(random, WORLD, { tS: scrape * 15, sinceStepS: 0, phase: 0 }, () => 0.2);
    return { told: lineOf(weight, traffic), read: read(record((scrape + 1) * SCRAPE_MS, weight, traffic, true)) };
  });
}

const essence = (growth: Pick<ArmGrowth, 'completed' | 'within'> | null) => {
  if (growth === null) return null;
  const { edges, counts } = growth.within;
  return [growth.completed, edges.flatMap((edge, i) => (Number.isFinite(edge) ? [[edge, counts[i]]] : []))];
};

describe('lines of traffic', () => {
  it('say what the judge reads from the scrapes of the same traffic', () => {
    const { told, read } = both([5, 5, 5, 5, 5], CALM).at(-1) ?? {};
    expect(read?.pairs.map(({ stable }) => essence(stable))).toEqual(told?.pairs.map(({ stable }) => essence(stable)));
    expect(read?.pairs.map(({ canary }) => essence(canary))).toEqual(told?.pairs.map(({ canary }) => essence(canary)));
    expect(read?.pairs.map(({ stable }) => stable?.classes)).toEqual(told?.pairs.map(({ stable }) => stable?.classes));
  });

  it('pair the baseline within one weight, without overlap', () => {
    const twins = both([0, 0, 0, 5, 5, 5, 5], CALM).map(({ told }) => told.twin !== null);
    expect(twins).toEqual([false, true, false, false, true, false, true]);
  });

  it('lose nothing by a missing scrape', () => {
    const steady = both(new Array<number>(200).fill(5), { ...CALM, missing: 0.2 });
    const sum = (of: 'told' | 'read') =>
      steady.reduce(
        (all, one) => all + one[of].pairs.reduce((own, { stable }) => own + (stable?.completed ?? 0), 0),
        0,
      );
    expect(sum('read') / sum('told')).toBeGreaterThan(0.97);
    expect(sum('read')).toBeLessThanOrEqual(sum('told'));
  });
});
