import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createCodec, type EncodedResource } from '../../../src/adapters/xds/codec.ts';
import { DISCOVERY_METHODS, DISCOVERY_SERVICE, type RawStream } from '../../../src/adapters/xds/discovery-services.ts';
import { loadProtoBundle } from '../../../src/adapters/xds/proto-bundle.ts';
import { readRequest } from '../../../src/adapters/xds/request-reader.ts';
import { buildSnapshot, type Snapshot } from '../../../src/adapters/xds/snapshot.ts';
import { DEFAULT_LIMITS } from '../../../src/adapters/xds/xds-limits.ts';
import { type XdsType, xdsTypeOf } from '../../../src/adapters/xds/xds-types.ts';
import type { TrafficOwner } from '../../../src/core/model/traffic.ts';
import { buildResources } from '../../../src/core/traffic/build-resources.ts';
import { BENCH, benchBackend, benchRoutes } from './bench-table.ts';
import { servePushes } from './push-api.ts';

/**
 * The floor: grpc-js and nothing else. It sends the bytes that Serin sends, encoded once, without a store, without
 * sessions, to every stream in one loop. `tsx floor.ts <routes>`; prints its ports.
 */
const routes = benchRoutes(Number(process.argv[2] ?? 1));
const codec = createCodec(loadProtoBundle(), 'floor');
const streams = new Set<RawStream>();
let snapshot = at(0, 1);
let left = 0;
let done: () => void = () => {};

function at(step: number, n: number): Snapshot {
  const owners = new Map<TrafficOwner, { n: number; value: typeof routes | ReturnType<typeof benchBackend> }>([
    [`route/${BENCH}`, { n, value: routes }],
    [`backend/${BENCH}`, { n, value: benchBackend(step) }],
  ]);
  const built = buildResources({ fleet: BENCH, position: { epoch: 'floor', n }, trial: null, owners });
  if (built.kind === 'error') throw new Error(built.errors[0]?.message);
  return buildSnapshot(built.value, { epoch: 'floor', n }, n, codec, null);
}

function response(type: XdsType): Buffer {
  const content = type === 'cluster' || type === 'endpoint' || type === 'route' ? snapshot[type] : null;
  const resources: EncodedResource[] = [...(content?.resources.values() ?? [])];
  const nonce = String(snapshot.sequence);
  return codec.encodeResponse({
    protocol: 'sotw',
    type,
    version: content?.version ?? '',
    nonce,
    resources,
    removed: [],
  });
}

function onStream(call: RawStream): void {
  streams.add(call);
  call.on('data', (bytes: Buffer) => {
    const request = readRequest(bytes, 'sotw', DEFAULT_LIMITS);
    const type = request.kind === 'refused' ? null : xdsTypeOf(request.typeUrl);
    if (request.kind === 'refused' || type === null) return;
    const { nonce } = request.asked;
    if (nonce === '') return void call.write(response(type));
    if (type !== 'route' || nonce !== String(snapshot.sequence)) return;
    left -= 1;
    if (left === 0) done();
  });
  const gone = () => streams.delete(call);
  call.on('close', gone);
  call.on('cancelled', gone);
  call.on('error', gone);
}

const server = new Server({ 'grpc.max_receive_message_length': 4 * 1024 * 1024 });
const handlers = DISCOVERY_METHODS.map(({ definition }) => [definition.path, onStream]);
server.addService(DISCOVERY_SERVICE, Object.fromEntries(handlers));
const xds = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
});
const http = await servePushes(0, {
  ready: () => true,
  async push(step, expected, wait) {
    snapshot = at(step, snapshot.sequence + 1);
    const bytes = response('route');
    await new Promise<void>((resolve) => {
      left = expected;
      done = resolve;
      for (const call of streams) call.write(bytes);
      if (wait === 'sent') resolve();
    });
    return String(snapshot.sequence);
  },
});
console.log(JSON.stringify({ xds, http, payloadBytes: response('route').length }));
