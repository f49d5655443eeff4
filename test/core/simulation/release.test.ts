import { expect, it } from 'vitest';
import { releaseOf } from '../../../src/core/simulation/release.ts';
import { planSpec } from '../../support/rollouts.ts';

it('a plan of several backends is not played: a world says how two arms are, not four', () => {
  const spec = planSpec({ backend: 'shop', joint: { others: ['cart'] } });
  const plan = { kind: 'Plan', name: 'release', spec } as const;
  const played = releaseOf([plan], plan, { revision: 'v2', stable: null, startsAtMs: 0 });
  expect(played).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_REQUEST_INVALID' }] });
  expect(played.kind === 'error' && played.errors[0]?.hint).toContain('backend: shop');
});
