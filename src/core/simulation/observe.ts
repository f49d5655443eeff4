import { baselineOf, type JudgeState, type ScalarResult } from '../analysis/judge.ts';
import { READOUT_ARMS, readoutQuestions } from '../analysis/readout/take-readout.ts';
import { BREAKER_CLOSED } from '../rollout/breaker.ts';
import { judgedProxies } from '../rollout/judge-push.ts';
import { currentAnalysis, observationNeeds } from '../rollout/needs.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { Observations } from '../rollout/transition.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';
import type { SimulatedFleet } from './fleet.ts';
import { current, isOut, type World } from './world.ts';

/** What a look at this rollout sees of the world: what the record needs, and nothing else. */
export function observeWorld(
  world: World,
  fleet: SimulatedFleet,
  rollout: Rollout,
  judgement: JudgeState | null,
  nowMs: number,
): Observations {
  const fleets = fleet.observe();
  const needs = observationNeeds(rollout, world.scrapeMs, nowMs, BREAKER_CLOSED, { judgement });
  const judged = needs.counters !== null && currentAnalysis(rollout).length > 0;
  const proxies = judged ? judgedProxies(rollout, fleets, [judgement]) : null;
  const { counters: asks } = needs;
  // All clocks of a world are one.
  const range = { fromMs: asks?.fromMs(0) ?? nowMs, toMs: nowMs };
  const counters = asks === null ? null : fleet.counters({ ...asks, ...range, proxies });
  const asked = needs.queries.length + needs.readout.length + (needs.counters === null ? 0 : 1);
  const queries = new Map([
    ...needs.queries.flatMap(({ name, relative }) => [
      [name, answer(world, rollout, name, 'canary', nowMs)] as const,
      ...(relative === undefined ? [] : [[baselineOf(name), answer(world, rollout, name, 'stable', nowMs)] as const]),
    ]),
    ...needs.readout.flatMap((metric) =>
      READOUT_ARMS.flatMap((arm) => readoutQuestions(metric, arm).map(({ key }) => [key, NO_USERS] as const)),
    ),
  ]);
  const seen = { fleets, counters, queries, scrapeMs: world.scrapeMs };
  return asked === 0 ? seen : { ...seen, offsetMs: 0 };
}

/** A world knows requests, not users; a readout decides nothing by being empty. */
const NO_USERS: ScalarResult = { kind: 'gap', gap: 'NO_DATA', detail: 'a simulated world knows nothing of users' };

function answer(world: World, rollout: Rollout, name: string, arm: 'stable' | 'canary', nowMs: number): ScalarResult {
  const sinceStartMs = nowMs - world.startsAtMs;
  if (isOut(world, sinceStartMs)) return { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'Prometheus does not answer' };
  const said = world.queries.get(name)?.[arm];
  if (said == null) return { kind: 'gap', gap: 'NO_DATA', detail: 'the world does not say' };
  return { kind: 'ok', value: current(said, sinceStartMs, canaryWeight(rollout)).value, atMs: nowMs };
}
