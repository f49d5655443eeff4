import { describe, expect, it } from 'vitest';
import type { BackendTraffic } from '../../../src/core/model/traffic.ts';
import { afterLoss, jointMode, rolloutAfter } from '../../../src/core/rollout/after-loss.ts';
import { partsOf } from '../../../src/core/rollout/joint.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import {
  backendState,
  fleetAt,
  node,
  planSpec,
  planStep,
  push,
  revision,
  rollout,
  settings,
} from '../../support/rollouts.ts';

const steps = [planStep({ weight: 100 }), planStep({ weight: 1_000 }), planStep({ weight: 5_000 })];
const spec = planSpec({ strategy: { name: 'any', steps } });
const at = (step: number, fields: Partial<Rollout> = {}): Rollout =>
  rollout({ ...{ spec, phase: 'stepping', step, attempt: step + 1, push: push(['a']) }, ...fields });
const traffic = (record: Rollout | null, state = backendState()): BackendTraffic => backendTraffic(state, record);

function decide(input: {
  mode: 'adopt' | 'stable';
  rollout: Rollout | null;
  running: BackendTraffic | null;
  state?: ReturnType<typeof backendState>;
}) {
  const state = input.state ?? backendState({ rolloutId: input.rollout?.id ?? null });
  const outcome = afterLoss({
    ...{ by: 'someone', settings, nowMs: 9_000, fleets: fleetAt(null, [node('a'), node('b')]) },
    ...{ ...input, state },
  });
  const active = rolloutAfter(outcome, input.rollout);
  return { ...outcome, active, traffic: backendTraffic(outcome.state, active) };
}

const weights = ({ split }: BackendTraffic) => split.map(({ cluster, weight }) => [cluster.split('-')[2], weight]);

describe('adopting what the Envoys run', () => {
  it('leaves a rollout alone whose record says the same', () => {
    const outcome = decide({ mode: 'adopt', rollout: at(1), running: traffic(at(1)) });
    expect(outcome).toMatchObject({ transition: null, summary: null });
  });

  it('keeps a cluster that the routes name for a drill which the store has lost, also when the rollout then fails', () => {
    const prepared = at(-1, { phase: 'preparing' });
    const drilling = at(-1, { phase: 'preparing', drill: { stage: 'out', backMs: null } });
    const { state, active } = decide({ mode: 'adopt', rollout: prepared, running: traffic(drilling) });
    expect(active).toEqual(prepared);
    expect(backendTraffic(state, null).revisions.map(({ cluster }) => cluster)).toContain(prepared.canary.cluster);
    const told = decide({ mode: 'adopt', rollout: prepared, running: traffic(prepared) });
    expect(told.state.retired).toEqual([]);
  });

  it('moves a test to the arm that the Envoys were given all of, and back to all arms where they were not', () => {
    const green = { name: 'green', trigger: { revision: 'v3', endpoints: null }, canary: revision('v3') };
    const even = planStep({ weight: 3_300, weights: { green: 3_300 } });
    const plan = planSpec({ variants: ['green'], strategy: { name: 'any', steps: [even] } });
    const test = (fields: Partial<Rollout> = {}) => at(0, { spec: plan, variants: [green], ...fields });
    const won = test({ phase: 'promoting', winner: 'green' });
    const onward = decide({ mode: 'adopt', rollout: test(), running: traffic(won) });
    expect(onward.active).toMatchObject({ phase: 'promoting', winner: 'green' });
    expect(onward.traffic.split).toEqual(traffic(won).split);
    // Whoever is stepping has no winner, whatever a record says of one.
    const { active } = decide({ mode: 'adopt', rollout: won, running: traffic(test()) });
    expect(active?.phase).toBe('stepping');
    expect(active === null ? [] : partsOf(active).map(({ arm }) => arm)).toEqual(['canary', 'green']);
    const ended = decide({ mode: 'stable', rollout: test(), running: null });
    expect(ended.state.retired.map(({ revision: { name } }) => name).toSorted()).toEqual(['v2', 'v3']);
  });

  it.each([1, 2])('moves a rollout to step %i that the Envoys have, paused, and counts them anew', (step) => {
    const {
      active,
      transition,
      traffic: given,
    } = decide({ mode: 'adopt', rollout: at(0), running: traffic(at(step)) });
    expect(active).toMatchObject({ phase: 'stepping', step, evidence: null, approval: null });
    // A hook knows questions of the attempts that are lost.
    expect(active?.attempt).toBeGreaterThan(at(step).attempt);
    expect(active?.paused?.by).toBe('someone');
    expect(active?.push).toMatchObject({ counted: { edge: ['a', 'b'] }, liveAtMs: null });
    expect(given.split).toEqual(traffic(at(step)).split);
    expect(transition?.events.map(({ type }) => type)).toEqual(['paused']);
  });

  it('moves a rollout that was promoting on to that', () => {
    const running = traffic(at(2, { phase: 'promoting' }));
    const { active } = decide({ mode: 'adopt', rollout: at(0), running });
    expect(active).toMatchObject({ phase: 'promoting', paused: null });
  });

  it('ends a rollout whose way back was lost: it is not taken back', () => {
    const { active, state, transition } = decide({ mode: 'adopt', rollout: at(1), running: traffic(null) });
    expect(active).toBeNull();
    expect(transition?.rollout).toMatchObject({ phase: 'aborted', cause: { kind: 'person', by: 'someone' } });
    expect(state).toMatchObject({ stable: revision('v1'), rolloutId: null });
  });

  it('lets a way back go on although the Envoys have the canary: nothing raises it again', () => {
    const record = at(1, { phase: 'rolling_back' });
    const { traffic: given, transition } = decide({ mode: 'adopt', rollout: record, running: traffic(at(2)) });
    expect(transition).toBeNull();
    expect(weights(given)).toEqual([['v1', 10_000]]);
  });

  it('takes the revision for stable that gets all requests, when no rollout is known', () => {
    const running = traffic(null, backendState({ stable: revision('v2'), rolloutId: null }));
    const { state, traffic: given } = decide({ mode: 'adopt', rollout: null, running });
    expect(state.stable?.name).toBe('v2');
    expect(weights(given)).toEqual([['v2', 10_000]]);
  });

  it('sends a share back that no rollout accounts for, and keeps its cluster served', () => {
    const state = backendState({ stable: null, rolloutId: null });
    const outcome = decide({ mode: 'adopt', rollout: null, running: traffic(at(1)), state });
    expect(weights(outcome.traffic)).toEqual([['v1', 10_000]]);
    expect(outcome.traffic.revisions.map(({ name }) => name)).toEqual(['v1', 'v2']);
    expect(outcome.state.retired[0]?.untilMs).toBe(9_000 + settings.retireAfterMs);
  });

  it('leaves a change alone that one Envoy tries out', () => {
    const record = at(0, { push: push(['a'], { probe: { edge: 'a' } }) });
    expect(decide({ mode: 'adopt', rollout: record, running: traffic(null) })).toMatchObject({ transition: null });
  });
});

