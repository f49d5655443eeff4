import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { loadProtoBundle } from '../../src/adapters/xds/proto-bundle.ts';
import { TYPE_URLS, type XdsType, xdsTypeOf } from '../../src/adapters/xds/xds-types.ts';

/** A response as received; resources decoded to plain objects, enums as names. */
export interface XdsResponse {
  readonly type: XdsType;
  readonly version: string;
  readonly nonce: string;
  readonly names: readonly string[];
  readonly resources: readonly Record<string, unknown>[];
}

export interface XdsRequest {
  readonly type: XdsType;
  readonly names?: readonly string[];
  readonly nonce?: string;
  readonly version?: string;
  readonly error?: string;
}

/** A hand-driven aggregated discovery stream: sends exactly what the test says, nothing by itself. */
export interface XdsClient {
  request(request: XdsRequest): void;
  /** Any bytes at all. */
  raw(bytes: Buffer): void;
  /** The next response of the type that was not taken yet. */
  next(type: XdsType): Promise<XdsResponse>;
  ack(response: XdsResponse, names?: readonly string[]): void;
  nack(response: XdsResponse, message: string, names?: readonly string[]): void;
  /** Takes the next response and ACKs it with the names of the latest request. */
  accept(type: XdsType): Promise<XdsResponse>;
  /** Resolves when the server has handled everything sent before. */
  barrier(): Promise<void>;
  /** Responses of the type that came and were not taken. */
  pending(type: XdsType): number;
  /** How the stream ended. */
  readonly ended: Promise<StatusObject>;
  close(): void;
}

export interface XdsClientOptions {
  readonly port: number;
  /** `null`: send no node. */
  readonly node?: Readonly<Record<string, unknown>> | null;
  readonly method?: 'StreamAggregatedResources' | 'DeltaAggregatedResources';
}

const WAIT_MS = 5_000;
const MESSAGES: Readonly<Record<XdsType, string | null>> = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: null,
  route: 'envoy.config.route.v3.RouteConfiguration',
  runtime: 'envoy.service.runtime.v3.Runtime',
};

const protos = loadProtoBundle();
const discoveryRequest = protos.type('envoy.service.discovery.v3.DiscoveryRequest');
const discoveryResponse = protos.type('envoy.service.discovery.v3.DiscoveryResponse');

export function openXdsClient(options: XdsClientOptions): XdsClient {
  const { port, node = { id: 'node-1', cluster: 'edge' }, method = 'StreamAggregatedResources' } = options;
  // A connection of its own, as every Envoy has; by default grpc-js shares one per address.
  const channel = { 'grpc.use_local_subchannel_pool': 1 };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  const identity = (bytes: Buffer) => bytes;
  const path = `/envoy.service.discovery.v3.AggregatedDiscoveryService/${method}`;
  const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, identity, identity);
  const inbox = createInbox();
  const latestNames = new Map<XdsType, readonly string[]>();
  let first = true;
  let barriers = 0;
  let lastRuntime: XdsResponse | null = null;
  call.on('data', (bytes: Buffer) => inbox.put(decode(bytes)));
  call.on('error', () => {});
  const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve));

  const self: XdsClient = {
    request({ type, names = [], nonce = '', version = '', error }) {
      latestNames.set(type, names);
      const message = {
        typeUrl: TYPE_URLS[type],
        resourceNames: names,
        responseNonce: nonce,
        versionInfo: version,
        ...(first && node !== null ? { node } : {}),
        ...(error === undefined ? {} : { errorDetail: { code: 13, message: error } }),
      };
      first = false;
      call.write(Buffer.from(discoveryRequest.encode(discoveryRequest.fromObject(message)).finish()));
    },
    raw: (bytes) => void call.write(bytes),
    next: (type) => inbox.take(type),
    ack: ({ type, nonce, version }, names = latestNames.get(type) ?? []) =>
      self.request({ type, nonce, version, names }),
    nack: ({ type, nonce }, error, names = latestNames.get(type) ?? []) => self.request({ type, nonce, names, error }),
    async accept(type) {
      const response = await self.next(type);
      self.ack(response);
      return response;
    },
    async barrier() {
      barriers += 1;
      // A stream is served in order, so the answer to this one comes after all that earlier requests caused.
      self.request({ type: 'runtime', names: [`barrier-${barriers}`], nonce: lastRuntime?.nonce ?? '' });
      lastRuntime = await self.accept('runtime');
    },
    pending: (type) => inbox.count(type),
    ended,
    close() {
      call.cancel();
      client.close();
    },
  };
  return self;
}

function createInbox() {
  const arrived: XdsResponse[] = [];
  const waiting = new Set<() => void>();
  return {
    put(response: XdsResponse) {
      arrived.push(response);
      for (const look of [...waiting]) look();
    },
    count: (type: XdsType) => arrived.filter((response) => response.type === type).length,
    take(type: XdsType): Promise<XdsResponse> {
      return new Promise((resolve, reject) => {
        const look = () => {
          const index = arrived.findIndex((response) => response.type === type);
          const response = arrived[index];
          if (response === undefined) return;
          arrived.splice(index, 1);
          waiting.delete(look);
          clearTimeout(timer);
          resolve(response);
        };
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`no ${type} response within ${WAIT_MS} ms`));
        }, WAIT_MS);
        waiting.add(look);
        look();
      });
    },
  };
}

interface DecodedResponse {
  readonly versionInfo: string;
  readonly nonce: string;
  readonly typeUrl: string;
  readonly resources: readonly { readonly type_url: string; readonly value: Uint8Array }[];
}

function decode(bytes: Buffer): XdsResponse {
  const message = discoveryResponse.decode(bytes) as unknown as DecodedResponse;
  const type = xdsTypeOf(message.typeUrl);
  if (type === null) throw new Error(`response of an unknown type ${message.typeUrl}`);
  const resources = message.resources.map(({ type_url, value }) => {
    const name = MESSAGES[type];
    if (type_url !== message.typeUrl || name === null)
      throw new Error(`resource of type ${type_url} in ${message.typeUrl}`);
    const decoder = protos.type(name);
    return decoder.toObject(decoder.decode(value), { enums: String, longs: Number });
  });
  const names = resources.map((resource) => String(resource.name ?? resource.clusterName));
  return { type, version: message.versionInfo, nonce: message.nonce, names, resources };
}
