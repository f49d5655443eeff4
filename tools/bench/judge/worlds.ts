import { behaviour, slower, type World, world } from './world.ts';

const RAMP_S = 1200;
const ramp = (tS: number) => Math.min(1, Math.max(0, tS) / RAMP_S);
const both = (rate: (tS: number) => number) => ({ stable: (tS: number) => behaviour(rate(tS)) });
const errorsOf = (canary: (tS: number) => number) => ({
  canary: (tS: number) => behaviour(canary(tS)),
  limit: 'errors' as const,
});

/** The worlds of the published benchmark, in its order: an index fixes the seeds. */
export const WORLDS: readonly World[] = [
  world('G1', 'steady', true, {}),
  world(
    'G2',
    'near the threshold of 99 %',
    true,
    both(() => 0.009),
  ),
  world('G3', 'low traffic, 2 rps', true, { rps: () => 2 }),
  world('G3b', 'very low traffic, 0.3 rps', true, { rps: () => 0.3 }),
  world(
    'G4',
    'incident in both arms',
    true,
    both((tS) => (tS >= 480 && tS < 720 ? 0.05 : 0.005)),
  ),
  world('G5', 'bursts in both arms', true, { burst: 8 }),
  world(
    'G6',
    'drift in both arms',
    true,
    both((tS) => 0.002 + 0.006 * ramp(tS)),
  ),
  world(
    'G7',
    'clean',
    true,
    both(() => 0.0001),
  ),
  world('G8', 'harmless +5 %, 2000 rps', true, { rps: () => 2000, canary: () => behaviour(0.005 * 1.05) }),
  world('G9', 'exactly at the margin', true, { canary: () => behaviour(0.00625) }),
  world(
    'B1',
    '2 times',
    false,
    errorsOf(() => 0.01),
  ),
  world(
    'B2',
    '5 times',
    false,
    errorsOf(() => 0.025),
  ),
  world('B3', '30 times, below the SLO', false, { ...both(() => 0.0001), ...errorsOf(() => 0.003) }),
  world(
    'B4',
    'crash',
    false,
    errorsOf(() => 0.5),
  ),
  world('B5', '20 times at 2 rps', false, { rps: () => 2, ...errorsOf(() => 0.1) }),
  world('B5b', '20 times at 0.3 rps', false, { rps: () => 0.3, ...errorsOf(() => 0.1) }),
  world(
    'B6',
    'slow leak, 1 to 8 times',
    false,
    errorsOf((tS) => 0.005 * (1 + 7 * ramp(tS))),
  ),
  world('B7', '5 times from 12 min on', false, { onsetS: 720, ...errorsOf((tS) => (tS >= 720 ? 0.025 : 0.005)) }),
  world('B8', '5 times, in bursts', false, { burst: 8, ...errorsOf(() => 0.025), limit: null }),
  world('B9', 'latency alone', false, {
    canary: () => behaviour(0.005, { slow: slower([1.2, 1.6, 1.75, 1.8]) }),
    limit: 'latency',
  }),
];
