import { shapedRps } from './traffic-shape.ts';
import { behaviour, type Disturbance, slower, type World, world } from './world.ts';

const CALM: Disturbance = { missing: 0, restart: 0, spreadS: 0, late: 0 };
const FIVE_TIMES = () => behaviour(0.025);
const RAISED = [3, 3, 3, 3];

/** Ten edges from 50 ms to 5 s, the share that is slower falling by 2 from each to the next. */
const TEN_EDGES_MS = [50, 75, 100, 150, 250, 400, 500, 1000, 2500, 5000];
const TEN_EXCEED = TEN_EDGES_MS.map((_, index) => 0.4 / 2 ** index);
const tenEdges = {
  edgesMs: TEN_EDGES_MS,
  stable: () => behaviour(0.005, { slow: TEN_EXCEED, retried: 0.01, cut: 0.001 }),
};

/** Four endpoints, one of them fails every fifth request. */
const oneBadEndpoint = 0.75 * 0.005 + 0.25 * 0.2;

/** Worlds beyond the published ones. `proxies: 4` share the traffic equally. */
export const FURTHER_WORLDS: readonly World[] = [
  world('G10', 'weights taken within 20 s, a third of the successes end 15 s late', true, {
    proxies: 4,
    disturbance: { ...CALM, spreadS: 20, late: 1 / 3 },
  }),
  world('G11', 'proxies restart, 1 % per scrape', true, { proxies: 4, disturbance: { ...CALM, restart: 0.01 } }),
  world('G12', '10 % of the scrapes missing', true, { proxies: 4, disturbance: { ...CALM, missing: 0.1 } }),
  world('G13', 'canary 3 times as slow in the first minute of a step', true, {
    disturbance: CALM,
    canary: (_, sinceStepS) => behaviour(0.005, sinceStepS < 60 ? { slow: slower(RAISED) } : {}),
  }),
  world('G14', 'three metrics and ten edges', true, tenEdges),
  world('G15', 'traffic of a real load balancer, 3 rps', true, { rps: (tS, phase) => shapedRps(tS, phase, 12) }),
  world('G16', 'restarts, missing scrapes and late successes together', true, {
    proxies: 4,
    disturbance: { missing: 0.1, restart: 0.01, spreadS: 20, late: 1 / 3 },
  }),
  world('B10', 'one of four canary endpoints fails 20 %', false, { canary: () => behaviour(oneBadEndpoint) }),
  world('B11', '30 % of the tries fail, retries save them', false, {
    stable: () => behaviour(0.005, { retried: 0.005 }),
    canary: () => behaviour(0.005, { retried: 0.3 }),
  }),
  world('B12', '2 % time out, against 0.1 %', false, {
    stable: () => behaviour(0.005, { cut: 0.001 }),
    canary: () => behaviour(0.024, { cut: 0.02 }),
  }),
  world('B13', '30 % never end', false, { disturbance: CALM, canary: () => behaviour(0.005, { hung: 0.3 }) }),
  world('B14', 'the canary gets 2.5 times its share', false, {
    achieved: (wanted) => Math.min(0.95, 2.5 * wanted),
    seenBy: 'hold',
  }),
  world('B15', '5 times, with all that G16 has', false, {
    proxies: 4,
    canary: FIVE_TIMES,
    disturbance: { missing: 0.1, restart: 0.01, spreadS: 20, late: 1 / 3 },
  }),
  world('B16', '20 times, with the traffic of G15', false, {
    rps: (tS, phase) => shapedRps(tS, phase, 12),
    canary: () => behaviour(0.1),
  }),
];
