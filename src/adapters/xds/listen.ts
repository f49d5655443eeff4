import { createServer, type Socket } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';

/** A fleet that lost its server comes back at once: beyond the usual 511 waiting ones, a client waits a second. */
const BACKLOG = 4_096;

export interface Listening {
  readonly port: number;
  /** Takes no more connections. */
  close(): void;
  /** Cuts off those that have not become a session yet, too. */
  destroy(): void;
}

/** Listens for a gRPC server, whose own `bindAsync` cannot be told a backlog. Rejects when the port cannot be bound. */
export function listen(
  server: Server,
  credentials: ServerCredentials,
  at: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const injector = server.createConnectionInjector(credentials);
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A session that takes the socket over handles its errors; before that, one must not end the process.
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    injector.injectConnection(socket);
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ ...at, backlog: BACKLOG }, () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      resolve({
        port: address.port,
        close: () => void listener.close(),
        destroy() {
          listener.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