describe('all to stable', () => {
  it.each([
    ['behind the record', at(0)],
    ['ahead of it', at(2)],
    ['promoting', at(2, { phase: 'promoting' })],
  ])('ends a rollout as aborted when the Envoys are %s, and keeps its cluster served', (_where, running) => {
    const outcome = decide({ mode: 'stable', rollout: at(1), running: traffic(running) });
    expect(outcome.transition?.rollout).toMatchObject({ phase: 'aborted', cause: { kind: 'person' } });
    expect(outcome.transition?.notices.map(({ kind }) => kind)).toEqual(['aborted']);
    expect(outcome.state.rolloutId).toBeNull();
    expect(weights(outcome.traffic)).toEqual([['v1', 10_000]]);
    expect(outcome.traffic.revisions.map(({ name }) => name)).toEqual(['v1', 'v2']);
  });

  it('ends a rollout also where it is not known what the Envoys run', () => {
    const outcome = decide({ mode: 'stable', rollout: at(1), running: null });
    expect(outcome.transition?.rollout.phase).toBe('aborted');
    expect(outcome.traffic.revisions.map(({ name }) => name)).toEqual(['v1', 'v2']);
  });

  it('takes the stable arm of the Envoys when the store has lost the backend', () => {
    const state = backendState({ stable: null, rolloutId: null });
    const outcome = decide({ mode: 'stable', rollout: null, running: traffic(at(2)), state });
    expect(outcome.state.stable?.name).toBe('v1');
    expect(weights(outcome.traffic)).toEqual([['v1', 10_000]]);
  });

  it('goes back to the stable revision of the store, whatever the Envoys run', () => {
    const running = traffic(null, backendState({ stable: revision('v2'), rolloutId: null }));
    const outcome = decide({ mode: 'stable', rollout: null, running });
    expect(weights(outcome.traffic)).toEqual([['v1', 10_000]]);
    expect(outcome.traffic.revisions.map(({ name }) => name)).toEqual(['v1', 'v2']);
  });

  it('changes nothing where all is on stable', () => {
    expect(decide({ mode: 'stable', rollout: null, running: traffic(null) })).toMatchObject({
      transition: null,
      summary: null,
    });
  });
});

describe('a joint rollout on its way back', () => {
  const cart = {
    ...{ backend: 'cart', trigger: { revision: 'v2', endpoints: null }, fleets: ['edge'], routeTimeoutMs: 0 },
    ...{ canary: revision('v2', 'cart'), stable: revision('v1', 'cart') },
  };
  const back = at(0, { phase: 'aborting', joint: { fleets: ['edge'], others: [cart] } });
  const first = { state: backendState({ rolloutId: back.id }), running: traffic(back) };
  const second = backendState({ backend: 'cart', stable: cart.stable, rolloutId: back.id });

  it('goes on where the Envoys are known to have all of them', () => {
    expect(jointMode('adopt', back, [first, { state: second, running: backendTraffic(second, back) }])).toBe('adopt');
  });

  it('ends for all of them where nobody knows what one has: alone that one would end it, and the others be owned by it', () => {
    expect(jointMode('adopt', back, [first, { state: second, running: null }])).toBe('stable');
  });
});
