import { beforeEach, expect, it } from 'vitest';
import { type Seated, takeSeat } from '../../src/engine/one-engine.ts';
import type { EngineSeat, StoreRead } from '../../src/engine/ports/store.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';
import { quiet } from '../support/quiet-logger.ts';

type Answer = StoreRead<'mine' | 'taken'>;
const MINE: Answer = { kind: 'ok', value: 'mine' };
const TAKEN: Answer = { kind: 'ok', value: 'taken' };
const DOWN: Answer = { kind: 'unavailable', detail: 'no answer' };

let clock: FakeClock;
let answer: Answer;
let calls: string[];
let lost: number;
let seated: Seated | null;

beforeEach(() => {
  clock = fakeClock();
  answer = MINE;
  calls = [];
  lost = 0;
  seated = null;
});

const seat: EngineSeat = {
  take: async () => {
    calls.push('take');
    return answer;
  },
  release: async () => {
    calls.push('release');
    return { kind: 'ok', value: 'done' };
  },
};

async function sitDown(): Promise<void> {
  void takeSeat({ seat, clock, logger: quiet }, () => {
    lost += 1;
  }).then((got) => {
    seated = got;
  });
  await clock.settle();
}

it('stands by while another engine acts, or nobody can say whether one does', async () => {
  answer = TAKEN;
  await sitDown();
  await clock.advance(60_000);
  expect(seated).toBeNull();
  answer = DOWN;
  await clock.advance(60_000);
  expect(seated).toBeNull();
  answer = MINE;
  await clock.advance(1_000);
  expect(seated).not.toBeNull();
});

it('keeps the seat through an outage, and is told when another has taken it', async () => {
  await sitDown();
  answer = DOWN;
  await clock.advance(60_000);
  expect(lost).toBe(0);
  answer = TAKEN;
  await clock.advance(60_000);
  expect(lost).toBe(1);
});

it('gives the seat up at once, and asks for it no more', async () => {
  await sitDown();
  await clock.advance(3_000);
  await seated?.leave();
  expect(calls.at(-1)).toBe('release');
  await clock.advance(60_000);
  expect(calls.at(-1)).toBe('release');
  expect(clock.timers()).toEqual([]);
});
