import { z } from 'zod';
import type { Result } from '../../core/model/errors.ts';
import { isTerminal, PHASES } from '../../core/model/phase.ts';
import type { RolloutCommand, RolloutView } from '../../engine/engine.ts';
import { CommandBodies } from '../api/command-schemas.ts';
import { presentEvent, presentPoint, presentRollout } from '../api/present.ts';
import { EventList, ROLLOUT_ID, RolloutBody, RolloutList } from '../api/schemas.ts';
import { RecordingBody, VerdictList } from '../api/verdict-schemas.ts';
import { decisionRoutes } from './decision-routes.ts';
import { type Api, answer, type HttpOptions } from './http-api.ts';
import { startRoutes } from './start-routes.ts';

const id = z.object({ id: z.string().regex(ROLLOUT_ID) });
const number = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().max(max));
/** Longest wait of one request, ms; clients ask again. */
const MAX_WAIT_MS = 30_000;

export function rolloutRoutes(api: Api, options: HttpOptions): void {
  const { engine } = options;
  startRoutes(api, options);
  api.get(
    '/api/v1/rollouts',
    {
      schema: {
        querystring: z.strictObject({
          backend: z.string().max(63).optional(),
          phase: z.enum([...PHASES, 'active']).optional(),
          limit: number(200).optional(),
          cursor: z.string().max(200).optional(),
        }),
        response: { 200: RolloutList },
      },
    },
    async (request, reply) => {
      const { backend = null, phase = null, limit = 50, cursor = null } = request.query;
      const page = await engine.rollouts({ backend, phase, limit: Math.max(1, limit), cursor });
      return answer(reply, page, ({ rollouts, cursor: next }) => ({
        rollouts: rollouts.map(presentRollout),
        cursor: next,
      })) as never;
    },
  );
  api.get(
    '/api/v1/rollouts/:id',
    {
      schema: {
        summary: 'One rollout; with afterRev the answer waits until it has changed.',
        params: id,
        querystring: z.strictObject({
          afterRev: number(999_999_999).optional(),
          waitMs: number(MAX_WAIT_MS).optional(),
        }),
        response: { 200: RolloutBody },
      },
    },
    async (request, reply) => {
      const { afterRev = null, waitMs = MAX_WAIT_MS } = request.query;
      return answer(reply, await changed(options, request.params.id, afterRev, waitMs), presentRollout) as never;
    },
  );
  api.get(
    '/api/v1/rollouts/:id/events',
    {
      schema: {
        params: id,
        querystring: z.strictObject({ after: z.string().max(64).optional(), limit: number(1_000).optional() }),
        response: { 200: EventList },
      },
    },
    async (request, reply) => {
      const { after = null, limit = 500 } = request.query;
      const read = await engine.events({ id: request.params.id, after, limit });
      return answer(reply, read, (events) => ({
        events: events.map(({ id: at, event }) => presentEvent(at, event)),
      })) as never;
    },
  );
  api.get(
    '/api/v1/rollouts/:id/verdicts',
    {
      schema: {
        summary: 'What the judge concluded at each look, thinned out with age.',
        params: id,
        response: { 200: VerdictList },
      },
    },
    async (request, reply) =>
      answer(reply, await engine.verdicts(request.params.id), (points) => ({
        points: points.map(presentPoint),
      })) as never,
  );
  api.get(
    '/api/v1/rollouts/:id/recording',
    {
      schema: {
        summary: 'What Prometheus has of it, as a recording to be judged again.',
        params: id,
        querystring: z.strictObject({
          backend: z
            .string()
            .max(63)
            .optional()
            .meta({ description: 'Of a joint rollout; the first one where it is left out.' }),
        }),
        response: { 200: RecordingBody },
      },
    },
    async ({ params, query }, reply) =>
      answer(reply, await engine.recording(params.id, query.backend ?? null), (lines) => ({ lines })) as never,
  );
  decisionRoutes(api, options);
  commandRoutes(api, options);
}

