import { describe, expect, it } from 'vitest';
import { normalQuantile } from '../../../../src/core/analysis/statistics/normal-quantile.ts';

describe('normalQuantile', () => {
  it.each([
    [0.5, 0],
    [0.975, 1.959963984540054],
    [0.01, -2.3263478740408408],
    [0.0005, -3.2905267314919255],
    [1e-10, -6.361340902404056],
    [1e-20, -9.26234008979841],
    [0.25, -0.6744897501960817],
  ])('at %d is %d', (p, z) => {
    expect(normalQuantile(p)).toBeCloseTo(z, 12);
  });

  it('refuses what is no probability inside (0, 1)', () => {
    for (const p of [0, 1, -1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(RangeError);
  });
});
