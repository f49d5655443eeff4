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
  /** Delta: names that are gone, and the version of each resource. */
  readonly removed: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly controlPlane: string;
}

/**
 * What to ask for: all names, as they stand from now on. On a delta stream the difference to the names before is sent.
 */
export interface XdsRequest {
  readonly type: XdsType;
  readonly names?: readonly string[];
  readonly nonce?: string;
  /** SotW: the version held from an earlier stream. */
  readonly version?: string;
  /** Delta: what is held from an earlier stream, name to version. */
  readonly initial?: Readonly<Record<string, string>>;
  /** Delta: names to subscribe to although they are subscribed already. */
  readonly again?: readonly string[];
  readonly error?: string;
}

export interface XdsVariant {
  readonly protocol: 'sotw' | 'delta';
  /** One stream for everything, or one per type. */
  readonly aggregated: boolean;
}

/** A hand-driven discovery client: sends exactly what the test says, nothing by itself. */
export interface XdsClient {
  request(request: XdsRequest): void;
  /** Any bytes at all, on the stream of the type (of everything, where it is aggregated). */
  raw(bytes: Buffer, type?: XdsType): void;
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
  /** How the first stream that ended did so. */
  readonly ended: Promise<StatusObject>;
  /** Ends the stream of one type; aggregated: the only one. */
  end(type: XdsType): void;
  close(): void;
}

export interface XdsClientOptions extends Partial<XdsVariant> {
  readonly port: number;
  /** `null`: send no node. */
  readonly node?: Readonly<Record<string, unknown>> | null;
}

const WAIT_MS = 5_000;
const MESSAGES: Readonly<Record<XdsType, string>> = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  runtime: 'envoy.service.runtime.v3.Runtime',
};
const SERVICES: Readonly<Record<XdsType, readonly [service: string, what: string]>> = {
  cluster: ['envoy.service.cluster.v3.ClusterDiscoveryService', 'Clusters'],
  endpoint: ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'Endpoints'],
  listener: ['envoy.service.listener.v3.ListenerDiscoveryService', 'Listeners'],
  route: ['envoy.service.route.v3.RouteDiscoveryService', 'Routes'],
  runtime: ['envoy.service.runtime.v3.RuntimeDiscoveryService', 'Runtime'],
};
const AGGREGATED = ['envoy.service.discovery.v3.AggregatedDiscoveryService', 'AggregatedResources'] as const;

const protos = loadProtoBundle();
const messageOf = (name: string) => protos.type(`envoy.service.discovery.v3.${name}`);
const encode = (name: string, fields: object): Buffer => {
  const message = messageOf(name);
  return Buffer.from(message.encode(message.fromObject(fields)).finish());
};

