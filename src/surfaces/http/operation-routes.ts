import { z } from 'zod';
import { iso } from '../api/present.ts';
import { DeadLetterList, ReadinessBody, ReconcileBody, ReconciledBody } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

/** Dead letters, the way out of a frozen store, and what operators' machines ask for. */
export function operationRoutes(api: Api, { engine, metrics, accepting }: HttpOptions): void {
  api.get(
    '/api/v1/dead-letters',
    { schema: { response: { 200: DeadLetterList } } },
    async (_request, reply) =>
      answer(reply, await engine.deadLetters(100), (all) => ({
        deadLetters: all.map(({ queue, title, detail, atMs }) => ({ queue, title, detail, at: iso(atMs) })),
      })) as never,
  );
  api.post(
    '/api/v1/store/reconcile',
    {
      schema: {
        summary: 'End the freeze of a store that is not what it was.',
        body: ReconcileBody,
        response: { 200: ReconciledBody },
      },
    },
    async (request, reply) =>
      answer(reply, await engine.reconcileStore({ mode: request.body.mode, by: request.by }), (done) => done) as never,
  );
  // Never depends on Redis: an outage there must not restart the fleet's control plane.
  api.get('/livez', { schema: { response: { 200: z.object({ live: z.boolean() }) } } }, async () => ({ live: true }));
  api.get('/readyz', { schema: { response: { 200: ReadinessBody, 503: ReadinessBody } } }, async (_request, reply) => {
    const checks = [
      { name: 'accepting', ok: accepting(), detail: 'neither starting nor draining' },
      ...(await engine.readiness()),
    ];
    const ready = checks.every(({ ok }) => ok);
    return reply.status(ready ? 200 : 503).send({ ready, checks });
  });
  api.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
