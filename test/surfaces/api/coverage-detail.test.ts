import { describe, expect, it } from 'vitest';
import { matchSeries } from '../../../src/core/fleet/match-series.ts';
import type { FleetNode } from '../../../src/core/model/fleet-state.ts';
import { coverageDetail } from '../../../src/surfaces/api/coverage-detail.ts';
import { fleetReport } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

function detail(
  nodes: readonly FleetNode[],
  names: readonly string[],
  more: { unnamed?: boolean; complete?: boolean } = {},
) {
  const match = matchSeries(nodes, { kind: 'ok', names, unnamed: more.unnamed ?? false });
  const report = fleetReport('edge', nodes, { coverage: { kind: 'known', match } });
  return coverageDetail({ ...report, state: { ...report.state, complete: more.complete ?? true } });
}
const [a, b] = [node('a'), node('b')];

describe('the words for coverage', () => {
  it('say that it is off, and why it is unknown', () => {
    expect(coverageDetail(fleetReport('edge', []))).toContain('no metrics configured');
    const late = fleetReport('edge', [], { coverage: { kind: 'unknown', detail: 'too late' } });
    expect(coverageDetail(late)).toBe('too late');
  });

  it.each<[string, string, string]>([
    ['all is well', detail([a, b], ['a', 'b']), 'every connected Envoy has fresh series'],
    ['nobody is there', detail([], []), 'no Envoy is connected, and none is scraped'],
    ['nothing is scraped', detail([a, b], []), 'no fresh envoy_server_live under the selector'],
    ['one is not scraped', detail([a, b], ['a']), 'Envoys without fresh series'],
    ['a stranger is scraped', detail([a], ['a', 'z']), 'does the selector take in another fleet?'],
    ['one is known elsewhere perhaps', detail([a], ['a', 'z'], { complete: false }), 'other engines may have them'],
    ['the label is missing', detail([a], ['a'], { unnamed: true }), 'lack the label of fleets[].metrics.nodeLabel'],
    ['no node has a name', detail([node('a', { metricsName: null })], ['z']), 'nodeFrom points at nothing'],
    ['names are shared', detail([a, node('b', { metricsName: 'a' })], ['a']), 'cannot be told apart'],
    ['the port differs', detail([a], ['a:9901']), '"a" (a) and "a:9901" in Prometheus differ'],
    ['no name fits', detail([a], ['z']), 'no name of an Envoy is one in Prometheus ("a" here, "z" there)'],
    ['some names fit', detail([a, b], ['a', 'z']), 'not all names agree ("b" here, "z" there)'],
  ])('say what to look at when %s', (_, said, wanted) => expect(said).toContain(wanted));

  it('are short, however long the names are', () => {
    expect(detail([node('a', { metricsName: 'x'.repeat(256) })], ['y'.repeat(5_000)]).length).toBeLessThan(500);
  });
});
