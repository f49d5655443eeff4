import { describe, expect, it } from 'vitest';
import { checkShare, checkValue, type ShareLimits } from '../../../../src/core/analysis/threshold/check-share.ts';

const LIMITS: ShareLimits = { metric: 'errors', min: null, max: null, relative: null, minRequests: 0 };
const counts = (bad: number, requests: number) => ({ bad, requests });
const result = (
  limits: Partial<ShareLimits>,
  canary: [number, number] | null,
  stable: [number, number] | null = null,
) =>
  checkShare({ ...LIMITS, ...limits }, { canary: canary && counts(...canary), stable: stable && counts(...stable) })
    .result;

it('passes at its limits', () => {
  expect(result({ max: 0.1 }, [10, 100])).toBe('pass');
  expect(result({ max: 0.1 }, [11, 100])).toBe('fail');
  expect(result({ min: 0.1 }, [10, 100])).toBe('pass');
  expect(result({ min: 0.1 }, [9, 100])).toBe('fail');
});

it('has nothing to say without requests', () => {
  expect(result({ max: 0.1 }, [0, 0])).toBe('none');
  expect(result({ max: 0.1 }, null)).toBe('none');
});

describe('minRequests', () => {
  it('makes a window with fewer neither good nor bad', () => {
    expect(result({ max: 0.1, minRequests: 50 }, [49, 49])).toBe('inconclusive');
    expect(result({ max: 0.1, minRequests: 50 }, [0, 0])).toBe('inconclusive');
    expect(result({ max: 0.1, minRequests: 50 }, [50, 50])).toBe('fail');
  });
});

describe('a relative limit', () => {
  const relative = { factor: 2, offset: 0.25 };

  it('is so many times stable and something', () => {
    expect(result({ relative }, [3, 4], [1, 4])).toBe('pass');
    expect(result({ relative }, [4, 4], [1, 4])).toBe('fail');
    expect(result({ relative }, [1, 4], [0, 4])).toBe('pass');
  });

  it('needs a stable arm with requests', () => {
    expect(result({ relative }, [1, 4], null)).toBe('none');
    expect(result({ relative }, [1, 4], [0, 0])).toBe('none');
  });

  it('stands beside a fixed one, and either may fail', () => {
    expect(result({ relative, max: 0.5 }, [3, 4], [1, 4])).toBe('fail');
    expect(result({ relative, max: 0.9 }, [4, 5], [0, 4])).toBe('fail');
  });
});

it('takes no NaN for a value', () => {
  expect(checkValue(LIMITS, Number.NaN, null).result).toBe('none');
  expect(checkValue({ ...LIMITS, relative: { factor: 1, offset: 0 } }, 1, Number.NaN).result).toBe('none');
});