export function openXdsClient(options: XdsClientOptions): XdsClient {
  const { port, node = { id: 'node-1', cluster: 'edge' }, protocol = 'sotw', aggregated = true } = options;
  // A connection of its own, as every Envoy has; by default grpc-js shares one per address.
  const channel = { 'grpc.use_local_subchannel_pool': 1 };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  const identity = (bytes: Buffer) => bytes;
  const inbox = createInbox();
  const latestNames = new Map<XdsType, readonly string[]>();
  const streams = new Map<XdsType | null, ClientDuplexStream<Buffer, Buffer>>();
  let barriers = 0;
  let lastRuntime: XdsResponse | null = null;
  let end: (status: StatusObject) => void = () => {};
  const ended = new Promise<StatusObject>((resolve) => {
    end = resolve;
  });
  /** The stream of a type, and whether its first message is still to come. */
  const streamOf = (type: XdsType): { call: ClientDuplexStream<Buffer, Buffer>; first: boolean } => {
    const key = aggregated ? null : type;
    const open = streams.get(key);
    if (open !== undefined) return { call: open, first: false };
    const [service, what] = aggregated ? AGGREGATED : SERVICES[type];
    const path = `/${service}/${protocol === 'delta' ? 'Delta' : 'Stream'}${what}`;
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(path, identity, identity);
    streams.set(key, call);
    call.on('data', (bytes: Buffer) => inbox.put(protocol === 'delta' ? decodeDelta(bytes) : decode(bytes)));
    call.on('error', () => {});
    call.on('status', end);
    return { call, first: true };
  };

  const self: XdsClient = {
    request({ type, names = [], nonce = '', version = '', initial = {}, again = [], error }) {
      const before = latestNames.get(type) ?? [];
      latestNames.set(type, names);
      const { call, first } = streamOf(type);
      const common = {
        typeUrl: TYPE_URLS[type],
        responseNonce: nonce,
        ...(first && node !== null ? { node } : {}),
        ...(error === undefined ? {} : { errorDetail: { code: 13, message: error } }),
      };
      if (protocol === 'sotw') {
        const fields = { ...common, resourceNames: names, versionInfo: version };
        return void call.write(encode('DiscoveryRequest', fields));
      }
      const fields = {
        ...common,
        resourceNamesSubscribe: [...names.filter((name) => !before.includes(name)), ...again],
        resourceNamesUnsubscribe: before.filter((name) => !names.includes(name)),
        initialResourceVersions: initial,
      };
      call.write(encode('DeltaDiscoveryRequest', fields));
    },
    raw: (bytes, type = 'cluster') => void streamOf(type).call.write(bytes),
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
      // A connection is served in order, so the answer to this one comes after all that earlier requests caused.
      self.request({ type: 'runtime', names: [`barrier-${barriers}`], nonce: lastRuntime?.nonce ?? '' });
      lastRuntime = await self.accept('runtime');
    },
    pending: (type) => inbox.count(type),
    ended,
    end: (type) => {
      streams.get(aggregated ? null : type)?.cancel();
      streams.delete(aggregated ? null : type);
      latestNames.delete(type);
    },
    close() {
      for (const call of streams.values()) call.cancel();
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
  readonly controlPlane?: { readonly identifier: string };
  readonly nonce: string;
  readonly typeUrl: string;
  readonly resources: readonly DecodedAny[];
}
interface DecodedDelta {
  readonly systemVersionInfo: string;
  readonly controlPlane?: { readonly identifier: string };
  readonly nonce: string;
  readonly typeUrl: string;
  readonly resources: readonly { readonly name: string; readonly version: string; readonly resource: DecodedAny }[];
  readonly removedResources: readonly string[];
}
interface DecodedAny {
  readonly type_url: string;
  readonly value: Uint8Array;
}

function decode(bytes: Buffer): XdsResponse {
  const message = messageOf('DiscoveryResponse').decode(bytes) as unknown as DecodedResponse;
  const type = typeOf(message.typeUrl);
  const resources = message.resources.map((any) => content(type, any));
  return {
    type,
    version: message.versionInfo,
    nonce: message.nonce,
    names: resources.map(nameOf),
    resources,
    removed: [],
    versions: {},
    controlPlane: message.controlPlane?.identifier ?? '',
  };
}

function decodeDelta(bytes: Buffer): XdsResponse {
  const message = messageOf('DeltaDiscoveryResponse').decode(bytes) as unknown as DecodedDelta;
  const type = typeOf(message.typeUrl);
  const resources = message.resources.map(({ resource }) => content(type, resource));
  message.resources.forEach(({ name }, i) => {
    if (nameOf(resources[i] ?? {}) !== name) throw new Error(`resource ${name} holds another`);
  });
  return {
    type,
    version: message.systemVersionInfo,
    nonce: message.nonce,
    names: resources.map(nameOf),
    resources,
    removed: [...message.removedResources],
    versions: Object.fromEntries(message.resources.map(({ name, version }) => [name, version])),
    controlPlane: message.controlPlane?.identifier ?? '',
  };
}

function typeOf(typeUrl: string): XdsType {
  const type = xdsTypeOf(typeUrl);
  if (type === null) throw new Error(`response of an unknown type ${typeUrl}`);
  return type;
}

const nameOf = (resource: Record<string, unknown>): string => String(resource.name ?? resource.clusterName);

function content(type: XdsType, { type_url, value }: DecodedAny): Record<string, unknown> {
  const name = MESSAGES[type];
  if (type_url !== TYPE_URLS[type]) throw new Error(`resource of type ${type_url} among ${type}`);
  const decoder = protos.type(name);
  return decoder.toObject(decoder.decode(value), { enums: String, longs: Number });
}
