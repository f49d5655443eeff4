import type { FastifyReply, FastifyRequest } from 'fastify';
import { fail, type Result } from '../../core/model/errors.ts';
import type { RolloutView } from '../../engine/engine.ts';
import { presentRollout } from '../api/present.ts';
import { IDEMPOTENCY_KEY, RolloutBody, StartBody, UndoBody } from '../api/schemas.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';

/** What begins a rollout; an Idempotency-Key makes the repeat harmless. */
export function startRoutes(api: Api, { engine }: HttpOptions): void {
  const response = { 200: RolloutBody, 201: RolloutBody };
  api.post(
    '/api/v1/rollouts',
    { schema: { summary: 'Start a rollout. Repeat it safely with an Idempotency-Key.', body: StartBody, response } },
    ({ headers, body: { plan, revision, endpoints, backends, variants, build }, by }, reply) =>
      begun(headers, reply, (idempotencyKey) =>
        engine.start({
          plan,
          revision: revision ?? null,
          endpoints: endpoints ?? null,
          backends,
          variants,
          by,
          idempotencyKey,
          build,
        }),
      ),
  );
  api.post(
    '/api/v1/undo',
    {
      schema: {
        summary: 'Take the last promotion of a backend back, in one step. Repeat it safely with an Idempotency-Key.',
        body: UndoBody,
        response,
      },
    },
    ({ headers, body: { of, reason = 'undone by a person' }, by }, reply) =>
      begun(headers, reply, (idempotencyKey) => engine.undo({ of, reason, by, idempotencyKey })),
  );
}

async function begun(
  { 'idempotency-key': key }: FastifyRequest['headers'],
  reply: FastifyReply,
  begin: (idempotencyKey: string | null) => Promise<Result<{ readonly view: RolloutView; readonly created: boolean }>>,
): Promise<never> {
  if (key !== undefined && (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key))) {
    const refused = fail('SERIN_REQUEST_INVALID', 'expected an Idempotency-Key of 1 to 200 visible characters');
    return (await answer(reply, refused, () => null)) as never;
  }
  const started = await begin(key ?? null);
  const status = started.kind === 'ok' && started.value.created ? 201 : 200;
  return (await answer(reply, started, ({ view }) => presentRollout(view), status)) as never;
}
