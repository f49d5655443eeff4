import { expect, it } from 'vitest';
import { feedPublishers } from '../../../src/adapters/xds/feed-publishers.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { quiet } from '../../support/quiet-logger.ts';

/** So many fleets, whose reads end when the test says so. */
function scene(fleets: number) {
  const clock = fakeClock();
  const reading = new Map<string, () => void>();
  const read: string[] = [];
  let [most, polls] = [0, 0];
  let changed: (fleets: readonly string[]) => void = () => undefined;
  const publishers = new Map(
    Array.from({ length: fleets }, (_, i) => {
      const refresh = () =>
        new Promise<void>((resolve) => {
          reading.set(`fleet-${i}`, resolve);
          most = Math.max(most, reading.size);
        });
      return [`fleet-${i}`, { refresh, prepare: () => undefined, stop: () => undefined }] as const;
    }),
  );
  const feeding = feedPublishers({
    traffic: {
      follow: async (onChange) => {
        changed = onChange;
        return { stop: async () => undefined };
      },
    },
    ...{ publishers, clock, logger: quiet },
    polled: () => {
      polls += 1;
    },
  });
  return {
    ...{ clock, feeding, read, reading },
    most: () => most,
    polls: () => polls,
    change: (fleet: string) => changed([fleet]),
    /** Every read under way ends, and so do those that follow, until nothing is read. */
    answer: async () => {
      for (; reading.size > 0; await clock.settle()) {
        for (const [fleet, end] of [...reading]) {
          reading.delete(fleet);
          read.push(fleet);
          end();
        }
      }
    },
  };
}

it('a start has read every table, a few at a time: each has its time to itself', async () => {
  const { feeding, answer, read, most, clock } = scene(63);
  const started = feeding.start();
  await clock.settle();
  await answer();
  await started;
  expect(read.toSorted()).toEqual(Array.from({ length: 63 }, (_, i) => `fleet-${i}`).toSorted());
  expect(most()).toBe(8);
  await feeding.stop();
});

it('F4: a store that does not answer delays a start by two seconds, however many fleets there are', async () => {
  const { feeding, answer, read, clock } = scene(63);
  let started = false;
  const start = feeding.start().then(() => {
    started = true;
  });
  await clock.advance(1_999);
  expect(started).toBe(false);
  await clock.advance(1);
  expect(started).toBe(true);
  // then: what is read later is read all the same
  await answer();
  expect(new Set(read).size).toBe(63);
  await start;
  await feeding.stop();
});

it('polls go on behind a store that hangs, and what has changed is read beside them at once', async () => {
  const { feeding, answer, reading, polls, change, clock } = scene(20);
  const started = feeding.start();
  await clock.settle();
  await answer();
  await started;
  // when
  await clock.advance(2_500);
  // then
  expect([polls(), reading.size]).toEqual([2, 8]);
  change('fleet-19');
  expect(reading.has('fleet-19')).toBe(true);
  await feeding.stop();
});

it('a fleet that changes faster than it is read holds up nobody', async () => {
  const { feeding, answer, reading, read, clock } = scene(20);
  const started = feeding.start();
  await clock.settle();
  await answer();
  await started;
  read.length = 0;
  // when: the first one is never done
  for (let s = 0; s < 12; s += 1) {
    await clock.advance(1_000);
    const busy = reading.get('fleet-0');
    reading.delete('fleet-0');
    await answer();
    if (busy !== undefined) reading.set('fleet-0', busy);
  }
  // then
  expect(read.filter((fleet) => fleet === 'fleet-19').length).toBeGreaterThanOrEqual(3);
  await feeding.stop();
});
