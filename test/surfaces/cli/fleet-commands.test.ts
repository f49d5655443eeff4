import { afterEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { NodeType } from '../../../src/core/model/fleet-state.ts';
import type { Engine, FleetReport, NodeDiff } from '../../../src/engine/engine.ts';
import { FleetBody, FleetList, NodeBody, NodeDiffBody } from '../../../src/surfaces/api/fleet-schemas.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeEngine, fleetReport } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

let server: ApiServer;
let cli: CommandLine;
afterEach(() => server.close());

const at = (n: number) => ({ epoch: 'e', n });
const route = (fields: Partial<NodeType>): NodeType => ({
  type: 'route',
  protocol: 'sotw',
  stream: 'aggregated',
  sent: 'v2',
  acked: 'v2',
  nack: null,
  ...fields,
});
const refusal = { position: at(12), type: 'route', trial: null, message: 'no such cluster', atMs: 0 };

/** Given a fleet with one Envoy that is where it should be, one that refuses, and one that is gone. */
function edge(fields: Partial<FleetReport> = {}): FleetReport {
  return fleetReport(
    'edge',
    [
      node('edge-1', { credited: at(12), types: [route({})] }),
      node('edge-2', {
        credited: at(10),
        nack: refusal,
        types: [route({ acked: 'v1', nack: { version: 'v2', message: 'no such cluster', atMs: 0 } })],
      }),
      node('edge-3', { connected: false, envoyVersion: null, credited: at(9) }),
    ],
    fields,
  );
}

async function serve(answers: Partial<Engine> = {}): Promise<void> {
  server = await apiServer(
    fakeEngine({
      fleets: () => ['edge', 'mesh'],
      fleet: async (name) => ok(name === 'edge' ? edge() : fleetReport(name, [node('mesh-1', { credited: at(12) })])),
      ...answers,
    }),
  );
  cli = commandLine(server.url);
}

const cells = (line: string | undefined): readonly string[] => (line ?? '').trim().split(/ {2,}/);

describe('fleet list', () => {
  it('counts the Envoys of every fleet by where they are', async () => {
    await serve();
    const { code, stdout, stderr } = await cli.run('fleet', 'list');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trimEnd().split('\n').map(cells)).toEqual([
      ['FLEET', 'REVISION', 'CONNECTED', 'BEHIND', 'REFUSED', 'GONE', 'VIEW', 'METRICS'],
      ['edge', 'e/12', '2', '1', '1', '1', 'complete', 'off'],
      ['mesh', 'e/12', '1', '0', '0', '0', 'complete', 'off'],
    ]);
  });

  it('names what Prometheus and the Envoys do not agree about, a trial, and a view with holes', async () => {
    const match = {
      covered: new Set(['edge-2']),
      withoutSeries: ['edge-1'],
      withoutNode: ['10.0.0.9:9901'],
      shared: [],
      nameless: 0,
      near: null,
      unnamed: false,
    };
    const report = edge({
      newest: { position: at(12), trial: { by: 'rollout/r1', probe: 'edge-1', n: 11, changes: [] } },
    });
    const state = { ...report.state, complete: false };
    await serve({
      fleets: () => ['edge'],
      fleet: async () => ok({ ...report, state, coverage: { kind: 'known', match } }),
    });
    const { stdout } = await cli.run('fleet', 'list');
    expect(stdout).toContain('edge: a replica does not say what it knows');
    expect(stdout).toContain('edge: edge-1 tries out a change of rollout/r1 since revision 11');
    expect(stdout).toContain('edge: not in Prometheus: edge-1');
    expect(stdout).toContain('edge: in Prometheus, but no Envoy of ours: 10.0.0.9:9901');
  });

  it('-o json: one shape', async () => {
    await serve();
    const printed: unknown = JSON.parse((await cli.run('fleet', 'list', '-o', 'json')).stdout);
    expect(FleetList.parse(printed).fleets.map(({ fleet }) => fleet)).toEqual(['edge', 'mesh']);
  });
});

