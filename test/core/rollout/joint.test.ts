import { describe, expect, it } from 'vitest';
import {
  answerKey,
  backendNames,
  backendsOf,
  canaryNames,
  metricOf,
  ownMetric,
  partOf,
  partsOf,
} from '../../../src/core/rollout/joint.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { push, revision, rollout } from '../../support/rollouts.ts';

/** `checkout` in fleet `edge`, and `cart` in `edge` and `inner`. */
function joint(fields: Partial<Rollout> = {}, ofCart = 'v2'): Rollout {
  const cart = {
    backend: 'cart',
    trigger: { revision: ofCart, endpoints: null },
    fleets: ['edge', 'inner'],
    routeTimeoutMs: 5_000,
    canary: revision(ofCart, 'cart'),
    stable: revision('v1', 'cart'),
  };
  return rollout({ fleets: ['edge', 'inner'], joint: { fleets: ['edge'], others: [cart] }, ...fields });
}

describe('a rollout of one backend', () => {
  it('is its own part, whichever is asked for', () => {
    const alone = rollout();
    expect(partsOf(alone)).toEqual([alone]);
    expect(partOf(alone, 'another')).toBe(alone);
    expect([backendNames(alone), canaryNames(alone), metricOf(alone, 'checkout', 'latency')]).toEqual([
      ...['checkout', 'v2', 'latency'],
    ]);
  });
});

describe('a joint rollout', () => {
  it('has a part for each backend, with its own arms, fleets and Envoys, and all else in common', () => {
    const whole = joint({
      push: { ...push(['a']), counted: { edge: ['a'], inner: ['b'] } },
      excluded: { inner: ['c'] },
      phase: 'stepping',
    });
    const [checkout, cart, ...more] = partsOf(whole);
    expect(more).toEqual([]);
    expect(checkout).toMatchObject({ backend: 'checkout', fleets: ['edge'], excluded: {}, phase: 'stepping' });
    expect(checkout?.push?.counted).toEqual({ edge: ['a'] });
    expect(cart).toMatchObject({ backend: 'cart', fleets: ['edge', 'inner'], excluded: { inner: ['c'] } });
    expect(cart?.push?.counted).toEqual({ edge: ['a'], inner: ['b'] });
    expect(cart?.canary.cluster).toBe(revision('v2', 'cart').cluster);
    expect(partOf(whole, 'cart')).toEqual(cart);
  });

  it('names all of them, and the revision of each where they are not of one name', () => {
    expect([backendsOf(joint()), backendNames(joint()), canaryNames(joint())]).toEqual([
      ...[['checkout', 'cart'], 'checkout, cart', 'v2'],
    ]);
    expect(canaryNames(joint({}, 'v7'))).toBe('v2 of checkout, v7 of cart');
  });

  it('tells metrics and answers of its backends apart, and finds them again', () => {
    const whole = joint();
    const shown = metricOf(whole, 'cart', 'error-rate');
    expect(shown).toBe('error-rate (cart)');
    expect(ownMetric(whole, 'cart', shown)).toBe('error-rate');
    expect([answerKey(whole, 'checkout', 'orders'), answerKey(whole, 'cart', 'orders')]).toEqual([
      ...['orders', 'cart/orders'],
    ]);
  });

  it('comes back from the store as it was', () => {
    const whole = joint();
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(rollout())))).not.toHaveProperty('joint');
  });
});
