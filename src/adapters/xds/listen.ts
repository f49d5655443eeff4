import { createServer, type Socket } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { XdsLimits } from './xds-limits.ts';

/** A fleet that lost its server comes back at once: beyond the usual 511 waiting ones, a client waits a second. */
const BACKLOG = 4_096;

export interface Listening {
  readonly port: number;
  /** The connection of this peer has opened a stream. */
  served(peer: string): void;
  /** Takes no more connections. */
  close(): void;
  /** Cuts off those that have not become a session yet, too. */
  destroy(): void;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly limits: Pick<XdsLimits, 'silenceMs' | 'maxSilentConnections'>;
}

/** Listens for a gRPC server, whose own `bindAsync` cannot be told a backlog. Rejects when the port cannot be bound. */
export function listen(
  server: Server,
  credentials: ServerCredentials,
  { host, port, clock, limits }: ListenOptions,
): Promise<Listening> {
  const injector = server.createConnectionInjector(credentials);
  const sockets = new Set<Socket>();
  const silent = new SilentConnections(clock, limits);
  const listener = createServer((socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      silent.left(peer, socket);
    });
    // A session that takes the socket over handles its errors; before that, one must not end the process.
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    silent.joined(peer, socket);
    injector.injectConnection(socket);
  });
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host, port, backlog: BACKLOG }, () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port'));
      resolve({
        port: address.port,
        served: (peer) => silent.left(peer),
        close: () => void listener.close(),
        destroy() {
          listener.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

/**
 * Connections without a stream so far, oldest first: they have until a deadline, and only so many can be. An Envoy
 * opens its stream within milliseconds, so the oldest one makes room and those who only hold sockets shut nobody out.
 */
class SilentConnections {
  readonly #clock: Clock;
  readonly #limits: ListenOptions['limits'];
  readonly #waiting = new Map<string, { readonly socket: Socket; readonly deadline: Timer }>();

  constructor(clock: Clock, limits: ListenOptions['limits']) {
    this.#clock = clock;
    this.#limits = limits;
  }

  joined(peer: string, socket: Socket): void {
    const deadline = this.#clock.setTimer(this.#limits.silenceMs, () => socket.destroy());
    this.#waiting.set(peer, { socket, deadline });
    const [oldest] = this.#waiting.values();
    if (this.#waiting.size > this.#limits.maxSilentConnections) oldest?.socket.destroy();
  }

  /** With a socket: only if it is that one; an address may be in use again. */
  left(peer: string, socket?: Socket): void {
    const waiting = this.#waiting.get(peer);
    if (waiting === undefined || (socket !== undefined && waiting.socket !== socket)) return;
    waiting.deadline.cancel();
    this.#waiting.delete(peer);
  }
}
