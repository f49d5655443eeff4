import { describe, expect, it } from 'vitest';
import { liveness } from '../../../src/core/fleet/liveness.ts';
import { fleetAt, node } from '../../support/rollouts.ts';

describe('liveness', () => {
  const counted = { edge: ['a'] };
  const asking = { by: 'rollout/r1', graceMs: 30_000, nowMs: 1_000 };

  it('takes a credit of another epoch for none', () => {
    const observed = fleetAt(5, [node('a', { credited: { epoch: 'older', n: 9 } })]);
    expect(liveness(counted, observed, asking).kind).toBe('waiting');
  });

  it('does not hold a refusal of something older against the push', () => {
    const nack = { position: { epoch: 'e', n: 4 }, type: 'RDS', message: 'no', atMs: 0 };
    const observed = fleetAt(5, [node('a', { credited: { epoch: 'e', n: 3 }, nack })]);
    expect(liveness(counted, observed, asking)).toEqual({ kind: 'waiting', laggards: ['a'], nacks: [] });
  });
});
