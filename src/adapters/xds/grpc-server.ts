import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../../engine/ports/clock.ts';
import { DISCOVERY_METHODS, DISCOVERY_SERVICE, type RawStream } from './discovery-services.ts';
import type { StreamVariant } from './stream-session.ts';
import type { XdsLimits } from './xds-limits.ts';

export interface XdsTls {
  /** PEM. */
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  /** PEM of the authorities whose client certificates are accepted; a client without one is turned away. */
  readonly clientCa: Buffer;
}

const MINUTE_MS = 60_000;

export function grpcServer(limits: XdsLimits, onStream: (call: RawStream, variant: StreamVariant) => void): Server {
  const age = limits.maxConnectionAgeMs;
  const server = new Server({
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxStreamsPerConnection,
    'grpc.max_metadata_size': 16 * 1024,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // The library adds or takes up to 10 %, and then sends GOAWAY.
    'grpc.max_connection_age_ms': age,
    // By then every stream has ended by itself; this is for peers that do not let it.
    'grpc.max_connection_age_grace_ms': age * LONGEST_STREAM + 2 * MINUTE_MS,
  });
  const handlers = DISCOVERY_METHODS.map(({ variant, definition }) => [
    definition.path,
    (call: RawStream) => onStream(call, variant),
  ]);
  server.addService(DISCOVERY_SERVICE, Object.fromEntries(handlers));
  return server;
}

const LONGEST_STREAM = 1.2;

/**
 * How long a stream lives: it ends in order, surely after its connection's GOAWAY, so that it is opened again on
 * another one, and spread, so that a fleet does not come back all at once.
 */
export function streamAgeMs({ maxConnectionAgeMs }: XdsLimits, spread: number): number {
  return maxConnectionAgeMs * (1.1 + spread * (LONGEST_STREAM - 1.1));
}

export function credentialsOf(tls: XdsTls | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const keys = [{ private_key: tls.privateKey, cert_chain: tls.certificate }];
  // Without a certificate of ours nobody gets a fleet's routes.
  return ServerCredentials.createSsl(tls.clientCa, keys, true);
}

/** Sends GOAWAY on every connection and waits for their streams up to the deadline, then cuts them off. */
export function shutDown(server: Server, clock: Clock, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(deadlineMs, () => {
      server.forceShutdown();
      resolve();
    });
    server.tryShutdown(() => {
      timer.cancel();
      resolve();
    });
  });
}
