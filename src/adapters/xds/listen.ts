import { createServer } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../engine/ports/clock.ts';
import { Connections } from './connections.ts';
import type { XdsLimits } from './xds-limits.ts';

/** A fleet that lost its server comes back at once: beyond the usual 511 waiting ones, a client waits a second. */
const BACKLOG = 4_096;

export interface Listening {
  readonly port: number;
  readonly connections: Pick<Connections, 'streamOpened'>;
  /** Takes no more connections. */
  close(): void;
  /** Cuts off those that have not become a session yet, too. */
  destroy(): void;
}

/** Listens for a gRPC server, whose own `bindAsync` cannot be told a backlog. Rejects when the port cannot be bound. */
export function listen(
  server: Server,
  credentials: ServerCredentials,
  options: {
    readonly host: string;
    readonly port: number;
    readonly clock: Clock;
    readonly limits: Pick<XdsLimits, 'silenceMs' | 'maxSilentConnections'>;
  },
): Promise<Listening> {
  const { host, port, clock, limits } = options;
  const injector = server.createConnectionInjector(credentials);
  const connections = new Connections(clock, limits);
  const listener = createServer((socket) => {
    // A session that takes the socket over handles its errors; before that, one must not end the process.
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    connections.joined(`${socket.remoteAddress}:${socket.remotePort}`, socket);
    if (!socket.destroyed) injector.injectConnection(socket);
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port, backlog: BACKLOG }, () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      resolve({
        port: address.port,
        connections,
        close: () => void listener.close(),
        destroy() {
          listener.close();
          connections.destroyAll();
        },
      });
    });
  });
}
