import { ROLES } from '../../src/core/model/roles.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import type { HttpOptions } from '../../src/surfaces/http/http-api.ts';
import { type HttpServer, startHttpServer } from '../../src/surfaces/http/http-server.ts';
import { quiet } from './quiet-logger.ts';

export interface ApiServer extends HttpServer {
  readonly url: string;
}

/** The real HTTP server on a free loopback port, over an engine of the test's own. */
export async function apiServer(engine: Engine, options: Partial<HttpOptions> = {}): Promise<ApiServer> {
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    roles: ROLES,
    loopback: true,
    tokens: [],
    engine,
    emergency: null,
    logger: quiet,
    version: '0.0.0',
    metrics: createMetrics({
      version: '0.0.0',
      fleets: () => [],
      driftMs: () => 0,
      monotonicMs: () => 0,
      tables: () => [],
      census: async () => ({ kind: 'unavailable', detail: 'there is no store' }),
      store: () => ({ downMs: 0, frozen: false }),
      tailBytes: () => 0,
      notifiersOff: () => 0,
      certificates: () => [],
      emergencies: () => ({ open: 0, held: 0, volatile: 0 }),
    }),
    accepting: () => true,
    pause: async () => undefined,
    ...options,
  });
  return { ...server, url: `http://127.0.0.1:${server.port}` };
}