function commandRoutes(api: Api, { engine }: HttpOptions): void {
  const run = async (
    rolloutId: string,
    command: RolloutCommand,
    rev: number | undefined,
    by: string,
  ): Promise<Result<RolloutView>> => engine.command({ id: rolloutId, command, rev: rev ?? null, by });
  const schema = { params: id, response: { 200: RolloutBody } };
  api.post(
    '/api/v1/rollouts/:id/pause',
    { schema: { ...schema, body: CommandBodies.pause } },
    async ({ params, body, by }, reply) =>
      answer(
        reply,
        await run(params.id, { type: 'pause', reason: body.reason ?? 'paused by a person' }, body.rev, by),
        presentRollout,
      ) as never,
  );
  api.post(
    '/api/v1/rollouts/:id/resume',
    { schema: { ...schema, body: CommandBodies.resume } },
    async ({ params, body, by }, reply) =>
      answer(reply, await run(params.id, { type: 'resume' }, body.rev, by), presentRollout) as never,
  );
  api.post(
    '/api/v1/rollouts/:id/promote',
    { schema: { ...schema, body: CommandBodies.promote } },
    async ({ params, body, by }, reply) =>
      answer(
        reply,
        await run(params.id, { type: 'promote', ...(body.arm === undefined ? {} : { arm: body.arm }) }, body.rev, by),
        presentRollout,
      ) as never,
  );
  api.post(
    '/api/v1/rollouts/:id/abort',
    {
      schema: {
        ...schema,
        summary:
          'All traffic back to stable; with unconfirmed, ends one on its way back that waits for Envoys in vain.',
        body: CommandBodies.abort,
      },
    },
    async ({ params, body: { reason = 'aborted by a person', unconfirmed = false, rev }, by }, reply) =>
      answer(reply, await run(params.id, { type: 'abort', reason, unconfirmed }, rev, by), presentRollout) as never,
  );
  api.post(
    '/api/v1/rollouts/:id/approve',
    { schema: { ...schema, body: CommandBodies.approve } },
    async ({ params, body: { rev, gate, hook, reason }, by }, reply) => {
      const ofHook = hook === undefined ? {} : { hook, ...(reason === undefined ? {} : { reason }) };
      return answer(
        reply,
        await run(params.id, { type: 'approve', gate, ...ofHook }, rev, by),
        presentRollout,
      ) as never;
    },
  );
  api.post(
    '/api/v1/rollouts/:id/skip',
    {
      schema: {
        ...schema,
        summary: 'Leaves the present step, whatever gates of it are shut; behind the last one to all requests.',
        body: CommandBodies.skip,
      },
    },
    async ({ params, body: { rev, gate, reason = 'skipped by a person', force = false }, by }, reply) =>
      answer(reply, await run(params.id, { type: 'skip', gate, reason, force }, rev, by), presentRollout) as never,
  );
  api.post(
    '/api/v1/rollouts/:id/jump',
    {
      schema: {
        ...schema,
        summary: 'To another step, forward or back; the gates of those in between are not passed.',
        body: CommandBodies.jump,
      },
    },
    async ({ params, body: { rev, to, gate, reason = 'moved by a person', force = false }, by }, reply) =>
      answer(reply, await run(params.id, { type: 'jump', to, gate, reason, force }, rev, by), presentRollout) as never,
  );
}

/** The rollout as soon as it has left `afterRev`, or as it is after `waitMs`. */
async function changed(
  { engine, pause, accepting }: HttpOptions,
  rolloutId: string,
  afterRev: number | null,
  waitMs: number,
): Promise<Result<RolloutView>> {
  const untilMs = performance.now() + waitMs;
  for (;;) {
    const view = await engine.rollout(rolloutId);
    if (view.kind === 'error' || afterRev === null || view.value.rev > afterRev) return view;
    if (isTerminal(view.value.rollout.phase) || performance.now() >= untilMs || !accepting()) return view;
    await pause(Math.min(500, Math.max(1, untilMs - performance.now())));
  }
}
