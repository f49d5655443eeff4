import { ExplainBody, ExplanationBody } from '../api/explain-schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

/** A question, though it is posted: a request does not fit into a URL. */
export function explainRoutes(api: Api, { engine }: HttpOptions): void {
  api.post(
    '/api/v1/explain',
    {
      schema: {
        summary: 'Which rule takes a request, which revision with which chance, and why; changes nothing.',
        body: ExplainBody,
        response: { 200: ExplanationBody },
      },
    },
    async ({ body: { request, fleet = null, rollout = null, step = null } }, reply) =>
      answer(reply, await engine.explain({ request, fleet, rollout, step }), (told) => told) as never,
  );
}
