import { status } from '@grpc/grpc-js';
import type { FleetLedgers } from '../../core/fleet/fleet-ledgers.ts';
import type { Clock } from '../../engine/ports/clock.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { ClientStreams } from './client-streams.ts';
import type { Codec } from './codec.ts';
import type { RawStream } from './discovery-services.ts';
import { nackMessage } from './nack-message.ts';
import { type FleetOptions, identify, type NodeIdentity } from './node-identity.ts';
import { readRequest } from './request-reader.ts';
import type { ResponseCache } from './response-cache.ts';
import type { Snapshot } from './snapshot.ts';
import { enterStream, type StreamEntry } from './stream-entry.ts';
import { type StreamEvents, StreamSession, type StreamVariant } from './stream-session.ts';
import { MAX_UNANSWERED } from './subscription.ts';
import { TokenBucket } from './token-bucket.ts';
import type { XdsLimits } from './xds-limits.ts';
import { TYPE_URLS, xdsTypeOf } from './xds-types.ts';

export interface StreamContext {
  readonly codec: Codec;
  readonly cache: ResponseCache;
  readonly ledgers: FleetLedgers;
  readonly fleets: readonly FleetOptions[];
  readonly logger: Logger;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly limits: XdsLimits;
  /** How long the next stream may live. */
  readonly streamAgeMs: () => number;
  readonly snapshot: (fleet: string, nodeId: string) => Snapshot | null;
  /** Calls back once the store has been read by a look that begins now or later. */
  readonly whenRead: (fleet: string, told: () => void) => void;
  /** Registers an open stream by the way to end it; returns how to take it out again. */
  readonly track: (end: () => void) => () => void;
  readonly setTimer: Clock['setTimer'];
  readonly joined: (identity: NodeIdentity, session: StreamSession) => void;
  readonly left: (fleet: string, session: StreamSession) => void;
  /** The streams that belong to the same client as a new one. */
  readonly clientOf: (identity: NodeIdentity) => ClientStreams;
}

interface Joined {
  readonly fleet: string;
  readonly session: StreamSession;
  readonly client: ClientStreams;
  readonly entry: StreamEntry;
  readonly logger: Logger;
}

/** Types that are asked for in vain are logged once each, and only so many. */
const MAX_UNKNOWN_TYPES = 16;

/** A request counts as one, and once more for each so many bytes: what it costs to read grows with them. */
const BYTES_PER_TOKEN = 16 * 1024;

/** What may wait in the transport of one stream; beyond that nothing is written until it has gone out. */
const MAX_UNSENT_BYTES = 64 * 1024;

/** Connects one discovery stream with its session. Whatever goes wrong ends this stream and nothing else. */
export function handleStream(call: RawStream, variant: StreamVariant, context: StreamContext): void {
  let joined: Joined | null = null;
  let open = true;
  const unknown = new Set<string>();

  const leave = () => {
    open = false;
    untrack();
    silence.cancel();
    oldAge.cancel();
    if (joined === null) return;
    context.left(joined.fleet, joined.session);
    joined.client.leave(joined.session);
    joined.entry.closed();
    joined = null;
  };
  const refuse = (code: status, details: string) => {
    if (!open) return;
    leave();
    call.emit('error', { code, details });
  };

  const end = () => {
    leave();
    call.end();
  };
  const untrack = context.track(end);
  const { limits } = context;
  const silence = context.setTimer(limits.silenceMs, () => refuse(status.DEADLINE_EXCEEDED, 'no request came'));
  const oldAge = context.setTimer(context.streamAgeMs(), end);
  const requests = new TokenBucket(
    { perSecond: limits.requestsPerSecond, burst: limits.requestBurst },
    context.monotonicMs(),
  );

  const onRequest = (bytes: Buffer) => {
    if (!open) return;
    if (!requests.take(1 + Math.floor(bytes.length / BYTES_PER_TOKEN), context.monotonicMs())) {
      return refuse(status.RESOURCE_EXHAUSTED, 'too many requests (setting xds.limits.requestsPerSecond)');
    }
    const request = readRequest(bytes, variant.protocol, limits);
    if (request.kind === 'refused') return refuse(status.INVALID_ARGUMENT, request.detail);
    const complaint = complaintAbout(request.typeUrl, variant);
    if (complaint !== null) return refuse(status.INVALID_ARGUMENT, complaint);
    if (joined === null) {
      const identified = identify(request.node, context.fleets);
      if (identified.kind === 'invalid') return refuse(status.INVALID_ARGUMENT, identified.detail);
      if (identified.kind === 'no-fleet') {
        context.logger.warn('node refused: no fleet matches it', {
          nodeId: request.node?.id,
          cluster: request.node?.cluster,
        });
        return refuse(status.PERMISSION_DENIED, identified.detail);
      }
      const { envoyVersion } = identified.identity;
      if (variant.protocol === 'delta' && forgetsItsWildcard(envoyVersion)) {
        const details = `Envoy ${envoyVersion} cannot return to a delta stream; use GRPC, or Envoy 1.19 or newer`;
        return refuse(status.FAILED_PRECONDITION, details);
      }
      const write = writer(call, () => joined?.session.drained(context.monotonicMs()));
      const overdue = () => refuse(status.RESOURCE_EXHAUSTED, `more than ${MAX_UNANSWERED} responses are unanswered`);
      const { returning } = request.asked;
      const how = { returning, isOpen: () => open };
      joined = join({ write, overdue }, identified.identity, variant, context, how);
      silence.cancel();
    }
    const type = variant.only ?? xdsTypeOf(request.typeUrl);
    if (type === null) {
      if (unknown.size < MAX_UNKNOWN_TYPES && !unknown.has(request.typeUrl)) {
        unknown.add(request.typeUrl);
        joined.logger.warn('resource type is not served and stays unanswered', {
          typeUrl: request.typeUrl.slice(0, 200),
        });
      }
      return;
    }
    const { session } = joined;
    session.receive(type, request.asked, context.monotonicMs());
    // Delta requests add to what earlier ones asked for.
    if (session.namesOf(type) > limits.maxResourceNames) {
      refuse(
        status.INVALID_ARGUMENT,
        `more than ${limits.maxResourceNames} resource names in one subscription (setting xds.limits.maxResourceNames)`,
      );
    }
  };

  call.on('data', (bytes: Buffer) => {
    try {
      onRequest(bytes);
    } catch (cause) {
      context.logger.error('xDS stream ended by a bug', { cause: String(cause) });
      refuse(status.INTERNAL, 'internal error');
    }
  });
  call.on('cancelled', leave);
  call.on('close', leave);
  call.on('error', leave);
  call.on('end', end);
}

