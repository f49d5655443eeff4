import { afterEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createClient } from '../../../src/surfaces/api/client.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { fakeEngine, fleetReport } from '../../support/fake-engine.ts';
import { node } from '../../support/rollouts.ts';

let server: ApiServer;
afterEach(() => server.close());

async function serve(answers: Partial<Engine>): Promise<ReturnType<typeof createClient>> {
  server = await apiServer(fakeEngine(answers));
  return createClient({ server: server.url, token: null });
}

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${server.url}/api/v1/fleets${path}`);
  return { status: response.status, body: await response.json() };
}

const noFleet = fail('SERIN_NOT_FOUND', 'there is no fleet');
const IDS = ['edge-1', '...', 'a/b', 'a/../b', '%2e%2e', '?x=1#y', 'diff', '%', '~!@$^&*()+;:,='];

describe('the nodes of a fleet', () => {
  it.each(IDS)('%s is found under its id, and its difference too', async (id) => {
    const client = await serve({
      fleet: async () => ok(fleetReport('edge', [node(id)])),
      nodeDiff: async (_fleet, asked) =>
        asked === id
          ? ok({ fleet: 'edge', node: node(id), position: { epoch: 'e', n: 1 }, trial: null, types: [] })
          : fail('SERIN_NOT_FOUND', 'no'),
    });
    expect(await client.node('edge', id)).toMatchObject({ kind: 'ok', value: { node: id } });
    expect(await client.nodeDiff('edge', id)).toMatchObject({ kind: 'ok', value: { node: id } });
  });

  it.each(['.', '..'])(
    '%s is none: the answer says so, and is not that of the path that a URL makes of it',
    async (id) => {
      const client = await serve({ fleet: async () => ok(fleetReport('edge', [node('a')])) });
      for (const asked of [await client.node('edge', id), await client.nodeDiff('edge', id)])
        expect(asked).toMatchObject({ errors: [{ code: 'SERIN_NOT_FOUND' }] });
    },
  );

  it('come in pages, by state', async () => {
    const nodes = ['a', 'b', 'c'].map((id) => node(id, { credited: { epoch: 'e', n: id === 'b' ? 12 : 1 } }));
    await serve({ fleet: async () => ok(fleetReport('edge', nodes)) });
    expect(await get('/edge/nodes?state=behind&limit=1')).toMatchObject({
      status: 200,
      body: { nodes: [{ node: 'a' }], cursor: 'a' },
    });
    expect(await get('/edge/nodes?state=behind&limit=1&after=a')).toMatchObject({
      body: { nodes: [{ node: 'c' }], cursor: null },
    });
  });

  it.each(['?limit=0', '?limit=501', '?limit=x', '?state=well', `?after=${'x'.repeat(257)}`])(
    'are not given for %s',
    async (query) => {
      await serve({ fleet: async () => ok(fleetReport('edge', [])) });
      expect(await get(`/edge/nodes${query}`)).toMatchObject({ status: 400, body: { code: 'SERIN_REQUEST_INVALID' } });
    },
  );
});

describe('a fleet that there is not', () => {
  it.each(['/mesh', '/mesh/nodes', '/mesh/nodes/a', '/mesh/nodes/a/diff'])('is 404 at %s', async (path) => {
    await serve({ fleet: async () => noFleet, nodeDiff: async () => noFleet });
    expect(await get(path)).toMatchObject({ status: 404, body: { code: 'SERIN_NOT_FOUND' } });
  });
});

describe('a fleet whose Prometheus does not answer', () => {
  const coverage = { kind: 'unknown', detail: 'Prometheus has not answered within 1 s' } as const;

  it('is shown with everything else, and says that coverage is unknown and why', async () => {
    await serve({ fleet: async () => ok(fleetReport('edge', [node('a')], { coverage })) });
    const fleet = {
      nodes: { connected: 1, uncovered: null },
      coverage: { state: 'unknown', agrees: null, detail: coverage.detail },
    };
    expect(await get('')).toMatchObject({ status: 200, body: { fleets: [fleet] } });
    expect(await get('/edge')).toMatchObject({ status: 200, body: fleet });
    expect(await get('/edge/nodes/a')).toMatchObject({ status: 200, body: { covered: null } });
  });
});
