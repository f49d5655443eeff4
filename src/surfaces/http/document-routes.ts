import { z } from 'zod';
import { presentApplied } from '../api/present-applied.ts';
import { AppliedList, ApplyBody, DocumentBody, DocumentKindParam, DocumentList } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

const APPLY_BYTES = 2 * 1024 * 1024;

const flag = z.enum(['true', 'false']).optional();

export function documentRoutes(api: Api, { engine }: HttpOptions): void {
  api.post(
    '/api/v1/apply',
    {
      bodyLimit: APPLY_BYTES,
      schema: {
        summary:
          'Apply documents: all of them or none; starts what a Plan has as a new revision. retry: also what was sent back.',
        querystring: z.strictObject({ dryRun: flag, retry: flag }),
        body: ApplyBody,
        response: { 200: AppliedList },
      },
    },
    async (request, reply) =>
      answer(
        reply,
        await engine.apply({
          files: request.body.files,
          dryRun: request.query.dryRun === 'true',
          retry: request.query.retry === 'true',
          by: request.by,
        }),
        (documents) => ({ documents: documents.map(presentApplied) }),
      ) as never,
  );
  api.get(
    '/api/v1/documents',
    {
      schema: { querystring: z.strictObject({ kind: DocumentKindParam.optional() }), response: { 200: DocumentList } },
    },
    async (request, reply) =>
      answer(reply, await engine.documents(request.query.kind ?? null), (all) => ({
        documents: all.map(({ rev, document, source }) => ({ kind: document.kind, name: document.name, rev, source })),
      })) as never,
  );
  const params = z.object({ kind: DocumentKindParam, name: z.string().regex(/^[a-z0-9-]{1,63}$/) });
  api.get(
    '/api/v1/documents/:kind/:name',
    { schema: { params, response: { 200: DocumentBody } } },
    async (request, reply) => {
      const { kind, name } = request.params;
      return answer(reply, await engine.document(kind, name), ({ rev, source }) => ({
        kind,
        name,
        rev,
        source,
      })) as never;
    },
  );
  api.delete(
    '/api/v1/documents/:kind/:name',
    { schema: { params, response: { 200: AppliedList } } },
    async (request, reply) => {
      const removed = await engine.remove({ ...request.params, by: request.by });
      return answer(reply, removed, (document) => ({ documents: [document] })) as never;
    },
  );
}
