import { describe, expect, it } from 'vitest';
import { CommitTail } from '../../../src/core/chain/commit-tail.ts';
import { keptSize } from '../../../src/core/chain/kept-commit.ts';
import { chain } from '../../support/kept-commits.ts';

const LARGE = { bytes: 1_000_000, commits: 1_000 };
const numbers = (tail: CommitTail) => tail.commits().map(({ n }) => n);

describe('a tail of commits', () => {
  it('keeps what contradicts nothing of it, once', () => {
    const tail = new CommitTail(LARGE);
    for (const commit of [...chain(['a', 'b', 'c']), ...chain(['a', 'b', 'c'])]) tail.next(commit);
    expect(numbers(tail)).toEqual([1, 2, 3]);
  });

  it('leaves out what a store that went back makes of the same numbers', () => {
    const tail = new CommitTail(LARGE);
    const ours = chain(['a', 'b', 'c']);
    for (const commit of ours) tail.next(commit);
    const others = chain(['x', 'y', 'z'], 2, ours[0]?.hash);
    for (const commit of others) tail.next(commit);
    expect(tail.commits()).toEqual(ours);
  });

  it('begins anew behind a gap, and in another epoch', () => {
    const tail = new CommitTail(LARGE);
    for (const commit of chain(['a', 'b'])) tail.next(commit);
    tail.next(chain(['d'], 4)[0] as never);
    expect(numbers(tail)).toEqual([4]);
    tail.next(chain(['e'], 5, 'whatever', 'e2')[0] as never);
    expect(numbers(tail)).toEqual([5]);
  });

  it('goes on from the end of a tail of the process before it', () => {
    const tail = new CommitTail(LARGE);
    const all = chain(['a', 'b', 'c', 'd']);
    for (const commit of all.slice(0, 2)) tail.next(commit);
    const told: number[] = [];
    const later = new CommitTail(LARGE, ({ n }) => told.push(n), tail.commits());
    for (const commit of all) later.next(commit);
    expect(later.commits()).toEqual(all);
    expect(told).toEqual([3, 4]);
  });

  it('takes own commits before they are read, and in spite of that they never are', () => {
    const tail = new CommitTail(LARGE);
    const [a, b, c, d] = chain(['a', 'b', 'c', 'd']) as [never, never, never, never];
    tail.own(d);
    tail.own(b);
    expect(numbers(tail)).toEqual([]);
    tail.next(a);
    expect(numbers(tail)).toEqual([1, 2]);
    tail.next(b);
    tail.next(c);
    expect(numbers(tail)).toEqual([1, 2, 3, 4]);
  });

  it('does not take an own commit for the next one that follows on something else', () => {
    const tail = new CommitTail(LARGE);
    for (const commit of chain(['a', 'b'])) tail.next(commit);
    tail.own(chain(['x'], 3, 'another')[0] as never);
    expect(numbers(tail)).toEqual([1, 2]);
  });

  it('keeps so many, and so many bytes, but always the newest', () => {
    const all = chain(Array.from({ length: 50 }, (_, i) => `commit ${i}`));
    const few = new CommitTail({ ...LARGE, commits: 3 });
    const small = new CommitTail({ ...LARGE, bytes: 10 * keptSize(all[49] as never) });
    for (const commit of all) {
      few.next(commit);
      small.next(commit);
    }
    expect(numbers(few)).toEqual([48, 49, 50]);
    expect(numbers(small)).toEqual([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
    expect(small.size()).toBe(small.commits().reduce((sum, commit) => sum + keptSize(commit), 0));
    const tiny = new CommitTail({ bytes: 1, commits: 1_000 });
    for (const commit of all) tiny.next(commit);
    expect(numbers(tiny)).toEqual([50]);
  });

  it('tells of each commit that it keeps, in order', () => {
    const told: number[] = [];
    const tail = new CommitTail(LARGE, ({ n }) => told.push(n));
    const [a, b, c] = chain(['a', 'b', 'c']) as [never, never, never];
    tail.own(c);
    for (const commit of [a, b, c]) tail.next(commit);
    expect(told).toEqual([1, 2, 3]);
  });
});
