import { describe, expect, it } from 'vitest';
import { matchSeries } from '../../../src/core/fleet/match-series.ts';
import { node } from '../../support/rollouts.ts';

const match = (nodes: Parameters<typeof matchSeries>[0], names: readonly string[], unnamed = false) =>
  matchSeries(nodes, { kind: 'ok', names, unnamed });

describe('Envoys and series', () => {
  it('that know each other are covered', () => {
    const seen = match(
      [node('b', { metricsName: 'b:9901' }), node('a', { metricsName: 'a:9901' })],
      ['a:9901', 'b:9901'],
    );
    expect(seen).toEqual({ covered: new Set(['a', 'b']), withoutSeries: [], withoutNode: [], unnamed: false });
  });

  it('that one side alone sees are named', () => {
    const seen = match([node('b'), node('a'), node('c', { metricsName: null })], ['a', 'z', 'y'], true);
    expect(seen).toMatchObject({ withoutSeries: ['b', 'c'], withoutNode: ['y', 'z'], unnamed: true });
  });

  it('a name that two connected Envoys share covers neither', () => {
    const twins = [node('a', { metricsName: 'x' }), node('b', { metricsName: 'x' })];
    expect(match(twins, ['x'])).toMatchObject({ withoutSeries: ['a', 'b'], withoutNode: [] });
  });

  it('one that left is missed nowhere, and its series is no stranger’s', () => {
    const seen = match([node('a', { connected: false })], ['a']);
    expect(seen).toMatchObject({ covered: new Set(), withoutSeries: [], withoutNode: [] });
  });

  it('the successor of one that left has its name for itself', () => {
    const seen = match([node('old', { connected: false, metricsName: 'x' }), node('new', { metricsName: 'x' })], ['x']);
    expect(seen.covered).toEqual(new Set(['new']));
  });
});
