import { describe, expect, it } from 'vitest';
import { liveness } from '../../../src/core/fleet/liveness.ts';
import { fleetAt, node } from '../../support/rollouts.ts';

describe('liveness', () => {
  const counted = { edge: ['a'] };
  const asking = { routesOnly: false, by: 'rollout/r1', graceMs: 30_000, nowMs: 1_000 };

  it('takes a credit of another epoch for none', () => {
    const observed = fleetAt(5, [node('a', { credited: { epoch: 'older', n: 9 } })]);
    expect(liveness(counted, observed, asking).kind).toBe('waiting');
  });

  it('takes the ACK of the routes for weights, whatever the clusters wait for', () => {
    const waiting = node('a', { credited: { epoch: 'e', n: 4 }, routes: { epoch: 'e', n: 5 }, routesAtMs: 70 });
    expect(liveness(counted, fleetAt(5, [waiting]), asking).kind).toBe('waiting');
    const live = liveness(counted, fleetAt(5, [waiting]), { ...asking, routesOnly: true });
    expect(live).toMatchObject({ kind: 'live', nodes: [{ ackedAtMs: 70 }] });
  });

  it('does not hold what was refused as part of somebody else’s trial against the push', () => {
    const position = { epoch: 'e', n: 6 };
    const refusal = (trial: string | null) => {
      const nack = { position, type: 'route', trial, message: 'no', atMs: 0 };
      return liveness(counted, fleetAt(5, [node('a', { nack })]), asking);
    };
    expect(refusal('rollout/other')).toEqual({ kind: 'waiting', laggards: { edge: ['a'] }, nacks: [] });
    for (const trial of [null, 'rollout/r1']) expect(refusal(trial)).toMatchObject({ nacks: [{ nodeId: 'a' }] });
  });

  it('does not hold a refusal of something older against the push', () => {
    const nack = { position: { epoch: 'e', n: 4 }, type: 'RDS', trial: null, message: 'no', atMs: 0 };
    const observed = fleetAt(5, [node('a', { credited: { epoch: 'e', n: 3 }, nack })]);
    expect(liveness(counted, observed, asking)).toEqual({ kind: 'waiting', laggards: { edge: ['a'] }, nacks: [] });
  });
});
