import { describe, expect, it } from 'vitest';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import { activeRollouts, kickOnProgress } from '../../src/engine/active-rollouts.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { node, push, rollout } from '../support/rollouts.ts';

const live = rollout({ id: 'live', phase: 'stepping', step: 0, push: push(['a'], { liveAtMs: 5 }) });
const waiting = rollout({ id: 'waiting', phase: 'stepping', step: 0, push: push(['a']) });

/** Rollouts of fleet `edge`, and a view that a test changes before it says that there was progress. */
function rig() {
  const clock = fakeClock();
  const active = activeRollouts();
  const kicked: string[] = [];
  let tell: (fleet: string) => void = () => undefined;
  let looks = 0;
  const edge = { nodes: [node('a')] as readonly FleetNode[], complete: true };
  const view = {
    state: (fleet: string) => {
      looks += 1;
      return { fleet, observedSinceMs: 0, ...edge };
    },
    onProgress: (listener: (fleet: string) => void) => {
      tell = listener;
      return () => undefined;
    },
  };
  kickOnProgress(view, active, { kick: (subject) => void kicked.push(subject) }, clock);
  return {
    active,
    edge,
    looks: () => looks,
    async progress(fleet = 'edge'): Promise<string[]> {
      tell(fleet);
      tell(fleet);
      await clock.advance(10);
      return kicked.splice(0);
    },
  };
}

describe('progress of a fleet', () => {
  it('makes one look at each rollout that waits for Envoys, and at no other', async () => {
    const { active, edge, progress } = rig();
    for (const one of [live, waiting]) active.note(one);
    await progress();
    edge.nodes = [node('a', { credited: { epoch: 'e', n: 7 }, creditedAtMs: 9 })];
    expect(await progress()).toEqual(['rollout/waiting']);
    expect(await progress('other')).toEqual([]);
  });

  it.each<[string, (edge: ReturnType<typeof rig>['edge']) => void]>([
    ['an Envoy leaves', (edge) => Object.assign(edge, { nodes: [node('a', { connected: false })] })],
    ['an Envoy comes', (edge) => Object.assign(edge, { nodes: [node('a'), node('b')] })],
    ['the view is complete no more', (edge) => Object.assign(edge, { complete: false })],
    [
      'an Envoy refuses something',
      (edge) => {
        const nack = { position: { epoch: 'e', n: 7 }, type: 'RDS', trial: null, message: 'no', atMs: 3 };
        Object.assign(edge, { nodes: [node('a', { nack })] });
      },
    ],
  ])('concerns all of them when %s', async (_what, change) => {
    const { active, edge, progress } = rig();
    for (const one of [live, waiting]) active.note(one);
    await progress();
    change(edge);
    expect(await progress()).toEqual(['rollout/live', 'rollout/waiting']);
    expect(await progress()).toEqual(['rollout/waiting']);
  });

  it('is not looked into while every rollout waits: a large fleet says much', async () => {
    const { active, looks, progress } = rig();
    active.note(waiting);
    expect(await progress()).toEqual(['rollout/waiting']);
    expect(looks()).toBe(0);
  });

  it('concerns a rollout no more once it is over', async () => {
    const { active, progress } = rig();
    active.note(waiting);
    expect(await progress()).toEqual(['rollout/waiting']);
    active.note({ ...waiting, phase: 'promoted' });
    expect(await progress()).toEqual([]);
  });

  it.each(['preparing', 'promoting', 'rolling_back', 'aborting'] as const)(
    'concerns one that is %s, live or not',
    async (phase) => {
      const { active, progress } = rig();
      active.note({ ...live, phase });
      await progress();
      expect(await progress()).toEqual(['rollout/live']);
    },
  );
});

it('remembers the backend of a rollout while it goes on', () => {
  const active = activeRollouts();
  expect(active.backendOf('waiting')).toBeNull();
  active.note(waiting);
  expect(active.backendOf('waiting')).toBe('checkout');
  active.note({ ...waiting, phase: 'aborted' });
  expect(active.backendOf('waiting')).toBeNull();
});
