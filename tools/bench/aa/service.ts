import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Random } from '../../../test/support/random.ts';

/** A healthy service that is not perfect: a few errors, latency with a tail, and restarts at the same address. */
export interface Service {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Cuts every connection, and is away for so long. */
  restart(awayMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface Habits {
  /** Share of requests that get a 500, 0–1, by chance. */
  readonly errorShare: number;
  /** Mean of the exponential time to an answer, ms. */
  readonly meanMs: number;
}

export async function startService(habits: Habits, random: Random): Promise<Service> {
  let server = create(habits, random);
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    async restart(awayMs) {
      await close(server);
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      server = create(habits, random);
      await listen(server, port);
    },
    close: () => close(server),
  };
}

function create({ errorShare, meanMs }: Habits, random: Random): Server {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.writeHead(200).end();
    const status = random.chance(errorShare) ? 500 : 200;
    // At most one in 20,000 takes longer than ten times the mean.
    const afterMs = Math.min(10, -Math.log(1 - random.next())) * meanMs;
    setTimeout(() => response.writeHead(status).end(), afterMs);
  });
  server.keepAliveTimeout = 120_000;
  return server;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
