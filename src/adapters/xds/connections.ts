import type { Socket } from 'node:net';
import type { Clock, Timer } from '../../engine/ports/clock.ts';
import type { XdsLimits } from './xds-limits.ts';

interface Connection {
  readonly peer: string;
  readonly socket: Socket;
  streams: number;
  /** `null`: it has a stream. */
  deadline: Timer | null;
}

/**
 * Who is connected. A connection without a stream, be it that it had one or not, has until a deadline, and only so
 * many can be: an Envoy opens its stream within milliseconds, so the one that has been without for the longest makes
 * room, and those who only hold sockets shut nobody out.
 */
export class Connections {
  readonly #clock: Clock;
  readonly #limits: Pick<XdsLimits, 'silenceMs' | 'maxSilentConnections'>;
  readonly #byPeer = new Map<string, Connection>();
  /** Those without a stream; the first one for the longest. */
  readonly #silent = new Set<Connection>();

  constructor(clock: Clock, limits: Pick<XdsLimits, 'silenceMs' | 'maxSilentConnections'>) {
    this.#clock = clock;
    this.#limits = limits;
  }

  joined(peer: string, socket: Socket): void {
    const connection: Connection = { peer, socket, streams: 0, deadline: null };
    this.#byPeer.set(peer, connection);
    socket.once('close', () => this.#forget(connection));
    this.#wait(connection);
  }

  /** A stream begins on the connection of this peer; returns how to say that it has ended. */
  streamOpened(peer: string): () => void {
    const connection = this.#byPeer.get(peer);
    if (connection === undefined) return () => {};
    connection.streams += 1;
    this.#rest(connection);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      connection.streams -= 1;
      if (connection.streams === 0 && this.#byPeer.get(peer) === connection) this.#wait(connection);
    };
  }

  destroyAll(): void {
    for (const { socket } of this.#byPeer.values()) socket.destroy();
  }

  #wait(connection: Connection): void {
    connection.deadline = this.#clock.setTimer(this.#limits.silenceMs, () => this.#cut(connection));
    this.#silent.add(connection);
    const [longest] = this.#silent;
    if (this.#silent.size > this.#limits.maxSilentConnections && longest !== undefined) this.#cut(longest);
  }

  #rest(connection: Connection): void {
    connection.deadline?.cancel();
    connection.deadline = null;
    this.#silent.delete(connection);
  }

  /** At once, not when the socket says so: by then more may have come. */
  #cut(connection: Connection): void {
    this.#forget(connection);
    connection.socket.destroy();
  }

  #forget(connection: Connection): void {
    this.#rest(connection);
    // An address may be in use again.
    if (this.#byPeer.get(connection.peer) === connection) this.#byPeer.delete(connection.peer);
  }
}
