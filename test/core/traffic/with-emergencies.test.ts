import { describe, expect, it } from 'vitest';
import type { BackendTraffic, FleetTable } from '../../../src/core/model/traffic.ts';
import { withEmergencies } from '../../../src/core/traffic/with-emergencies.ts';
import { backend, revision, route, rule, table } from './tables.ts';

const [v1, v2] = [revision('shop', 'v1'), revision('shop', 'v2')];
const other = backend('cart', [
  [revision('cart', 'v1'), 4_000],
  [revision('cart', 'v2'), 6_000],
]);
const web = route('web', [rule('shop'), rule('cart', { name: 'cart' })]);
const toStable = { backend: 'shop', cluster: 'shop--v1', releasedAt: {} };
const shopOf = ({ owners }: FleetTable) => owners.get('backend/shop')?.value as BackendTraffic;

const rolling = (weight: number, more: Partial<BackendTraffic> = {}) =>
  backend(
    'shop',
    [
      [v1, 10_000 - weight],
      [v2, weight],
    ],
    more,
  );

describe('withEmergencies', () => {
  it('sends all requests of the backend to its stable cluster, testers and all; the rest stays as it is', () => {
    const pins = [
      { matches: [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }], cluster: 'shop--v2-pin' },
    ];
    const before = table(7, [rolling(5_000, { pins, pinned: [v2.key], maxStreamMs: 5_000 }), other, web]);
    const after = withEmergencies(before, [toStable]);
    expect(shopOf(after)).toEqual({
      ...shopOf(before),
      split: [{ cluster: 'shop--v1', weight: 10_000 }],
      pins: [],
      maxStreamMs: null,
    });
    expect(after.owners.get('backend/cart')).toBe(before.owners.get('backend/cart'));
    expect(after.position).toEqual(before.position);
  });

  it('keeps a change from the node that tries it out', () => {
    const trial = {
      ...{ by: 'rollout/r1', probe: 'a', n: 8 },
      changes: [
        ['backend/shop', rolling(9_000)],
        ['route/web', null],
      ] as const,
    };
    const after = withEmergencies({ ...table(8, [rolling(0), web]), trial }, [toStable]);
    expect(after.trial?.changes.map(([owner, value]) => [owner, value?.kind === 'backend' && value.split])).toEqual([
      ['backend/shop', [{ cluster: 'shop--v1', weight: 10_000 }]],
      ['route/web', false],
    ]);
  });

  it('gives way to the table in which the decision is written down, and to a later one, and not to an earlier one', () => {
    const released = { ...toStable, releasedAt: { edge: { epoch: 'e1', n: 9 } } };
    const weightAt = (n: number, epoch?: string) =>
      shopOf(withEmergencies(table(n, [rolling(5_000), web], epoch), [released])).split.at(-1)?.weight;
    expect([weightAt(8), weightAt(9), weightAt(10)]).toEqual([10_000, 5_000, 5_000]);
    // Of another epoch a person has decided.
    expect(weightAt(1, 'e2')).toBe(5_000);
  });

  it('leaves the table as it is when there is nothing to change, or the stable cluster is not served', () => {
    const plain = table(7, [backend('shop', [[v1, 10_000]]), web]);
    expect(withEmergencies(plain, [toStable])).toBe(plain);
    const gone = table(7, [rolling(5_000), web]);
    expect(withEmergencies(gone, [{ ...toStable, cluster: 'shop--v0' }])).toBe(gone);
    expect(withEmergencies(gone, [])).toBe(gone);
  });
});
