import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../../src/core/model/line-diff.ts';

/** What `patch` does with hunks; refuses those that do not fit. */
function applied(before: readonly string[], hunks: readonly string[]): readonly string[] {
  const result: string[] = [];
  let at = 0;
  let left: readonly [number, number] = [0, 0];
  for (const line of hunks) {
    const [, start, oldCount, newStart, newCount] = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(line)?.map(Number) ?? [];
    if (start !== undefined && oldCount !== undefined && newStart !== undefined && newCount !== undefined) {
      expect(left).toEqual([0, 0]);
      const from = oldCount === 0 ? start : start - 1;
      expect(from).toBeGreaterThanOrEqual(at);
      result.push(...before.slice(at, from));
      expect(newCount === 0 ? newStart : newStart - 1).toBe(result.length);
      [at, left] = [from, [oldCount, newCount]];
      continue;
    }
    const [sign, text] = [line[0], line.slice(1)];
    if (sign !== '+') expect(before[at]).toBe(text);
    if (sign !== '-') result.push(text);
    if (sign !== '+') at += 1;
    left = [left[0] - Number(sign !== '+'), left[1] - Number(sign !== '-')];
  }
  expect(left).toEqual([0, 0]);
  return [...result, ...before.slice(at)];
}

const line = fc.constantFrom('a', 'b', 'c', '', '@@ -1,1 +1,1 @@ no hunk', '- d', '+ e');

describe('a diff of lines', () => {
  it('applied to the old text, gives the new one', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 60 }), fc.array(line, { maxLength: 60 }), (before, after) => {
        expect(applied(before, unifiedDiff(before, after))).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });

  it('also where few lines of many differ, and then says little more than those', () => {
    const change = fc.record({
      at: fc.nat({ max: 300 }),
      remove: fc.nat({ max: 3 }),
      insert: fc.array(line, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
        const before = Array.from({ length: 300 }, (_, i) => `line ${i % 50}`);
        const after = [...before];
        for (const { at, remove, insert } of changes) after.splice(at, remove, ...insert);
        const hunks = unifiedDiff(before, after);
        expect(applied(before, hunks)).toEqual(after);
        expect(hunks.length).toBeLessThanOrEqual(changes.length * (1 + 6 + 6));
      }),
    );
  });

  it('is empty for equal texts alone', () => {
    const lines = ['a', 'b'];
    expect(unifiedDiff(lines, [...lines])).toEqual([]);
    expect(unifiedDiff([], [])).toEqual([]);
    expect(unifiedDiff([], [''])).toEqual(['@@ -0,0 +1,1 @@', '+']);
  });

  it('is what diff -u writes', () => {
    const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
    const after = ['1', '2', '3', '4', 'five', '6', '7', '8', '9'];
    expect(unifiedDiff(before, after)).toEqual(['@@ -2,7 +2,7 @@', ' 2', ' 3', ' 4', '-5', '+five', ' 6', ' 7', ' 8']);
  });

  it('replaces the whole of a text of which hardly a line stays', () => {
    const before = Array.from({ length: 3_000 }, (_, i) => `old ${i}`);
    const after = Array.from({ length: 3_000 }, (_, i) => `new ${i}`);
    const hunks = unifiedDiff(before, after);
    expect(hunks[0]).toBe('@@ -1,3000 +1,3000 @@');
    expect(applied(before, hunks)).toEqual(after);
  });
});
