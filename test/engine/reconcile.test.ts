import { expect, it } from 'vitest';
import { activeRollouts } from '../../src/engine/active-rollouts.ts';
import { commandRollout } from '../../src/engine/command-rollout.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { reconcile } from '../../src/engine/reconcile.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeStore } from '../support/fake-store.ts';
import { noHistory } from '../support/no-history.ts';
import { quiet } from '../support/quiet-logger.ts';
import { backendState, node, planSpec, planStep, push, rollout, scriptedJudge, settings } from '../support/rollouts.ts';

it('a look that changes nothing does not put off what a command made due meanwhile', async () => {
  const clock = fakeClock();
  const store = fakeStore(clock);
  const nowMs = clock.now();
  const deadlineAtMs = nowMs + 7_200_000;
  const spec = planSpec({ strategy: { name: 'any', steps: [planStep({ approve: true })] } });
  // given: a rollout whose step is live and waits for an approval, next look at its deadline
  const record = rollout({
    spec,
    phase: 'stepping',
    step: 0,
    attempt: 1,
    deadlineAtMs,
    waitingFor: 'the approval of a person',
    push: push(['a'], { committedAtMs: 0, liveAtMs: 0 }),
  });
  const first = {
    rollout: record,
    backend: backendState(),
    traffic: true,
    events: [],
    notices: [],
    confirmedAfterMs: [],
    dueAtMs: nowMs,
  };
  await store.records.commit(transitionCommit(first, { rollout: 0, backend: 0 }, true));
  const b: Dependencies = {
    ...store,
    fleets: {
      state: (fleet) => ({
        fleet,
        observedSinceMs: 0,
        complete: true,
        nodes: [node('a', { credited: { epoch: 'epoch-1', n: 1 }, creditedAtMs: 0 })],
      }),
    },
    history: noHistory,
    metrics: {
      counters: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      proxies: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
      scrapeMs: () => 1_000,
    },
    notifier: { targets: () => [], deliver: async () => ({ kind: 'delivered' }) },
    // A hint may be lost: its replica is killed, or BullMQ's keys are gone.
    wakeUps: { kick() {} },
    active: activeRollouts(),
    judge: scriptedJudge(() => 'pass'),
    clock,
    newId: () => 'unused',
    logger: quiet,
    meter: { event() {}, commitConflict() {}, delivery() {}, storeUp() {}, confirmedBack() {} },
    settings: () => settings,
    fleetNames: ['edge'],
  };
  // when: replica A looks (some Envoy ACKed something), and B commits an approval before A has said when to look again
  let raced = false;
  const commit: Dependencies['records']['commit'] = async (change) => {
    if (!raced) {
      raced = true;
      const gate = { step: 0, attempt: 1 };
      await commandRollout(b, { id: record.id, command: { type: 'approve', gate }, rev: null, by: 'someone' });
    }
    return store.records.commit(change);
  };
  await reconcile({ ...b, records: { ...store.records, commit } }, record.id);
  // then: the approved rollout is due at once, not at its deadline, where it would be rolled back
  const read = await store.records.read([`rollout/${record.id}`]);
  const now = read.kind === 'ok' ? (read.value[0]?.body as typeof record | undefined) : undefined;
  expect(now?.approval?.by).toBe('someone');
  const next = await store.due.next();
  expect(next.kind === 'ok' ? (next.value ?? 0) - nowMs : null).toBeLessThanOrEqual(5_000);
  expect(raced).toBe(true);
});
