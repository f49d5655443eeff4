import { baselineOf, type JudgeState, type ScalarResult } from '../analysis/judge.ts';
import { READOUT_ARMS, readoutQuestions } from '../analysis/readout/take-readout.ts';
import { CANARY } from '../model/variants.ts';
import { BREAKER_CLOSED } from '../rollout/breaker.ts';
import { answerKey, partName, partsOf } from '../rollout/joint.ts';
import { judgedProxies } from '../rollout/judge-push.ts';
import { currentAnalysis, memoriesOf, type ObservationNeeds, observationNeeds } from '../rollout/needs.ts';
import type { Part, Rollout } from '../rollout/rollout.ts';
import type { Observations } from '../rollout/transition.ts';
import { canaryWeight } from '../traffic/backend-traffic.ts';
import type { SimulatedFleet } from './fleet.ts';
import { type SimulatedUsers, STABLE } from './users.ts';
import { current, isOut, type World } from './world.ts';

export interface Memory {
  readonly judgement: JudgeState | null;
  readonly judgements: Readonly<Record<string, JudgeState>>;
}

/** What a look at this rollout sees of the world: what the record needs, and nothing else. */
export function observeWorld(
  world: World,
  { fleet, users }: { readonly fleet: SimulatedFleet; readonly users: SimulatedUsers },
  rollout: Rollout,
  memory: Memory,
  nowMs: number,
): Observations {
  const fleets = fleet.observe();
  const needs = observationNeeds(rollout, world.scrapeMs, nowMs, BREAKER_CLOSED, memory);
  const judged = needs.counters !== null && currentAnalysis(rollout).length > 0;
  const proxies = judged ? judgedProxies(rollout, fleets, memoriesOf(rollout, memory)) : null;
  const { counters: asks } = needs;
  // All clocks of a world are one.
  const range = { fromMs: asks?.fromMs(0) ?? nowMs, toMs: nowMs };
  const counters = asks === null ? null : fleet.counters({ ...asks, ...range, proxies });
  const asked = needs.queries.length + needs.readout.length + (needs.counters === null ? 0 : 1);
  const queries = new Map([
    ...partsOf(rollout).flatMap((part) => queryAnswers(world, rollout, part, needs, nowMs)),
    ...partsOf(rollout).flatMap((part, i) =>
      needs.readout.flatMap((metric) =>
        // Of stable it is asked once, for all that are compared with it.
        READOUT_ARMS.filter((arm) => arm !== STABLE || i === 0).flatMap((arm) =>
          readoutQuestions(metric, arm).map(({ key }, question) => {
            const totals =
              metric.kind === 'share' ? users.totals(metric.name, arm === STABLE ? arm : armOf(part)) : null;
            const value = question === 0 ? totals?.users : totals?.successes;
            const answer = isOut(world, nowMs - world.startsAtMs) ? DOWN : answerOf(value, NO_USERS, nowMs);
            return [answerKey(rollout, partName(part), key), answer] as const;
          }),
        ),
      ),
    ),
  ]);
  const seen = { fleets, counters, queries, scrapeMs: world.scrapeMs };
  return asked === 0 ? seen : { ...seen, offsetMs: 0 };
}

const DOWN: ScalarResult = { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'Prometheus does not answer' };
const UNSAID: ScalarResult = { kind: 'gap', gap: 'NO_DATA', detail: 'the world does not say' };
/** A readout decides nothing by being empty. */
const NO_USERS: ScalarResult = { kind: 'gap', gap: 'NO_DATA', detail: 'the world says nothing of users' };

function queryAnswers(
  world: World,
  rollout: Rollout,
  part: Part,
  { queries }: ObservationNeeds,
  nowMs: number,
): readonly (readonly [string, ScalarResult])[] {
  const sinceStartMs = nowMs - world.startsAtMs;
  const said = world.backends.find(({ backend }) => backend === part.backend)?.queries;
  return queries.flatMap(({ name, relative }) => {
    const answer = (arm: string): ScalarResult => {
      if (isOut(world, sinceStartMs)) return DOWN;
      const own = said?.get(name);
      const entries = arm === STABLE ? own?.stable : own?.arms.get(arm);
      return entries == null
        ? UNSAID
        : answerOf(current(entries, sinceStartMs, canaryWeight(part)).value, UNSAID, nowMs);
    };
    const key = (of: string) => answerKey(rollout, partName(part), of);
    return [
      [key(name), answer(armOf(part))] as const,
      ...(relative === undefined ? [] : [[key(baselineOf(name)), answer(STABLE)] as const]),
    ];
  });
}

function armOf({ arm = CANARY }: Part): string {
  return arm;
}

function answerOf(value: number | undefined, otherwise: ScalarResult, atMs: number): ScalarResult {
  return value === undefined ? otherwise : { kind: 'ok', value, atMs };
}
