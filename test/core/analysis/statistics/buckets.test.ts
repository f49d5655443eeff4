import { describe, expect, it } from 'vitest';
import { bucketQuantile, slowerThan } from '../../../../src/core/analysis/statistics/buckets.ts';

const buckets = { edges: [50, 100, 250], cumulative: [10, 10, 30, 40] };

describe('bucketQuantile', () => {
  it('is linear inside a bucket, from 0 in the first, and ends at the last edge', () => {
    expect(bucketQuantile(buckets, 0.125)).toBe(25);
    expect(bucketQuantile(buckets, 0.5)).toBe(175);
    expect(bucketQuantile(buckets, 0.99)).toBe(250);
  });

  it('is unknown without requests', () => {
    expect(bucketQuantile({ edges: [50], cumulative: [0, 0] }, 0.99)).toBeNull();
  });
});

describe('slowerThan', () => {
  it('counts beyond an edge that there is', () => {
    expect(slowerThan(buckets, 100)).toBe(30);
    expect(slowerThan(buckets, 120)).toBeNull();
  });
});
