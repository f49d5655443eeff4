import { describe, expect, it } from 'vitest';
import { startTargets } from '../../../src/surfaces/cli/start-targets.ts';

describe('what a start rolls out', () => {
  it.each([
    ['one revision for all', { revision: ['v2'] }, { revision: 'v2' }],
    [
      'where it runs',
      { revision: ['v2'], endpoints: ['10.0.0.1:80, 10.0.0.2:80'] },
      { revision: 'v2', endpoints: ['10.0.0.1:80', '10.0.0.2:80'] },
    ],
    [
      'another one for one of the backends',
      { revision: ['v2', 'cart=v7'], endpoints: ['cart=10.0.0.3:80'] },
      { revision: 'v2', backends: { cart: { revision: 'v7', endpoints: ['10.0.0.3:80'] } } },
    ],
    [
      'one for each',
      { revision: ['shop=v2', 'cart=v7'] },
      { backends: { shop: { revision: 'v2' }, cart: { revision: 'v7' } } },
    ],
    [
      'a revision for each variant of a test, which may run elsewhere',
      {
        ...{ revision: ['v2'], variant: ['blue=v3', 'green=v4'] },
        endpoints: ['10.0.0.1:80', 'green=10.0.0.4:80'],
      },
      {
        ...{ revision: 'v2', endpoints: ['10.0.0.1:80'] },
        variants: { blue: { revision: 'v3' }, green: { revision: 'v4', endpoints: ['10.0.0.4:80'] } },
      },
    ],
  ])('is %s', (_, flags, expected) => {
    expect(startTargets(flags)).toEqual({ kind: 'ok', value: expected });
  });

  it.each([
    ['for all', { revision: ['v2', 'v3'] }, '--revision is given twice: v2 and v3'],
    ['for a variant', { revision: ['v2'], variant: ['blue=v3', 'blue=v4'] }, '--variant of blue is given twice'],
    ['for one', { revision: ['v2'], endpoints: ['cart=a:1', 'cart=b:1'] }, '--endpoints of cart is given twice'],
  ])('cannot be said twice %s', (_, flags, message) => {
    expect(startTargets(flags)).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_REQUEST_INVALID', message }] });
  });

  it('has no variant without a name', () => {
    expect(startTargets({ revision: ['v2'], variant: ['v3'] })).toMatchObject({
      errors: [{ code: 'SERIN_REQUEST_INVALID', message: '--variant v3 names no variant' }],
    });
  });
});
