import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreement, matchSeries, uncoveredCount } from '../../../src/core/fleet/match-series.ts';
import { node } from '../../support/rollouts.ts';

const match = (nodes: Parameters<typeof matchSeries>[0], names: readonly string[], unnamed = false) =>
  matchSeries(nodes, { kind: 'ok', names, unnamed });

describe('Envoys and series', () => {
  it('that know each other are covered', () => {
    const seen = match(
      [node('b', { metricsName: 'b:9901' }), node('a', { metricsName: 'a:9901' })],
      ['a:9901', 'b:9901'],
    );
    expect(seen).toEqual({
      covered: new Set(['a', 'b']),
      withoutSeries: [],
      withoutNode: [],
      shared: [],
      nameless: 0,
      near: null,
      unnamed: false,
    });
  });

  it('that one side alone sees are named', () => {
    const seen = match([node('b'), node('a'), node('c', { metricsName: null })], ['a', 'z', 'y'], true);
    expect(seen).toMatchObject({ withoutSeries: ['b', 'c'], withoutNode: ['y', 'z'], nameless: 1, unnamed: true });
  });

  it('a series whose name several connected Envoys give is shared: it speaks for none of them', () => {
    const twins = [node('b', { metricsName: 'x' }), node('a', { metricsName: 'x' }), node('c')];
    expect(match(twins, ['x', 'c'])).toMatchObject({
      covered: new Set(['c']),
      shared: [{ name: 'x', nodes: ['a', 'b'] }],
      withoutSeries: [],
      withoutNode: [],
    });
  });

  it('a name that several give and nobody scrapes is no series to share', () => {
    const twins = [node('a', { metricsName: 'x' }), node('b', { metricsName: 'x' })];
    expect(match(twins, [])).toMatchObject({ shared: [], withoutSeries: ['a', 'b'] });
  });

  it('one that left is missed nowhere, and its series is no stranger’s', () => {
    const seen = match([node('a', { connected: false })], ['a']);
    expect(seen).toMatchObject({ covered: new Set(), withoutSeries: [], withoutNode: [] });
  });

  it('the successor of one that left has its name for itself', () => {
    const seen = match([node('old', { connected: false, metricsName: 'x' }), node('new', { metricsName: 'x' })], ['x']);
    expect(seen).toMatchObject({ covered: new Set(['new']), shared: [] });
  });

  it.each([
    ['10.0.0.1', '10.0.0.1:9901'],
    ['edge-1:9901', 'edge-1'],
    ['Edge-1', 'edge-1'],
    ['edge-1:9901', 'edge-1:9090'],
  ])('%s and %s are near: the same but for port or case', (ours, theirs) => {
    const seen = match([node('z'), node('n', { metricsName: ours })], ['other', theirs]);
    expect(seen.near).toEqual({ node: 'n', ours, theirs });
  });

  it('each connected Envoy is in exactly one place, and each name of Prometheus in one at most', () => {
    const name = fc.constantFrom('x', 'y', 'z', 'x:1', 'X');
    const some = fc.array(fc.record({ connected: fc.boolean(), metricsName: fc.option(name) }), { maxLength: 6 });
    fc.assert(
      fc.property(some, fc.uniqueArray(name), (given, names) => {
        const nodes = given.map((fields, i) => node(`n${i}`, fields));
        const seen = match(nodes, names);
        const placed = [...seen.covered, ...seen.withoutSeries, ...seen.shared.flatMap((one) => one.nodes)];
        const connected = nodes.filter((one) => one.connected).map(({ nodeId }) => nodeId);
        expect([...placed].sort()).toEqual(connected.sort());
        expect(uncoveredCount(seen)).toBe(connected.length - seen.covered.size);
        for (const { name: shared } of seen.shared) expect(seen.withoutNode).not.toContain(shared);
      }),
    );
  });
});

describe('coverage agrees with the ledger', () => {
  it('when each has the other, and the ledger is whole', () => {
    expect(agreement(match([node('a')], ['a']), true)).toBe(true);
    expect(agreement(match([], []), true)).toBe(true);
  });

  it.each([
    ['an Envoy without a series', match([node('a')], [])],
    ['a shared series', match([node('a', { metricsName: 'x' }), node('b', { metricsName: 'x' })], ['x'])],
    ['series without the label', match([], [], true)],
  ])('not with %s, whatever other engines may know', (_, seen) => {
    expect([agreement(seen, true), agreement(seen, false)]).toEqual([false, false]);
  });

  it('a series without an Envoy may be of one that another engine knows', () => {
    const seen = match([node('a')], ['a', 'b']);
    expect([agreement(seen, true), agreement(seen, false)]).toEqual([false, null]);
  });

  it('that nothing is missed here says little while the ledger has holes', () => {
    expect(agreement(match([node('a')], ['a']), false)).toBeNull();
  });
});
