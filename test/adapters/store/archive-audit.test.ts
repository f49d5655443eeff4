import { expect, it } from 'vitest';
import { merged } from '../../../src/adapters/store/archive-audit.ts';

const written = (id: string, text = id) => ({ id, text });

it('puts two logs together by the time of their lines', () => {
  const own = [written('9-0'), written('30-0')];
  const brought = [written('10-1'), written('10-0'), written('200-0')];
  expect(merged(own, brought).map(({ id }) => id)).toEqual(['9-0', '10-0', '10-1', '30-0', '200-0']);
});

it('has a line of both once', () => {
  expect(merged([written('1-0')], [written('1-0'), written('2-0')])).toEqual([written('1-0'), written('2-0')]);
});

it('keeps two that happened under one id in different stores', () => {
  const both = merged([written('1-0', 'a'), written('1-1', 'b')], [written('1-0', 'c')]);
  expect(both.map(({ text }) => text).sort()).toEqual(['a', 'b', 'c']);
  expect(both.map(({ id }) => id)).toEqual(['1-0', '1-1', '1-2']);
});
