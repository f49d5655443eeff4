import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { endInTurns } from '../../../src/adapters/xds/end-in-turns.ts';

function streams(count: number) {
  const open = new Set<() => void>();
  const begin = () => {
    const end = () => void open.delete(end);
    open.add(end);
  };
  for (let i = 0; i < count; i += 1) begin();
  return { open, begin };
}

it('ends so many in a turn of the loop, and others have theirs in between', async () => {
  const { open } = streams(25);
  const left: number[] = [];
  const ended = endInTurns(open, 10);
  while (open.size > 0) {
    left.push(open.size);
    await nextTurn();
  }
  await ended;
  expect(left).toEqual([15, 5]);
});

it('ends what opens meanwhile, too', async () => {
  const { open, begin } = streams(11);
  const ended = endInTurns(open, 10);
  begin();
  await ended;
  expect(open.size).toBe(0);
});

it('has nothing to do where nothing is open', async () => {
  await endInTurns(new Set(), 10);
});
