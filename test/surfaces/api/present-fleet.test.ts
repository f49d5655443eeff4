import { describe, expect, it } from 'vitest';
import { matchSeries } from '../../../src/core/fleet/match-series.ts';
import type { FleetNode } from '../../../src/core/model/fleet-state.ts';
import type { FleetReport, NodeDiff } from '../../../src/engine/engine.ts';
import { FleetBody, NodeBody, NodeDiffBody } from '../../../src/surfaces/api/fleet-schemas.ts';
import { presentDiff, presentFleet, presentNode, presentNodes } from '../../../src/surfaces/api/present-fleet.ts';
import { fleetReport } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

const at = (n: number) => ({ epoch: 'e', n });

function covered(
  nodes: readonly FleetNode[],
  names: readonly string[],
  fields: Partial<FleetReport> = {},
): FleetReport {
  const match = matchSeries(nodes, { kind: 'ok', names, unnamed: false });
  return fleetReport('edge', nodes, { coverage: { kind: 'known', match }, ...fields });
}
const twins = ['a', 'b', 'c'].map((id) => node(id, { metricsName: 'x', credited: at(12) }));

describe('a fleet', () => {
  it('shows shared series with who shares them, counts them as uncovered, and does not agree', () => {
    const body = presentFleet(covered([...twins, node('d')], ['x', 'd']));
    expect(FleetBody.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      nodes: { connected: 4, uncovered: 3 },
      coverage: {
        state: 'known',
        agrees: false,
        withoutSeries: { count: 0 },
        shared: { count: 1, series: [{ name: 'x', nodes: { count: 3, names: ['a', 'b', 'c'] } }] },
      },
    });
  });

  it('of which coverage is off or unknown says nothing about agreement', () => {
    for (const coverage of [{ kind: 'off' }, { kind: 'unknown', detail: 'too late' }] as const)
      expect(presentFleet(fleetReport('edge', [node('a')], { coverage }))).toMatchObject({
        nodes: { uncovered: null },
        coverage: { state: coverage.kind, agrees: null, shared: { count: 0, series: [] } },
      });
  });

  it('names twenty of each at most, and counts the others', () => {
    const lone = Array.from({ length: 30 }, (_, i) => node(`n${i}`));
    const pairs = Array.from({ length: 60 }, (_, i) => node(`p${i}`, { metricsName: `x${i % 30}` }));
    const names = Array.from({ length: 30 }, (_, i) => [`x${i}`, `s${i}`]).flat();
    const { coverage } = presentFleet(covered([...lone, ...pairs], names));
    for (const { count, names: some } of [coverage.withoutSeries, coverage.withoutNode])
      expect([count, some.length]).toEqual([30, 20]);
    expect([coverage.shared.count, coverage.shared.series.length]).toEqual([30, 20]);
  });

  it('that no table was read of has no revision', () => {
    expect(presentFleet(fleetReport('edge', [node('a')], { newest: null })).revision).toBeNull();
  });
});

describe('a node', () => {
  const shown = (one: FleetNode, report: FleetReport) => {
    const body = presentNode(one, report);
    expect(NodeBody.parse(body)).toEqual(body);
    return body;
  };

  it('says with whom it shares its series, and that it is not covered', () => {
    const [a] = twins;
    if (a === undefined) throw new Error('unreachable');
    expect(shown(a, covered(twins, ['x']))).toMatchObject({
      covered: false,
      sharesSeriesWith: { count: 2, names: ['b', 'c'] },
    });
  });

  it('shares nothing when it is gone, when nobody scrapes the name, and when coverage is not known', () => {
    const gone = node('gone', { connected: false, metricsName: 'x' });
    const none = { count: 0, names: [] };
    expect(shown(gone, covered([gone, ...twins], ['x'])).sharesSeriesWith).toEqual(none);
    for (const one of twins) {
      expect(shown(one, covered(twins, [])).sharesSeriesWith).toEqual(none);
      expect(shown(one, fleetReport('edge', twins))).toMatchObject({ covered: null, sharesSeriesWith: none });
    }
  });
});

describe('a page of nodes', () => {
  const nodes = [
    ...twins,
    node('d', { credited: at(10) }),
    node('e', { credited: at(10), nack: { position: at(12), type: 'route', trial: null, message: 'no', atMs: 0 } }),
    node('f', { connected: false }),
  ];
  const page = (
    state: 'connected' | 'behind' | 'refused' | 'gone' | 'uncovered' | null,
    report = covered(nodes, ['x', 'd']),
  ) => presentNodes(report, { state, after: null, limit: 100 }).nodes.map(({ node: id }) => id);

  it.each([
    [null, ['a', 'b', 'c', 'd', 'e', 'f']],
    ['connected', ['a', 'b', 'c', 'd', 'e']],
    ['behind', ['d', 'e']],
    ['refused', ['e']],
    ['gone', ['f']],
    ['uncovered', ['a', 'b', 'c', 'e']],
  ] as const)('has those that are %s', (state, ids) => expect(page(state)).toEqual(ids));

  it('calls nobody uncovered where coverage is not known', () => {
    expect(page('uncovered', fleetReport('edge', nodes))).toEqual([]);
  });

  it('goes on after the last of the page before, to the end', () => {
    const report = covered(nodes, []);
    const first = presentNodes(report, { state: null, after: null, limit: 4 });
    expect(first.cursor).toBe('d');
    const second = presentNodes(report, { state: null, after: first.cursor, limit: 4 });
    expect([second.nodes.map(({ node: id }) => id), second.cursor]).toEqual([['e', 'f'], null]);
  });
});

describe('a difference', () => {
  const diff = (types: NodeDiff['types']): NodeDiffBody => {
    const body = presentDiff({ fleet: 'edge', node: node('a'), position: at(12), trial: null, types });
    expect(NodeDiffBody.parse(body)).toEqual(body);
    return body;
  };

  it('is none only when every type is known to be equal', () => {
    expect(diff([{ type: 'route', kind: 'equal' }]).equal).toBe(true);
    expect(diff([{ type: 'route', kind: 'unknown', detail: 'forgotten' }]).equal).toBe(false);
  });

  it('is cut where it is long, and says how much is left out', () => {
    const fields = Array.from({ length: 300 }, (_, i) => ({ path: `p${i}`, from: null, to: 'x' }));
    const added = Array.from({ length: 250 }, (_, i) => `n${i}`);
    const [one] = diff([
      { type: 'route', kind: 'differs', diff: { added, removed: [], changed: [{ name: 'r', fields }] } },
    ]).types;
    expect([one?.added.length, one?.changed[0]?.fields.length, one?.more]).toEqual([200, 200, 150]);
    expect(one?.detail).toBe('lacks 250, has 1 in an older form');
  });
});
