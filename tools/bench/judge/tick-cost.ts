import { judgeLine, recordLine } from '../../../src/core/analysis/sequential/judge-line.ts';
import { startJudging } from '../../../src/core/analysis/sequential/state.ts';
import { createRandom } from '../../../src/core/simulation/random.ts';
import { binomial } from '../../../src/core/simulation/sampling.ts';
import { percentile } from '../percentile.ts';
import { SETTINGS } from './sequential.ts';
import type { ArmTraffic } from './traffic.ts';
import { createLines } from './traffic-lines.ts';

const TICKS = 60;
const HISTORY = 4;
const EDGES_MS = [100, 250, 500];

/** Milliseconds that the decision of one tick takes: four metrics, six counts, a stratum per proxy. */
export function tickCostMs(proxies: number): number {
  const random = createRandom(proxies);
  const arm = (completed: number): ArmTraffic => ({
    ...{ started: completed, completed, retried: 0, cut: 0 },
    bad: binomial(random, completed, 0.01),
    slow: EDGES_MS.map((_, index) => binomial(random, completed, 0.1 / (index + 1))),
  });
  const lineOf = createLines(EDGES_MS);
  const lineAt = (weight: number) =>
    lineOf(
      weight,
      Array.from({ length: proxies }, () => ({ canary: arm(weight * 10), stable: arm(1000 - weight * 10) })),
    );
  let state = startJudging(SETTINGS);
  for (let tick = 0; tick < HISTORY; tick += 1) state = recordLine(SETTINGS, state, lineAt(0));
  const times: number[] = [];
  for (let tick = 0; tick < TICKS; tick += 1) {
    const line = lineAt(20);
    const began = performance.now();
    state = judgeLine(SETTINGS, state, line).state;
    times.push(performance.now() - began);
  }
  return Math.round(percentile(times, 0.5) * 1000) / 1000;
}
