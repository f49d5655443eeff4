import { expect, it } from 'vitest';
import { activeRollouts } from '../../src/engine/active-rollouts.ts';
import { kickOnCrash } from '../../src/engine/kick-on-crash.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeLoadReports } from '../support/fake-load-reports.ts';
import { push, revision, rollout } from '../support/rollouts.ts';

it('looks at a joint rollout whichever of its canaries crashes', async () => {
  const clock = fakeClock();
  const loadReports = fakeLoadReports();
  const active = activeRollouts();
  const cart = {
    backend: 'cart',
    trigger: { revision: 'v2', endpoints: null },
    ...{ fleets: ['edge'], routeTimeoutMs: 0, canary: revision('v2', 'cart'), stable: revision('v1', 'cart') },
  };
  const atMs = { committedAtMs: clock.now(), liveAtMs: clock.now() };
  const joint = { fleets: ['edge'], others: [cart] };
  active.note(rollout({ id: 'r1', phase: 'stepping', step: 0, push: push(['a'], atMs), joint }));
  const kicked: string[] = [];
  const stop = kickOnCrash(loadReports, active.exposed, { kick: (subject) => void kicked.push(subject) }, clock);
  for (let second = 0; second < 3; second += 1) {
    await clock.advance(1_000);
    const report = (cluster: string, failed: number, requests: number) => {
      return { nodeId: 'a', cluster, atMs: clock.now(), failed, requests };
    };
    loadReports.report('edge', [report(cart.canary.cluster, 40, 40), report(cart.stable.cluster, 1, 760)]);
    await clock.settle();
  }
  await clock.advance(100);
  stop();
  expect(kicked[0]).toBe('rollout/r1');
});

it('looks at a rollout whose canary crashes within three seconds of its step, and at no other', async () => {
  const clock = fakeClock();
  const loadReports = fakeLoadReports();
  const active = activeRollouts();
  const startMs = clock.now();
  const at = (id: string) =>
    rollout({ id, phase: 'stepping', step: 0, push: push(['a'], { committedAtMs: startMs, liveAtMs: startMs }) });
  const crashing = at('r1');
  const other = { ...at('r2'), canary: { ...crashing.canary, cluster: 'cart--v2' } };
  for (const one of [crashing, other, { ...at('r3'), fleets: ['mesh'] }]) active.note(one);
  const kicked: string[] = [];
  const kick = (subject: string) => void kicked.push(`${subject} ${clock.now() - startMs}`);
  const stop = kickOnCrash(loadReports, active.exposed, { kick }, clock);
  const second = async (failed: number): Promise<void> => {
    await clock.advance(1_000);
    const report = (cluster: string, bad: number, requests: number) => {
      return { nodeId: 'a', cluster, atMs: clock.now(), failed: bad, requests };
    };
    loadReports.report('edge', [
      report(crashing.canary.cluster, failed, 40),
      report(other.canary.cluster, 0, 40),
      report(crashing.stable?.cluster ?? '', 1, 760),
    ]);
    await clock.settle();
  };
  await second(40);
  await second(40);
  await clock.advance(100);
  expect(kicked).toEqual(['rollout/r1 2050']);
  // Over, or told to stop: nothing more.
  active.note({ ...crashing, phase: 'rolling_back' });
  await second(40);
  await clock.advance(100);
  stop();
  active.note(crashing);
  await second(40);
  await clock.advance(100);
  expect(kicked).toHaveLength(1);
});