function complaintAbout(typeUrl: string, { only }: StreamVariant): string | null {
  if (only === null && typeUrl === '') return 'type_url is required on an aggregated stream';
  if (only !== null && typeUrl !== '' && typeUrl !== TYPE_URLS[only]) {
    return `this stream carries ${TYPE_URLS[only]} alone`;
  }
  return null;
}

/** Before 1.19, an Envoy that returns asks for the clusters that it has, by name, and never hears of new ones (D6). */
function forgetsItsWildcard(envoyVersion: string | null): boolean {
  const [major = 0, minor = 0] = (envoyVersion ?? '').split('.').map(Number);
  return major === 1 && minor < 19;
}

/** Writes to a stream; `false`: its peer does not read, `onRoom` says when it has. */
function writer(call: RawStream, onRoom: () => void): StreamEvents['write'] {
  let unsent = 0;
  return (bytes) => {
    unsent += bytes.length;
    call.write(bytes, () => {
      const full = unsent >= MAX_UNSENT_BYTES;
      unsent -= bytes.length;
      if (full && unsent < MAX_UNSENT_BYTES) onRoom();
    });
    return unsent < MAX_UNSENT_BYTES;
  };
}

function join(
  transport: Pick<StreamEvents, 'write' | 'overdue'>,
  identity: NodeIdentity,
  variant: StreamVariant,
  context: StreamContext,
  { returning, isOpen }: { readonly returning: boolean; readonly isOpen: () => boolean },
): Joined {
  const { fleet, nodeId } = identity;
  const logger = context.logger.child({ fleet, nodeId });
  const entry = enterStream(context.ledgers, identity, variant, context.now);
  const client = context.clientOf(identity);
  const session = new StreamSession({
    variant,
    codec: context.codec,
    cache: context.cache,
    client,
    stuckAfterMs: context.limits.stuckAfterMs,
    events: {
      ...transport,
      credited: (credit) => entry.credited(credit),
      asked: (type) => entry.asked(type),
      sent: (type, version) => entry.sent(type, version),
      acked: (type, version) => entry.acked(type, version),
      nacked(type, position, message, refused) {
        const reason = nackMessage(message);
        logger.warn('Envoy refused a response', { type, n: position.n, reason });
        entry.nacked(type, { position, ...refused, message: reason, atMs: context.now() });
      },
    },
  });
  client.join(session);
  const serve = () => {
    context.joined(identity, session);
    const snapshot = context.snapshot(fleet, nodeId);
    if (snapshot !== null) session.update(snapshot, context.monotonicMs());
  };
  // Another replica may have told it something newer than what was read here last. It has a table: it can wait.
  if (returning) context.whenRead(fleet, () => isOpen() && serve());
  else serve();
  logger.info('Envoy connected', { envoyVersion: identity.envoyVersion, ...variant });
  return { fleet, session, client, entry, logger };
}
