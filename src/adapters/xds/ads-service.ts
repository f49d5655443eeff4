import type { ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js';

/** A bidirectional stream of undecoded messages. */
export type RawStream = ServerDuplexStream<Buffer, Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;

/**
 * Written by hand, with bytes in and out: so responses are encoded once and shared by all streams, and bytes that
 * cannot be decoded are our own error on that stream alone.
 */
export const AGGREGATED_DISCOVERY = {
  StreamAggregatedResources: bidirectional('StreamAggregatedResources'),
  DeltaAggregatedResources: bidirectional('DeltaAggregatedResources'),
} as const satisfies ServiceDefinition;

function bidirectional(method: string) {
  return {
    path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`,
    originalName: method,
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  } as const;
}
