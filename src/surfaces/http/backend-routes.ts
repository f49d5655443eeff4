import { z } from 'zod';
import { EndpointsBody, presentEndpoints, SetEndpointsBody } from '../api/endpoints-schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

const params = z.object({ name: z.string().regex(/^[a-z0-9-]{1,63}$/) });

/** Hosts that the API tells. */
export function backendRoutes(api: Api, { engine }: HttpOptions): void {
  const path = '/api/v1/backends/:name/endpoints';
  api.get(
    path,
    { schema: { summary: 'What a backend was told of its hosts.', params, response: { 200: EndpointsBody } } },
    async (request, reply) => answer(reply, await engine.endpoints(request.params.name), presentEndpoints) as never,
  );
  api.put(
    path,
    {
      schema: {
        summary: 'Tell the hosts of one revision, all of them. Safe to repeat.',
        params,
        body: SetEndpointsBody,
        response: { 200: EndpointsBody },
      },
    },
    async ({ params: { name }, body: { revision, endpoints, rev = null, force = false }, by }, reply) =>
      answer(
        reply,
        await engine.setEndpoints({ backend: name, revision, endpoints, rev, force, by }),
        presentEndpoints,
      ) as never,
  );
}
