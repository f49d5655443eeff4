import { randomUUID } from 'node:crypto';
import { type FastifyReply, fastify } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Result, SerinError } from '../../core/model/errors.ts';
import type { Role } from '../../core/model/roles.ts';
import type { EmergencyDesk } from '../../engine/emergency.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { GuardOptions } from './guard.ts';
import { problem } from './problem.ts';

export interface HttpOptions extends GuardOptions {
  readonly host: string;
  readonly port: number;
  /** Of this replica: without `api` it serves what operators ask for, and nothing else. */
  readonly roles: readonly Role[];
  readonly engine: Engine;
  /** `null`: no Envoy is connected to this replica. */
  readonly emergency: EmergencyDesk | null;
  readonly logger: Logger;
  readonly version: string;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** False while starting or draining; `/readyz` says so. */
  readonly accepting: () => boolean;
  /** Follows each request; absent: nobody does. */
  readonly trace?: (
    method: string,
    headers: Readonly<Record<string, unknown>>,
  ) => { within(run: () => void): void; end(route: string, status: number): void };
  /** Resolves after `ms`, or sooner when something happened that a waiting reader wants to see. */
  readonly pause: (ms: number) => Promise<void>;
}

export type Api = ReturnType<typeof zodApp>;

declare module 'fastify' {
  interface FastifyRequest {
    /** Name of the caller, by token; `local` where none is needed. */
    by: string;
  }
}

/** A fastify that speaks zod, with every bound set. */
export function zodApp() {
  return fastify({
    logger: false,
    bodyLimit: 256 * 1024,
    requestTimeout: 10_000,
    // Longer than the longest wait of one request for a change.
    connectionTimeout: 45_000,
    // The id of an Envoy, of at most 256 characters, encoded.
    routerOptions: { maxParamLength: 2_304 },
    // What is under way is answered; a client that keeps its connection for later must not hold up a drain.
    forceCloseConnections: 'idle',
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
    },
  }).withTypeProvider<ZodTypeProvider>();
}

/** Sends a result: the value, or its errors as a problem. */
export async function answer<T>(
  reply: FastifyReply,
  result: Result<T>,
  present: (value: T) => unknown,
  status = 200,
): Promise<unknown> {
  if (result.kind === 'error') return send(reply, result.errors, reply.request.id);
  return reply.status(status).send(present(result.value));
}

export async function send(
  reply: FastifyReply,
  errors: readonly SerinError[],
  requestId: string,
): Promise<FastifyReply> {
  const body = problem(errors, requestId);
  if (body.status === 503) void reply.header('retry-after', '2');
  if (body.status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.status(body.status).type('application/problem+json').serializer(JSON.stringify).send(body);
}
