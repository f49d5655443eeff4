import { z } from 'zod';
import { ROLES, type Role } from '../../core/model/roles.ts';
import { iso } from '../api/present.ts';
import { DeadLetterList, ReadinessBody, ReconcileBody, ReconciledBody } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions, send } from './http-api.ts';

/** Dead letters, and the way out of a frozen store. */
export function storeRoutes(api: Api, { engine }: HttpOptions): void {
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
}

/** What operators' machines ask for, of every replica. */
export function operationRoutes(api: Api, { engine, metrics, accepting, roles }: HttpOptions): void {
  const readiness = async (of: readonly Role[]) => {
    const all = await engine.readiness();
    const checks = [
      { name: 'accepting', ok: accepting(), detail: 'neither starting nor draining' },
      ...all
        .filter((check) => check.roles.some((role) => of.includes(role)))
        .map(({ name, ok, detail }) => ({ name, ok, detail })),
    ];
    return { ready: checks.every(({ ok }) => ok), checks };
  };
  // Never depends on Redis: an outage there must not restart the fleet's control plane.
  api.get('/livez', { schema: { response: { 200: z.object({ live: z.boolean() }) } } }, async () => ({ live: true }));
  api.get('/readyz', { schema: { response: { 200: ReadinessBody, 503: ReadinessBody } } }, async (_request, reply) => {
    const body = await readiness(roles);
    return reply.status(body.ready ? 200 : 503).send(body);
  });
  api.get(
    '/readyz/:role',
    { schema: { params: z.object({ role: z.enum(ROLES) }), response: { 200: ReadinessBody, 503: ReadinessBody } } },
    async ({ params: { role }, id }, reply) => {
      if (!roles.includes(role))
        return send(
          reply,
          [{ code: 'SERIN_NOT_FOUND', message: `this replica has not the role ${role}` }],
          id,
        ) as never;
      const body = await readiness([role]);
      return reply.status(body.ready ? 200 : 503).send(body);
    },
  );
  api.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}
