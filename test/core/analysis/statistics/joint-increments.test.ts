import { describe, expect, it } from 'vitest';
import { jointIncrements } from '../../../../src/core/analysis/statistics/joint-increments.ts';

describe('jointIncrements', () => {
  it('counts on where nothing restarted', () => {
    expect(jointIncrements({ a: 5, b: 7 }, { a: 9, b: 7 })).toEqual({ a: 4, b: 0 });
  });

  it('takes all that stands there after a restart, of series too that have outgrown their old value', () => {
    expect(jointIncrements({ a: 5, b: 7 }, { a: 2, b: 8 })).toEqual({ a: 2, b: 8 });
    expect(jointIncrements({ a: 5, b: 7 }, { a: 6, b: 8 }, true)).toEqual({ a: 6, b: 8 });
  });
});
