import { expect, it } from 'vitest';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import type { Transition } from '../../src/core/rollout/transition.ts';
import { commandRollout } from '../../src/engine/command-rollout.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { reconcile } from '../../src/engine/reconcile.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeDependencies } from '../support/fake-dependencies.ts';
import { fakeStore } from '../support/fake-store.ts';
import { node, planSpec, planStep, push, quietTransition, rollout } from '../support/rollouts.ts';

/** How it came to be there. */
function committed(record: Rollout): Transition {
  return quietTransition({ rollout: record, traffic: true, dueAtMs: record.updatedAtMs });
}

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
  await store.records.commit(transitionCommit(committed(record), { rollout: 0, backend: 0 }, true));
  const b: Dependencies = fakeDependencies(clock, {
    ...store,
    fleets: {
      state: (fleet) => ({
        fleet,
        observedSinceMs: 0,
        complete: true,
        nodes: [node('a', { credited: { epoch: 'epoch-1', n: 1 }, creditedAtMs: 0 })],
      }),
    },
    // A hint may be lost: its replica is killed, or BullMQ's keys are gone.
  });
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

it('F3: a way back begins without the crashes of what went before it', async () => {
  const clock = fakeClock();
  const store = fakeStore(clock);
  // given: a rollout whose step took two engines with it, and whose deadline is over
  const record = rollout({
    phase: 'stepping',
    step: 0,
    attempt: 1,
    deadlineAtMs: clock.now() - 1,
    push: push(['a'], { committedAtMs: 0, liveAtMs: 0 }),
  });
  const subject = `rollout/${record.id}` as const;
  await store.records.commit(transitionCommit(committed(record), { rollout: 0, backend: 0 }, true));
  await store.suspects.blame(subject);
  await store.suspects.blame(subject);
  // when: the next look sends it back
  await reconcile(fakeDependencies(clock, { ...store }), record.id, 2);
  const read = await store.records.read([subject]);
  expect(read.kind === 'ok' ? read.value[0]?.body : null).toMatchObject({ phase: 'rolling_back' });
  // then: one more crash does not put off for ten minutes who confirms it
  expect(await store.suspects.take(subject, 1, null)).toEqual({ kind: 'ok', value: 0 });
});
