import { experimental, Server, ServerCredentials } from '@grpc/grpc-js';
import type { LiveCertificates } from '../../engine/ports/certificates.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import { DISCOVERY_METHODS, DISCOVERY_SERVICE, type RawStream } from './discovery-services.ts';
import type { StreamVariant } from './stream-session.ts';
import type { XdsLimits } from './xds-limits.ts';

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

/** Streams that are open stay so when certificates change; they end with `maxConnectionAge` at the latest. */
export function credentialsOf(tls: LiveCertificates | null): ServerCredentials {
  if (tls === null) return ServerCredentials.createInsecure();
  const provider = certificateProvider(tls);
  // Without a certificate of ours nobody gets a fleet's routes.
  return experimental.createCertificateProviderServerCredentials(provider, provider, true);
}

/** The library asks once, and is told of changes. */
function certificateProvider(tls: LiveCertificates): experimental.CertificateProvider {
  const ends = new Map<unknown, () => void>();
  const bytes = (pem: string | null): Buffer => Buffer.from(pem ?? '');
  const follow = (listener: unknown, tell: () => void): void => {
    ends.set(listener, tls.onChange(tell));
    // The library listens to its own listener only after this.
    queueMicrotask(tell);
  };
  const leave = (listener: unknown): void => {
    ends.get(listener)?.();
    ends.delete(listener);
  };
  return {
    addCaCertificateListener: (listener) =>
      follow(listener, () => listener({ caCertificate: bytes(tls.current().ca) })),
    addIdentityCertificateListener: (listener) =>
      follow(listener, () => {
        const { certificate, privateKey } = tls.current();
        listener({ certificate: bytes(certificate), privateKey: bytes(privateKey) });
      }),
    removeCaCertificateListener: leave,
    removeIdentityCertificateListener: leave,
  };
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
