import swagger from '@fastify/swagger';
import type { FastifyError, FastifyRequest } from 'fastify';
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { SerinError } from '../../core/model/errors.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import { auditRoutes } from './audit-routes.ts';
import { backendRoutes } from './backend-routes.ts';
import { documentRoutes } from './document-routes.ts';
import { emergencyRoutes } from './emergency-routes.ts';
import { explainRoutes } from './explain-routes.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { guard } from './guard.ts';
import { type Api, type HttpOptions, send, zodApp } from './http-api.ts';
import { operationRoutes, storeRoutes } from './operation-routes.ts';
import { rolloutRoutes } from './rollout-routes.ts';

/** So long requests under way may take when the server closes, ms; then they are cut off. */
const CLOSE_MS = 10_000;

export interface HttpServer {
  readonly port: number;
  /** Answers what is under way, and takes nothing new. */
  close(): Promise<void>;
}

/** The HTTP API, `/openapi.json`, `/livez`, `/readyz` and `/metrics` on one listener. Rejects on a taken port. */
export async function startHttpServer(given: HttpOptions): Promise<HttpServer> {
  const app = zodApp();
  let closing = false;
  // Who waits for a change is answered when the server closes.
  const options: HttpOptions = { ...given, accepting: () => !closing && given.accepting() };
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.decorateRequest('by', '');
  if (options.trace !== undefined) follow(app, options.trace);
  app.addHook('onRequest', async (request, reply) => {
    void reply
      .header('x-request-id', request.id)
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'no-store');
    if (/^\/(livez|readyz(\/[a-z]+)?)$/.test(request.url)) return;
    const checked = guard(request, options);
    if (checked.kind === 'pass') request.by = checked.by;
    else await send(reply, [checked.error], request.id);
  });
  // Else the connection is idle afterwards, and holds up the end.
  app.addHook('onSend', async (_request, reply) => {
    if (closing) void reply.header('connection', 'close');
  });
  app.setErrorHandler((error: FastifyError, request, reply) =>
    send(reply, errorsOf(error, options.logger, request), request.id),
  );
  app.setNotFoundHandler((request, reply) =>
    send(reply, [{ code: 'SERIN_NOT_FOUND', ...nothingUnder(request.url, options.roles) }], request.id),
  );
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Serin', version: options.version, description: 'Progressive delivery for plain Envoy.' },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(async (scope) => {
    const api = scope.withTypeProvider<ZodTypeProvider>() as unknown as Api;
    operationRoutes(api, options);
    emergencyRoutes(api, options);
    if (!options.roles.includes('api')) return;
    documentRoutes(api, options);
    backendRoutes(api, options);
    rolloutRoutes(api, options);
    fleetRoutes(api, options);
    explainRoutes(api, options);
    storeRoutes(api, options);
    auditRoutes(api, options);
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.listen({ host: options.host, port: options.port, backlog: 511 });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: async () => {
      closing = true;
      const late = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
      await app.close();
      clearTimeout(late);
    },
  };
}

/** Health checks are asked every second, and tell nothing. */
const UNFOLLOWED = /^\/(livez|readyz|metrics)/;

function follow(app: Api, trace: NonNullable<HttpOptions['trace']>): void {
  const under = new WeakMap<FastifyRequest, ReturnType<typeof trace>>();
  // By callback: what comes after it runs within the span.
  app.addHook('onRequest', (request, _reply, done) => {
    if (UNFOLLOWED.test(request.url)) return done();
    const one = trace(request.method, request.headers);
    under.set(request, one);
    one.within(done);
  });
  app.addHook('onResponse', async (request, reply) => {
    under.get(request)?.end(request.routeOptions.url ?? 'unknown', reply.statusCode);
  });
}

function nothingUnder(url: string, roles: HttpOptions['roles']): { readonly message: string; readonly hint?: string } {
  if (!url.startsWith('/api/') || roles.includes('api')) return { message: 'there is nothing under this path' };
  return { message: 'this replica has not the role api', hint: 'Ask one that has it.' };
}

function errorsOf(error: FastifyError, logger: Logger, request: FastifyRequest): readonly SerinError[] {
  if (hasZodFastifySchemaValidationErrors(error)) {
    return error.validation.slice(0, 20).map((issue) => ({
      code: 'SERIN_REQUEST_INVALID' as const,
      message: issue.message ?? 'does not fit',
      path: issue.instancePath.replace(/^\//, '').replaceAll('/', '.'),
    }));
  }
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return [{ code: 'SERIN_YAML_TOO_LARGE', message: 'the body is too large' }];
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return [{ code: 'SERIN_REQUEST_INVALID', message: 'expected the content type application/json' }];
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return [{ code: 'SERIN_REQUEST_INVALID', message: 'the request cannot be read' }];
  logger.error('request failed by a bug', {
    requestId: request.id,
    method: request.method,
    detail: error.message,
    stack: error.stack,
  });
  return [{ code: 'SERIN_INTERNAL', message: 'the request failed' }];
}
