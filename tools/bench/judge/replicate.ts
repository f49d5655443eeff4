import { createRandom, type Random } from '../../../src/core/simulation/random.ts';
import type { Contest } from './contestant.ts';
import { HISTORY, MOST_SCRAPES, SCRAPE_S, stepAt, WEIGHTS } from './plan.ts';
import { createRecorder, type RecordedScrape } from './recorder.ts';
import { fleetTraffic, type ProxyTraffic, scrapeTraffic } from './traffic.ts';
import type { World } from './world.ts';

/** How one rollout ended. */
export interface Outcome {
  readonly ended: 'rollback' | 'promote' | 'held';
  /** Seconds from the first canary traffic to the scrape that decided. */
  readonly atS: number;
  /** Errors of the canary until then: what users saw. */
  readonly errors: number;
}

export function replicate(world: World, contest: Contest, seed: number): Outcome {
  const random = createRandom(seed);
  const scene = openScene(world, random);
  for (let scrape = -HISTORY; scrape < 0; scrape += 1) scene.play(scrape, 0);
  const judge = contest.enter(world, { fleets: scene.fleets, lines: scene.lines });
  let clock = 0;
  let errors = 0;
  for (let scrape = 0; scrape < MOST_SCRAPES; scrape += 1) {
    const tS = scrape * SCRAPE_S;
    const weight = WEIGHTS[stepAt(clock)] ?? 0;
    const { proxies, line } = scene.play(scrape, weight);
    const fleet = fleetTraffic(proxies);
    errors += fleet.canary.bad;
    const call = judge.look({ scrape: scrape + 1, tS, weight, proxies, fleet, line, clock });
    if (call.kind !== 'go') return { ended: call.kind, atS: tS + SCRAPE_S, errors };
    clock += call.scrapes;
  }
  return { ended: 'held', atS: MOST_SCRAPES * SCRAPE_S, errors };
}

/** The traffic of one rollout, scrape by scrape, and what its scrapes would have recorded of it. */
function openScene(world: World, random: Random) {
  const phase = random.next();
  const { disturbance } = world;
  const record = disturbance === null ? null : createRecorder(world, disturbance, random, SCRAPE_S);
  const fleets: ProxyTraffic[] = [];
  const lines: RecordedScrape[] = [];
  let wanted = 0;
  let before = 0;
  let began = 0;
  let delays: readonly number[] = [];
  const play = (scrape: number, weight: number) => {
    const tS = scrape * SCRAPE_S;
    if (weight !== wanted) {
      [before, wanted, began] = [wanted, weight, tS];
      delays = Array.from({ length: world.proxies }, () => random.next() * (disturbance?.spreadS ?? 0));
    }
    const weightOf = (proxy: number) => {
      const stillOld = Math.min(1, Math.max(0, (began + (delays[proxy] ?? 0) - tS) / SCRAPE_S));
      return world.achieved(stillOld * before + (1 - stillOld) * wanted);
    };
    const proxies = scrapeTraffic(random, world, { tS, sinceStepS: tS - began, phase }, weightOf);
    const live = delays.every((delay) => began + delay <= tS + SCRAPE_S);
    const line = record?.((tS + SCRAPE_S) * 1000, live ? wanted * 100 : null, proxies, wanted > 0) ?? null;
    if (scrape < 0) {
      fleets.push(fleetTraffic(proxies));
      if (line !== null) lines.push(line);
    }
    return { proxies, line };
  };
  return { play, fleets, lines };
}
