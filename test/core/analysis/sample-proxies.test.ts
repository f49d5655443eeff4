import { expect, it } from 'vitest';
import { sampleProxies } from '../../../src/core/analysis/sample-proxies.ts';

const names = Array.from({ length: 200 }, (_, i) => `10.0.0.${i}:9901`);

it('takes all where there are few', () => {
  expect(sampleProxies(names.slice(0, 64), 64)).toEqual(names.slice(0, 64));
});

it('chooses the same whatever the order, and a larger sample holds the smaller one', () => {
  const small = sampleProxies(names, 64);
  expect(small).toHaveLength(64);
  expect(sampleProxies(names.toReversed(), 64)).toEqual(small);
  const large = sampleProxies(names, 128);
  expect(small.every((name) => large.includes(name))).toBe(true);
  expect(small).not.toEqual(names.slice(0, 64));
});

it('keeps its share of those whose name is not known', () => {
  const odd = [...names.slice(0, 150), ...new Array<null>(50).fill(null)];
  const chosen = sampleProxies(odd, 64);
  expect([chosen.length, chosen.filter((name) => name === null).length]).toEqual([64, 16]);
});
