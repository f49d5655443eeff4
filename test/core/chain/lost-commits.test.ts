import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeptCommit } from '../../../src/core/chain/kept-commit.ts';
import { lostCommits, type StoreHistory, whyNot } from '../../../src/core/chain/lost-commits.ts';
import { chain } from '../../support/kept-commits.ts';

const WORDS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** A store that holds these commits. */
function holding(commits: readonly KeptCommit[], epoch = 'e1'): StoreHistory {
  const last = commits.at(-1);
  const links = new Map(commits.map(({ n, hash }) => [n, hash]));
  return { epoch, n: last?.n ?? 0, hash: last?.hash ?? '', links };
}

describe('commits that a store has lost', () => {
  const all = chain(WORDS);

  it('are those behind the last link that it has in common with a tail', () => {
    expect(lostCommits(holding(all.slice(0, 4)), all, 6)).toEqual({ kind: 'found', commits: all.slice(4) });
    // The tail begins just there.
    expect(lostCommits(holding(all.slice(0, 4)), all.slice(4), 6)).toEqual({ kind: 'found', commits: all.slice(4) });
    expect(lostCommits(holding([]), all, 6)).toEqual({ kind: 'found', commits: all });
  });

  it('are none when all were written again before', () => {
    expect(lostCommits(holding(all), all, 6)).toEqual({ kind: 'found', commits: [] });
  });

  it.each<[string, StoreHistory, readonly KeptCommit[], number, object, string]>([
    ['nothing was kept', holding([]), [], 6, { kind: 'nothing kept' }, 'has kept no commit'],
    [
      'the store is another one',
      holding(all.slice(0, 4), 'e2'),
      all,
      6,
      { kind: 'another epoch' },
      'another store, or was reconciled since',
    ],
    [
      'the tail does not reach back',
      holding(all.slice(0, 1)),
      all.slice(3),
      6,
      { kind: 'begins late', from: 2, to: 3 },
      'only what came after commits 2 to 3',
    ],
    [
      'others have seen more',
      holding(all.slice(0, 2)),
      all.slice(0, 5),
      6,
      { kind: 'ends early', from: 6, to: 6 },
      'has not kept commit 6',
    ],
    [
      'the store holds more than the tail',
      holding(all.slice(0, 5)),
      all.slice(0, 3),
      6,
      { kind: 'ends early', from: 4, to: 6 },
      'commits 4 to 6',
    ],
    [
      'the store has moved on since',
      holding([...all.slice(0, 3), ...chain(['x', 'y'], 4, all[2]?.hash)]),
      all,
      6,
      { kind: 'moved on', common: 3, since: 2 },
      'up to commit 3',
    ],
    [
      'the store has moved on beyond what was lost',
      holding([...all.slice(0, 3), ...chain(['u', 'v', 'w', 'x', 'y'], 4, all[2]?.hash)]),
      all,
      6,
      { kind: 'moved on', common: 3, since: 5 },
      'taken 5 of its own',
    ],
    [
      'the chains have nothing in common',
      holding(chain(['u', 'v', 'w'])),
      all.slice(1),
      6,
      { kind: 'differs', n: 3 },
      'another history',
    ],
    [
      'a commit of the tail says something else than it did',
      holding(all.slice(0, 2)),
      all.map((commit) => (commit.n === 5 ? { ...commit, content: Buffer.from('E') } : commit)),
      6,
      { kind: 'damaged', n: 5 },
      'damaged at commit 5',
    ],
    [
      'a commit of the tail is missing',
      holding(all.slice(0, 2)),
      all.filter(({ n }) => n !== 4),
      6,
      { kind: 'damaged', n: 5 },
      'damaged',
    ],
  ])('cannot be written again when %s', (_, store, tail, seen, expected, words) => {
    const lost = lostCommits(store, tail, seen);
    expect(lost).toEqual(expected);
    expect(lost.kind === 'found' ? '' : whyNot(lost)).toContain(words);
  });

  it('whatever was lost and kept: found are exactly those that make the store what was seen', () => {
    const number = fc.integer({ min: 0, max: 6 });
    fc.assert(
      fc.property(number, number, number, (held, from, others) => {
        const own = chain(['u', 'v', 'w', 'x', 'y', 'z'].slice(0, others), held + 1, all[held - 1]?.hash);
        const store = [...all.slice(0, held), ...own];
        const lost = lostCommits(holding(store), all.slice(from), 6);
        const possible = others === 0 && from <= held && from < 6;
        expect(lost.kind === 'found').toBe(possible);
        if (lost.kind === 'found') expect([...store, ...lost.commits]).toEqual(all);
      }),
    );
  });
});
