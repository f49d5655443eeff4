import { z } from 'zod';
import { DecisionPage } from '../api/decision-schemas.ts';
import { ROLLOUT_ID } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

const number = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().max(max));

/** One may take half a megabyte, so few go together. */
const MAX_PAGE = 20;

export function decisionRoutes(api: Api, { engine }: HttpOptions): void {
  api.get(
    '/api/v1/rollouts/:id/decisions',
    {
      schema: {
        summary: 'What was decided about a rollout, and from what; `serin rollout replay` decides it again.',
        params: z.object({ id: z.string().regex(ROLLOUT_ID) }),
        querystring: z.strictObject({ from: number(1_000_000).optional(), limit: number(MAX_PAGE).optional() }),
        response: { 200: DecisionPage },
      },
    },
    async (request, reply) => {
      const { from = 0, limit = MAX_PAGE } = request.query;
      const { id } = request.params;
      const known = await engine.rollout(id);
      if (known.kind === 'error') return answer(reply, known, () => null) as never;
      const page = await engine.decisions({ id, from, limit: Math.max(1, limit) });
      return answer(reply, page, (decisions) => ({
        decisions: decisions.map(({ looks, text }) => ({ looks, text })),
        next: decisions.length === 0 ? null : from + decisions.length,
      })) as never;
    },
  );
}
