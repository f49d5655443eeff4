import { type Contest, type Look, ROLLBACK } from './contestant.ts';
import type { Behaviour, World } from './world.ts';

const ALPHA = 0.01;

/**
 * The limit: Wald's sequential test that knows both rates at every moment and which metric regressed. It has no false
 * alarm to avoid but its own, and cannot be built.
 */
export const ORACLE: Contest = {
  name: 'limit',
  plays: ({ limit }) => limit !== null,
  // Everything is divided by it, so it must be known better than the rest.
  share: { full: 10, quick: 10 },
  enter: (world) => {
    const gain = world.limit === 'latency' ? latencyGain : errorGain;
    let log = 0;
    return {
      look: (look) => {
        log += gain(look, world.canary(look.tS, Number.POSITIVE_INFINITY), world.stable(look.tS), world);
        return log >= Math.log(1 / ALPHA) ? ROLLBACK : { kind: 'go', scrapes: 1 };
      },
    };
  },
};

function errorGain({ fleet }: Look, canary: Behaviour, stable: Behaviour): number {
  const { bad, completed } = fleet.canary;
  if (canary.error === stable.error) return 0;
  const ofBad = bad * Math.log(canary.error / stable.error);
  return ofBad + (completed - bad) * Math.log((1 - canary.error) / (1 - stable.error));
}

/** Every request falls between two edges. */
function latencyGain({ fleet }: Look, canary: Behaviour, stable: Behaviour, { edgesMs }: World): number {
  const { slow, completed } = fleet.canary;
  let gain = 0;
  for (let index = 0; index <= edgesMs.length; index += 1) {
    const count = (slow[index - 1] ?? completed) - (slow[index] ?? 0);
    gain += count * Math.log(between(canary, index) / between(stable, index));
  }
  return gain;
}

function between({ slow }: Behaviour, index: number): number {
  return (slow[index - 1] ?? 1) - (slow[index] ?? 0);
}
