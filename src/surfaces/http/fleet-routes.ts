import { z } from 'zod';
import { findNode } from '../../engine/fleet-truth.ts';
import { FleetBody, FleetList, NODE_FILTERS, NodeBody, NodeDiffBody, NodeList } from '../api/fleet-schemas.ts';
import { presentDiff, presentFleet, presentNode, presentNodes } from '../api/present-fleet.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

const fleetParams = z.object({ fleet: z.string().max(63) });
const nodeParams = z.object({ fleet: z.string().max(63), id: z.string().max(256) });
const nodesQuery = z.object({
  state: z.enum(NODE_FILTERS).optional(),
  after: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

/** What every Envoy runs. */
export function fleetRoutes(api: Api, { engine }: HttpOptions): void {
  api.get('/api/v1/fleets', { schema: { response: { 200: FleetList } } }, async (_request, reply) => {
    const fleets: FleetBody[] = [];
    for (const report of await Promise.all(engine.fleets().map((name) => engine.fleet(name)))) {
      if (report.kind === 'error') return answer(reply, report, presentFleet) as never;
      fleets.push(presentFleet(report.value));
    }
    return { fleets };
  });
  api.get(
    '/api/v1/fleets/:fleet',
    { schema: { params: fleetParams, response: { 200: FleetBody } } },
    async ({ params }, reply) => answer(reply, await engine.fleet(params.fleet), presentFleet) as never,
  );
  api.get(
    '/api/v1/fleets/:fleet/nodes',
    { schema: { params: fleetParams, querystring: nodesQuery, response: { 200: NodeList } } },
    async ({ params, query: { state = null, after = null, limit } }, reply) =>
      answer(reply, await engine.fleet(params.fleet), (report) =>
        presentNodes(report, { state, after, limit }),
      ) as never,
  );
  api.get(
    '/api/v1/fleets/:fleet/nodes/:id',
    { schema: { params: nodeParams, response: { 200: NodeBody } } },
    async ({ params }, reply) => {
      const report = await engine.fleet(params.fleet);
      if (report.kind === 'error') return answer(reply, report, presentFleet) as never;
      return answer(reply, findNode(report.value.state, params.id), (node) => presentNode(node, report.value)) as never;
    },
  );
  api.get(
    '/api/v1/fleets/:fleet/nodes/:id/diff',
    { schema: { params: nodeParams, response: { 200: NodeDiffBody } } },
    async ({ params }, reply) => answer(reply, await engine.nodeDiff(params.fleet, params.id), presentDiff) as never,
  );
}
