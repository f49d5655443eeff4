import { describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { EndpointsView } from '../../../src/engine/set-endpoints.ts';
import { EndpointsBody } from '../../../src/surfaces/api/endpoints-schemas.ts';
import { servedCli } from '../../support/served-cli.ts';

const TOLD: EndpointsView = {
  backend: 'checkout',
  rev: 3,
  revisions: [
    { revision: 'v41', endpoints: ['10.0.0.1:80', '10.0.0.2:80'], role: 'stable', set: { by: 'ci', atMs: 0 } },
    { revision: 'v42', endpoints: [], role: 'canary', set: null },
  ],
};
const SHOWN = `checkout, rev 3
REVISION  ROLE    ENDPOINTS                BY
v41       stable  10.0.0.1:80 10.0.0.2:80  ci
v42       canary  none
`;
const set = ['backend', 'endpoints', 'set', 'checkout'];

describe('backend endpoints', () => {
  it('set: tells all hosts of a revision and shows what is there', async () => {
    const { engine, cli } = await servedCli({ setEndpoints: async () => ok(TOLD) });
    const run = await cli.run(...set, '--revision', 'v41', '10.0.0.1:80', '10.0.0.2:80,10.0.0.3:80', '--rev', '2');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout.replaceAll(/ +$/gm, '')).toBe(SHOWN);
    const endpoints = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];
    const asked = { backend: 'checkout', revision: 'v41', endpoints, rev: 2, force: false, by: 'local' };
    expect(engine.calls).toEqual([['setEndpoints', asked]]);
  });

  it('set: what it does besides goes to stderr', async () => {
    const { cli } = await servedCli({ setEndpoints: async () => ok({ ...TOLD, warning: 'no host has stayed' }) });
    const run = await cli.run(...set, '--revision', 'v41', '10.0.0.9:80');
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('no host has stayed') });
    expect(run.stdout).not.toContain('no host has stayed');
  });

  it('set --none --force: takes them all away', async () => {
    const { engine, cli } = await servedCli();
    await cli.run(...set, '--revision', 'v41', '--none', '--force');
    expect(engine.calls).toMatchObject([['setEndpoints', { endpoints: [], force: true, rev: null }]]);
  });

  it.each([
    ['no endpoint', []],
    ['endpoints beside --none', ['--none', '10.0.0.1:80']],
    ['a rev that is no number', ['10.0.0.1:80', '--rev', 'x']],
  ])('set: %s is refused before anything is asked', async (_, args) => {
    const { engine, cli } = await servedCli();
    expect(await cli.run(...set, '--revision', 'v41', ...args)).toMatchObject({ code: 2, stdout: '' });
    expect(engine.calls).toEqual([]);
  });

  it('set: what the engine refuses: its exit code', async () => {
    const { cli } = await servedCli({ setEndpoints: async () => fail('SERIN_IN_USE', 'it may have requests') });
    const run = await cli.run(...set, '--revision', 'v41', '--none');
    expect(run).toMatchObject({ code: 8, stderr: expect.stringContaining('SERIN_IN_USE') });
  });

  it('get -o json: as the API has it', async () => {
    const { cli } = await servedCli({ endpoints: async () => ok(TOLD) });
    const run = await cli.run('backend', 'endpoints', 'get', 'checkout', '-o', 'json');
    expect(EndpointsBody.parse(JSON.parse(run.stdout))).toMatchObject({
      rev: 3,
      revisions: [
        { by: 'ci', at: '1970-01-01T00:00:00.000Z' },
        { by: null, at: null },
      ],
    });
  });
});
