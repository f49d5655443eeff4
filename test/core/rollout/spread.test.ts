import { describe, expect, it } from 'vitest';
import { spread } from '../../../src/core/rollout/spread.ts';

describe('spread', () => {
  it('takes the nearest rank, whatever the order', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(spread(values)).toEqual({ p50: 100, p99: 198, max: 200 });
    expect(spread([7])).toEqual({ p50: 7, p99: 7, max: 7 });
    expect(spread([])).toEqual({ p50: 0, p99: 0, max: 0 });
  });
});
