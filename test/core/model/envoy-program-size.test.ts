import { describe, expect, it } from 'vitest';
import { envoyPattern } from '../../../src/core/model/envoy-pattern.ts';
import { envoyProgramSize } from '../../../src/core/model/envoy-program-size.ts';

const sizeOf = (pattern: string) => envoyProgramSize(envoyPattern(pattern));

/** What Envoy 1.40 said of each, with `re2.max_program_size.error_level` at 0. */
const MEASURED = [
  ['/a', 6],
  ['/aaaaa', 10],
  ['/a(?:\\?.*)?', 11],
  ['/a(?:[/?].*)?', 12],
  ['(?:|.*;\\s*)name=[^;]*(?:;.*)?', 25],
  ['(?:|.*;\\s*)name=abc(?:;.*)?', 26],
  ['[a-z]{20}', 24],
  ['(a|b|c)+', 8],
  ['.*', 6],
  ['[^/]+', 7],
  ['\\w+', 8],
  ['\\pL', 11],
  ['é{10}', 15],
  ['(?i)abcdef', 10],
  ['a{2,40}', 82],
  ['x*y+z?', 10],
  ['[é-ü]', 5],
  ['(?s).{30}', 34],
  ['/api/v[0-9]+/users/[^/]+', 22],
  ['(foo|bar|baz)qux', 16],
  ['(?:(?:a?){5}){4}', 44],
  ['[A-Za-z]', 5],
  ['[a-zA-Z0-9_-]{8,32}', 156],
] as const;

describe('how large a pattern is to Envoy', () => {
  it.each(MEASURED)('%s: %d', (pattern, size) => {
    expect(sizeOf(pattern)).toBe(size);
  });

  it('is what Envoy says at least, where RE2 simplifies more', () => {
    expect(sizeOf('^abc.*')).toBeGreaterThanOrEqual(6);
    expect(sizeOf('.*.*')).toBeGreaterThanOrEqual(6);
  });

  it('is not counted to the last where it is beyond all limits', () => {
    expect(sizeOf('(?:a{1,30}){1,30}b{0,900}')).toBeGreaterThan(900);
  });
});
