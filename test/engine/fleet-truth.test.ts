import { beforeEach, describe, expect, it } from 'vitest';
import type { ProxiesResult } from '../../src/core/fleet/match-series.ts';
import type { FleetNode, NodeType } from '../../src/core/model/fleet-state.ts';
import type { FleetTable } from '../../src/core/model/traffic.ts';
import { buildResources } from '../../src/core/traffic/build-resources.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { fleetCounts, fleetReport, nodeDiff } from '../../src/engine/fleet-truth.ts';
import type { TrafficHistory } from '../../src/engine/ports/traffic-history.ts';
import type { SeriesWatch } from '../../src/engine/series-watch.ts';
import { backend, revision, route, rule, table } from '../core/traffic/tables.ts';
import { noHistory } from '../support/no-history.ts';
import { node } from '../support/rollouts.ts';

const at = (n: number) => ({ epoch: 'e1', n });
const [v1, v2] = [revision('shop', 'v1'), revision('shop', 'v2')];
/** The fleet's table by revision: at 2 the routes change, at 3 the clusters. */
const TABLES: Readonly<Record<number, FleetTable>> = {
  1: table(1, [backend('shop', [[v1, 10_000]]), route('web', [rule('shop', { timeoutMs: 1_000 })])]),
  2: table(2, [backend('shop', [[v1, 10_000]]), route('web', [rule('shop', { timeoutMs: 2_000 })])]),
  3: table(3, [
    backend('shop', [
      [v1, 10_000],
      [v2, 0],
    ]),
    route('web', [rule('shop', { timeoutMs: 2_000 })]),
  ]),
};
const LISTS = { cluster: 'clusters', endpoint: 'endpoints', listener: 'listeners', route: 'routes' } as const;

function resources(n: number, type: NodeType['type']): readonly Record<string, unknown>[] | null {
  const wanted = TABLES[n];
  if (wanted === undefined || type === 'runtime') return null;
  const built = buildResources(wanted);
  if (built.kind === 'error') throw new Error(built.errors[0]?.message);
  return built.value[LISTS[type]] as unknown as readonly Record<string, unknown>[];
}

/** Knows every revision; of versions those that are named by it, as `whole-2`. */
const history: TrafficHistory = {
  newest: () => ({ position: at(3), trial: null }),
  running: () => null,
  ofVersion: (_fleet, type, version) =>
    version.startsWith('whole-') ? resources(Number(version.slice('whole-'.length)), type) : null,
  ofPosition: (_fleet, type, { n }) => resources(n, type),
};

const type = (name: NodeType['type'], fields: Partial<NodeType> = {}): NodeType => ({
  type: name,
  protocol: 'delta',
  stream: 'aggregated',
  sent: 'part',
  acked: 'part',
  nack: null,
  ...fields,
});

let deps: Dependencies;
let nodes: FleetNode[];
let series: ProxiesResult | null;
const watch: SeriesWatch = { ask: async () => series, glance: () => series };

beforeEach(() => {
  nodes = [];
  series = null;
  deps = {
    fleetNames: ['edge'],
    fleets: { state: (fleet: string) => ({ fleet, observedSinceMs: 0, complete: true, nodes }) },
    history,
    traffic: { table: async () => ({ kind: 'ok', value: TABLES[3] }) },
  } as unknown as Dependencies;
});

async function kinds(fields: Partial<FleetNode>, known: TrafficHistory = history): Promise<Record<string, string>> {
  nodes = [node('a', fields)];
  const diff = await nodeDiff({ ...deps, history: known }, 'edge', 'a');
  if (diff.kind === 'error') throw new Error(diff.errors[0]?.message);
  return Object.fromEntries(diff.value.types.map((one) => [one.type, one.kind]));
}

describe('what a node runs', () => {
  it('is told exactly by a version that the history has', async () => {
    const types = [type('cluster', { acked: 'whole-2', sent: 'whole-3' }), type('route', { acked: 'whole-3' })];
    expect(await kinds({ credited: at(1), types })).toEqual({ cluster: 'differs', route: 'equal' });
  });

  it('is all of the newest revision once it is credited with that', async () => {
    expect(await kinds({ credited: at(3), types: [type('cluster'), type('endpoint'), type('route')] })).toEqual({
      cluster: 'equal',
      endpoint: 'equal',
      route: 'equal',
    });
  });

  it('an ACKed type is not called behind for another one that is: the credit is the least of all', async () => {
    const waiting = type('route', { sent: 'part 2' });
    expect(await kinds({ credited: at(1), routes: at(1), types: [type('cluster'), waiting] })).toEqual({
      cluster: 'unknown',
      route: 'differs',
    });
  });

  it('routes are told by the revision of the routes, whatever the clusters wait for', async () => {
    const types = [type('cluster', { sent: 'part 3' }), type('route')];
    expect(await kinds({ credited: at(2), routes: at(3), types })).toEqual({ cluster: 'differs', route: 'equal' });
  });

  it.each<[string, Partial<NodeType>]>([
    ['waits for', { sent: 'part 3' }],
    ['refuses', { nack: { version: 'part 3', message: 'no', atMs: 0 } }],
  ])('the one type that it %s is what its credit is about', async (_, fields) => {
    expect(await kinds({ credited: at(2), types: [type('cluster', fields)] })).toEqual({ cluster: 'differs' });
  });

  it('endpoints are not what a credit counts: those that were sent and not ACKed are unknown', async () => {
    expect(await kinds({ credited: at(3), types: [type('endpoint', { sent: 'part 3' })] })).toEqual({
      endpoint: 'unknown',
    });
  });

  it('is unknown where nothing is confirmed, and where the history has forgotten it', async () => {
    expect(await kinds({ types: [type('cluster', { acked: null })] })).toEqual({ cluster: 'unknown' });
    expect(await kinds({ credited: at(3), types: [type('cluster')] }, noHistory)).toEqual({ cluster: 'unknown' });
  });
});

describe('a fleet', () => {
  it.each<[ProxiesResult | null, object]>([
    [null, { kind: 'off' }],
    [
      { kind: 'gap', gap: 'SOURCE_TIMEOUT', detail: 'too late' },
      { kind: 'unknown', detail: 'too late' },
    ],
    [
      { kind: 'ok', names: ['a'], unnamed: false },
      { kind: 'known', match: { withoutSeries: ['b'] } },
    ],
  ])('of which Prometheus says %j has that coverage', async (said, coverage) => {
    nodes = [node('a'), node('b')];
    series = said;
    expect(await fleetReport(deps, watch, 'edge')).toMatchObject({ kind: 'ok', value: { coverage } });
  });

  it('is counted without waiting; what is not covered is not known before Prometheus has said so', () => {
    nodes = [node('a', { credited: at(3) }), node('b', { metricsName: 'a' })];
    expect(fleetCounts(deps, watch)).toMatchObject([{ fleet: 'edge', connected: 2, behind: 1, uncovered: null }]);
    series = { kind: 'ok', names: ['a'], unnamed: false };
    expect(fleetCounts(deps, watch)).toMatchObject([{ uncovered: 2 }]);
  });

  it('and a node that do not exist are named with what is like them', async () => {
    nodes = [node('edge-1')];
    expect(await fleetReport(deps, watch, 'edgy')).toMatchObject({
      errors: [{ code: 'SERIN_NOT_FOUND', message: expect.stringContaining('Did you mean "edge"?') }],
    });
    expect(await nodeDiff(deps, 'edge', 'edge-11')).toMatchObject({
      errors: [{ code: 'SERIN_NOT_FOUND', message: expect.stringContaining('Did you mean "edge-1"?') }],
    });
  });
});
