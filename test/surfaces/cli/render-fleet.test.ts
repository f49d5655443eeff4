import { describe, expect, it } from 'vitest';
import type { FleetBody, NodeBody } from '../../../src/surfaces/api/fleet-schemas.ts';
import { presentDiff, presentFleet, presentNode } from '../../../src/surfaces/api/present-fleet.ts';
import { diffLines, fleetNotes, fleetTable, nodeLines } from '../../../src/surfaces/cli/render-fleet.ts';
import { fleetReport } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

const as = (text: string) => text;
const plain = { good: as, bad: as, warn: as, dim: as, bold: as } as unknown as Parameters<typeof fleetTable>[1];

const fleet = (coverage: Partial<FleetBody['coverage']>, uncovered: number | null = null): FleetBody => {
  const body = presentFleet(fleetReport('edge', [node('a'), node('b')]));
  return { ...body, nodes: { ...body.nodes, uncovered }, coverage: { ...body.coverage, ...coverage } };
};
const one = (fields: Partial<NodeBody>): NodeBody => ({
  ...presentNode(node('a'), fleetReport('edge', [])),
  ...fields,
});

describe('notes below the fleets', () => {
  it('are none where Prometheus and the ledger agree', () => {
    expect(fleetNotes(fleet({ state: 'known', agrees: true }, 0), plain)).toEqual([]);
  });

  it('say that coverage is not known, and why', () => {
    const shown = fleet({ state: 'unknown', detail: 'Prometheus has not answered within 1 s' });
    expect(fleetNotes(shown, plain)).toEqual([
      'edge: Prometheus does not say whom it scrapes: Prometheus has not answered within 1 s',
    ]);
    expect(fleetTable([shown], plain)[1]).toMatch(/unknown$/);
  });

  it('name who shares a series, and count what is left out', () => {
    const series = [{ name: 'x', nodes: { count: 3, names: ['a', 'b'] } }];
    const shown = fleet({ state: 'known', agrees: false, shared: { count: 4, series }, detail: 'look there' }, 3);
    expect(fleetNotes(shown, plain)).toEqual([
      'edge: series x is shared: a, b and 1 more',
      'edge: and 3 more shared series',
      'edge: look there',
    ]);
  });

  it('have a hint also where only the label is missing', () => {
    const shown = fleet({ state: 'known', agrees: false, detail: 'some series lack the label' }, 0);
    expect(fleetNotes(shown, plain)).toEqual(['edge: some series lack the label']);
  });
});

describe('one Envoy', () => {
  const metrics = (fields: Partial<NodeBody>) =>
    nodeLines(one(fields), 0, plain)
      .find((line) => line.includes('metrics:'))
      ?.trim();

  it.each<[Partial<NodeBody>, string]>([
    [{ covered: true }, 'metrics: a'],
    [{ covered: null }, 'metrics: a'],
    [{ covered: false }, 'metrics: a, not scraped'],
    [{ covered: false, sharesSeriesWith: { count: 2, names: ['b'] } }, 'metrics: a, shared with b and 1 more'],
    [{ covered: false, metricsName: null }, 'metrics: (no name), not scraped'],
  ])('%j is shown as %s', (fields, line) => expect(metrics(fields)).toBe(line));
});

it('a difference is called one, not a lag: an Envoy may be ahead of what was read', () => {
  const diff = { added: ['x'], removed: [], changed: [] };
  const body = presentDiff({
    fleet: 'edge',
    node: node('a'),
    position: { epoch: 'e', n: 12 },
    trial: null,
    types: [
      { type: 'route', kind: 'differs', diff },
      { type: 'cluster', kind: 'unknown', detail: 'forgotten' },
    ],
  });
  expect(diffLines(body, plain)).toEqual([
    'a of fleet edge: differs from the records (revision - of 12)',
    '  route: differs, lacks 1',
    '    + x',
    '  cluster: unknown, forgotten',
  ]);
});
