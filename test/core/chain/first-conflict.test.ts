import { describe, expect, it } from 'vitest';
import { firstConflict, type Touched } from '../../../src/core/chain/first-conflict.ts';

const commit = (
  reads: Record<string, number>,
  writes: Record<string, number>,
  ...events: readonly (readonly [rolloutId: string, id: string])[]
): Touched => ({
  reads: Object.entries(reads).map(([key, rev]) => ({ key, rev })),
  writes: Object.entries(writes).map(([key, rev]) => ({ key, rev })),
  events: events.map(([rolloutId, id]) => ({ rolloutId, id })),
});

const held = (revs: Record<string, number>, lastEvents: Record<string, string> = {}) => ({
  revs: new Map(Object.entries(revs)),
  lastEvents: new Map(Object.entries(lastEvents)),
});

describe('commits that are to be written again', () => {
  it('fit when each finds what the store holds, or one before it has written', () => {
    const commits = [
      commit({ a: 3, b: 0 }, { a: 4, b: 7 }),
      commit({ b: 7 }, { b: 0 }),
      commit({ a: 4, b: 0 }, { b: 8 }),
    ];
    expect(firstConflict(held({ a: 3 }), commits)).toBeNull();
  });

  it.each<[string, Record<string, number>, Touched[], object]>([
    ['the store holds another rev', { a: 4 }, [commit({ a: 3 }, {})], { index: 0, key: 'a' }],
    ['a record is there that was not', { a: 1 }, [commit({ a: 0 }, { a: 1 })], { index: 0, key: 'a' }],
    [
      'one before it has moved it',
      { a: 1 },
      [commit({ a: 1 }, { a: 2 }), commit({ a: 1 }, {})],
      { index: 1, key: 'a' },
    ],
    [
      'one before it has deleted it',
      { a: 1 },
      [commit({ a: 1 }, { a: 0 }), commit({ a: 1 }, {})],
      { index: 1, key: 'a' },
    ],
    [
      'its rollout was deleted, and what its judge knew with it',
      { 'rollout/r': 1, 'judge/r': 2 },
      [commit({ 'rollout/r': 1 }, { 'rollout/r': 0 }), commit({ 'judge/r': 2 }, {})],
      { index: 1, key: 'judge/r' },
    ],
  ])('do not when %s', (_, revs, commits, expected) => {
    expect(firstConflict(held(revs), commits)).toEqual(expected);
  });

  it('fit when their events come after those that the store holds, in order', () => {
    const commits = [
      commit({}, {}, ['r', '1700000000000-1'], ['r', '1700000000000-2'], ['s', '1-0']),
      commit({}, {}, ['r', '1700000000001-0']),
    ];
    expect(firstConflict(held({}, { r: '1700000000000-0' }), commits)).toBeNull();
  });

  it('fit when the events that stood before go with their rollout', () => {
    const commits = [
      commit({ 'rollout/r': 1 }, { 'rollout/r': 0 }),
      commit({ 'rollout/r': 0 }, { 'rollout/r': 2 }, ['r', '5-0']),
    ];
    expect(firstConflict(held({ 'rollout/r': 1 }, { r: '9-0' }), commits)).toBeNull();
  });

  it.each([
    ['later', '1700000000001-0'],
    ['later within the same millisecond', '1700000000000-10'],
    ['the very same', '1700000000000-9'],
    ['longer by a figure', '10000000000000-0'],
    ['no id at all', '?'],
  ])('do not when the last event that the store holds is %s', (_, last) => {
    const commits = [commit({}, {}, ['s', '1-0']), commit({}, {}, ['r', '1700000000000-9'])];
    expect(firstConflict(held({}, { r: last }), commits)).toEqual({ index: 1, key: 'events/r' });
  });
});
