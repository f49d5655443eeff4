import { TOTAL_WEIGHT } from '../model/documents.ts';
import { armsOf, shareOf } from '../rollout/arms.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { Random } from './random.ts';
import { binomial, poisson } from './sampling.ts';
import { current, type World } from './world.ts';

export const STABLE = 'stable';

interface Totals {
  users: number;
  successes: number;
}

/** Users of a test and what they do: each has one arm, by the shares of the step in which they come. */
export class SimulatedUsers {
  readonly #world: Pick<World, 'readout'>;
  readonly #random: Random;
  readonly #totals = new Map<string, Map<string, Totals>>();
  #sinceMs = 0;

  constructor(world: Pick<World, 'readout'>, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Until then, ms from the start, the rollout is as it is now. */
  advance(untilMs: number, rollout: Rollout): void {
    const fromMs = this.#sinceMs;
    if (untilMs <= fromMs) return;
    this.#sinceMs = untilMs;
    const shares = armsOf(rollout).map(({ name }) => [name, shareOf(rollout, name)] as const);
    const tested = shares.reduce((sum, [, share]) => sum + share, 0);
    for (const [metric, { users, stable, arms }] of this.#world.readout) {
      const mean = (current(users, fromMs, tested).rps * (untilMs - fromMs)) / 1_000;
      for (const [arm, share] of [[STABLE, TOTAL_WEIGHT - tested] as const, ...shares]) {
        const ratios = arm === STABLE ? stable : (arms.get(arm) ?? stable);
        const { ratio } = current(ratios, fromMs, arm === STABLE ? tested : share);
        const came = poisson(this.#random, (mean * share) / TOTAL_WEIGHT);
        const totals = this.#of(metric, arm);
        totals.users += came;
        totals.successes += binomial(this.#random, came, ratio);
      }
    }
  }

  /** `null`: the world does not say. */
  totals(metric: string, arm: string): Readonly<Totals> | null {
    return this.#world.readout.has(metric) ? this.#of(metric, arm) : null;
  }

  #of(metric: string, arm: string): Totals {
    const arms = this.#totals.get(metric) ?? new Map<string, Totals>();
    this.#totals.set(metric, arms);
    const totals = arms.get(arm) ?? { users: 0, successes: 0 };
    arms.set(arm, totals);
    return totals;
  }
}
