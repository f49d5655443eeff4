import { z } from 'zod';
import { iso } from '../api/present.ts';
import { AuditPage } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

const MAX_LIMIT = 1_000;

export function auditRoutes(api: Api, { engine }: HttpOptions): void {
  api.get(
    '/api/v1/audit',
    {
      schema: {
        summary: 'Who did what, oldest first.',
        querystring: z.strictObject({
          since: z.iso.datetime().optional(),
          after: z.string().max(64).optional(),
          limit: z.coerce.number().int().min(1).max(MAX_LIMIT).optional(),
        }),
        response: { 200: AuditPage },
      },
    },
    async (request, reply) => {
      const { since, after = null, limit = 500 } = request.query;
      const read = await engine.audit({ after, sinceMs: since === undefined ? null : Date.parse(since), limit });
      return answer(reply, read, (lines) => ({
        entries: lines.map(({ entry: { atMs, ...entry } }) => ({ ...entry, at: iso(atMs) })),
        cursor: lines.length < limit ? null : (lines.at(-1)?.cursor ?? null),
      })) as never;
    },
  );
}