describe('fleet nodes', () => {
  it('shows each Envoy with its lag and what it waits for', async () => {
    await serve();
    const lines = (await cli.run('fleet', 'nodes')).stdout.trimEnd().split('\n').map(cells);
    expect(lines.map((line) => [line[0], line[4], line[6]])).toEqual([
      ['NODE', 'STATE', 'REVISION'],
      ['edge-1', 'current', '12 of 12'],
      ['edge-2', 'refused', '10 of 12 (2 behind)'],
      ['edge-3', 'gone', '9 of 12 (3 behind)'],
      ['mesh-1', 'current', '12 of 12'],
    ]);
  });

  it('--behind and --fleet leave out the others', async () => {
    await serve();
    const lines = (await cli.run('fleet', 'nodes', '--behind', '--fleet', 'edge')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => cells(line)[0])).toEqual(['NODE', 'edge-2']);
    const none = await cli.run('fleet', 'nodes', '--behind', '--fleet', 'mesh');
    expect(none.stdout).toBe('every connected Envoy is at the newest revision\n');
  });

  it('a fleet that does not exist: 2, and what was probably meant', async () => {
    await serve();
    const { code, stdout, stderr } = await cli.run('fleet', 'nodes', '--fleet', 'edgy');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('there is no fleet edgy. Did you mean "edge"?');
  });

  it('reads page after page of a large fleet', async () => {
    const many = Array.from({ length: 1_234 }, (_, i) => node(`n${String(i).padStart(4, '0')}`));
    await serve({ fleets: () => ['edge'], fleet: async () => ok(fleetReport('edge', many)) });
    const { nodes } = JSON.parse((await cli.run('fleet', 'nodes', '-o', 'json')).stdout) as { nodes: unknown[] };
    expect(nodes).toHaveLength(1_234);
  });
});

describe('fleet node', () => {
  it('shows all of one: streams, versions, and why it refuses', async () => {
    await serve();
    const { code, stdout } = await cli.run('fleet', 'node', 'edge-2');
    expect(code).toBe(0);
    expect(stdout).toContain('edge-2 of fleet edge: refused');
    expect(stdout).toMatch(/ {2}route +sotw +aggregated +refused +v2 +v1\n/);
    expect(stdout).toContain('refuses route v2 since 1970-01-01T00:00:00.000Z: no such cluster');
    const printed: unknown = JSON.parse((await cli.run('fleet', 'node', 'edge-2', '-o', 'json')).stdout);
    expect(NodeBody.parse(printed)).toMatchObject({ acked: 10, newest: 12, lag: 2, state: 'refused' });
  });

  it('one that does not exist: 2, and what was probably meant', async () => {
    await serve();
    const { code, stderr } = await cli.run('fleet', 'node', 'edge-11');
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean "edge-1"?');
  });

  it('one id in two fleets: 2, until the fleet is named', async () => {
    await serve({ fleet: async (name) => ok(fleetReport(name, [node('twin', { credited: at(12) })])) });
    expect(await cli.run('fleet', 'node', 'twin')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('fleets edge, mesh have an Envoy twin'),
    });
    expect(await cli.run('fleet', 'node', 'twin', '--fleet', 'mesh')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('twin of fleet mesh'),
    });
  });
});

describe('fleet diff', () => {
  const difference: NodeDiff = {
    fleet: 'edge',
    node: node('edge-1', { credited: at(10) }),
    position: at(12),
    trial: null,
    types: [
      { type: 'cluster', kind: 'equal' },
      {
        type: 'route',
        kind: 'differs',
        diff: {
          added: [],
          removed: ['old'],
          changed: [{ name: 'edge', fields: [{ path: 'shop.weight', from: '9000', to: '5000' }] }],
        },
      },
    ],
  };

  it('says in words what is not there yet', async () => {
    await serve({ nodeDiff: async () => ok(difference) });
    const { code, stdout } = await cli.run('fleet', 'diff', 'edge-1');
    expect(code).toBe(0);
    expect(stdout).toContain('edge-1 of fleet edge: differs from the records (revision 10 of 12)');
    expect(stdout).toContain('cluster: equal');
    expect(stdout).toContain('- old');
    expect(stdout).toContain('shop.weight: 9000 → 5000');
    const printed: unknown = JSON.parse((await cli.run('fleet', 'diff', 'edge-1', '-o', 'json')).stdout);
    expect(NodeDiffBody.parse(printed).equal).toBe(false);
  });

  it('a store that is away: 6', async () => {
    await serve({ nodeDiff: async () => fail('SERIN_STORE_UNAVAILABLE', 'the store does not answer') });
    expect(await cli.run('fleet', 'diff', 'edge-1')).toMatchObject({ code: 6 });
  });
});

it('the API gives one fleet by its name', async () => {
  await serve();
  const answer = await fetch(`${server.url}/api/v1/fleets/edge`);
  expect(FleetBody.parse(await answer.json())).toMatchObject({ nodes: { connected: 2, gone: 1 } });
});
