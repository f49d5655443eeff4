import { afterEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { FleetBody } from '../../../src/surfaces/api/schemas.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

let server: ApiServer;
let cli: CommandLine;
afterEach(() => server.close());

async function serve(answers: Partial<Engine> = {}): Promise<void> {
  server = await apiServer(
    fakeEngine({
      fleets: () => ['edge', 'mesh'],
      fleet: (name) =>
        ok({
          fleet: name,
          observedSinceMs: 0,
          complete: true,
          nodes: [
            node(`${name}-1`, { credited: { epoch: 'e', n: 12 } }),
            node(`${name}-2`, {
              connected: false,
              nack: { position: { epoch: 'e', n: 12 }, type: 'RDS', trial: null, message: 'no such cluster', atMs: 0 },
              envoyVersion: null,
            }),
          ],
        }),
      ...answers,
    }),
  );
  cli = commandLine(server.url);
}

describe('fleet get', () => {
  it('shows every Envoy of every fleet', async () => {
    await serve();
    const { code, stdout, stderr } = await cli.run('fleet', 'get');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['NODE', 'STATE', 'ENVOY', 'ACKED'],
      ['edge-1', 'connected', '1.40.0', '12'],
      ['edge-2', 'gone', '-', '-', 'refuses RDS: no such cluster'],
      ['NODE', 'STATE', 'ENVOY', 'ACKED'],
      ['mesh-1', 'connected', '1.40.0', '12'],
      ['mesh-2', 'gone', '-', '-', 'refuses RDS: no such cluster'],
      [''],
    ]);
  });

  it('says so when no Envoy is there', async () => {
    await serve({ fleet: (fleet) => ok({ fleet, observedSinceMs: 0, complete: true, nodes: [] }) });
    expect((await cli.run('fleet', 'get', 'edge')).stdout).toBe('edge: no Envoy has connected\n');
  });

  it('-o json: all of them in one document, or the one that was asked for', async () => {
    await serve();
    const all = JSON.parse((await cli.run('fleet', 'get', '-o', 'json')).stdout) as { fleets: unknown[] };
    expect(all.fleets.map((one) => FleetBody.parse(one).fleet)).toEqual(['edge', 'mesh']);
    const one = FleetBody.parse(JSON.parse((await cli.run('fleet', 'get', 'mesh', '-o', 'json')).stdout));
    expect(one).toMatchObject({ fleet: 'mesh', nodes: [{ acked: 12 }, { refused: { type: 'RDS' } }] });
  });

  it('a fleet that does not exist: 2, and no half of a table', async () => {
    await serve({
      fleet: (name) => (name === 'edge' ? ok({ fleet: name, observedSinceMs: 0, complete: true, nodes: [] }) : unknown),
    });
    const unknown = fail('SERIN_NOT_FOUND', 'there is no such fleet');
    expect(await cli.run('fleet', 'get', 'mash')).toMatchObject({ code: 2, stdout: '' });
    expect(await cli.run('fleet', 'get')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('there is no such fleet'),
    });
  });
});
