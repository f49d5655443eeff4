import type { Random } from '../../../src/core/simulation/random.ts';
import { binomial, errors, poisson } from '../../../src/core/simulation/sampling.ts';
import { SCRAPE_S } from './plan.ts';
import type { Behaviour, World } from './world.ts';

/** What happened to one arm on one proxy during one scrape. */
export interface ArmTraffic {
  readonly started: number;
  readonly completed: number;
  readonly bad: number;
  readonly slow: readonly number[];
  readonly retried: number;
  readonly cut: number;
}

export interface ProxyTraffic {
  readonly stable: ArmTraffic;
  readonly canary: ArmTraffic;
}

/** Traffic of all proxies in the scrape that begins at `tS`; before 0 there is no canary. */
export function scrapeTraffic(
  random: Random,
  world: World,
  at: { readonly tS: number; readonly sinceStepS: number; readonly phase: number },
  weightOf: (proxy: number) => number,
): readonly ProxyTraffic[] {
  const mean = (SCRAPE_S * world.rps(at.tS, at.phase)) / world.proxies;
  const [stable, canary] = [world.stable(at.tS), world.canary(at.tS, at.sinceStepS)];
  return Array.from({ length: world.proxies }, (_, proxy) => {
    const requests = poisson(random, mean);
    const ofCanary = binomial(random, requests, weightOf(proxy));
    return {
      stable: armTraffic(random, requests - ofCanary, stable, world.burst),
      canary: armTraffic(random, ofCanary, canary, world.burst),
    };
  });
}

function armTraffic(random: Random, started: number, does: Behaviour, burst: number): ArmTraffic {
  const completed = started - binomial(random, started, does.hung);
  let above = completed;
  let share = 1;
  // Each edge is crossed among those that crossed the one before.
  const slow = does.slow.map((exceed) => {
    above = binomial(random, above, exceed / share);
    share = exceed;
    return above;
  });
  return {
    started,
    completed,
    bad: errors(random, completed, does.error, burst),
    slow,
    retried: binomial(random, completed, does.retried),
    cut: binomial(random, completed, does.cut),
  };
}

/** Both arms over all proxies. */
export function fleetTraffic(proxies: readonly ProxyTraffic[]): ProxyTraffic {
  const [first, ...others] = proxies;
  if (first === undefined) throw new RangeError('a fleet has a proxy');
  return others.reduce(
    (sum, one) => ({ stable: add(sum.stable, one.stable), canary: add(sum.canary, one.canary) }),
    first,
  );
}

export function add(a: ArmTraffic, b: ArmTraffic): ArmTraffic {
  return {
    started: a.started + b.started,
    completed: a.completed + b.completed,
    bad: a.bad + b.bad,
    slow: a.slow.map((count, index) => count + (b.slow[index] ?? 0)),
    retried: a.retried + b.retried,
    cut: a.cut + b.cut,
  };
}
