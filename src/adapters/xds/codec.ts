import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ProtoBundle } from './proto-bundle.ts';
import { TYPE_URLS, type XdsType } from './xds-types.ts';

/** One resource, encoded once and shared by every stream. */
export interface EncodedResource {
  readonly name: string;
  /** Hash of the bytes: equal on every replica, changes with the content and with nothing else. */
  readonly version: string;
  readonly bytes: Buffer;
}

export interface DiscoveryResponse {
  readonly protocol: 'sotw' | 'delta';
  readonly type: XdsType;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly EncodedResource[];
  /** Names that are gone; delta only. */
  readonly removed: readonly string[];
}

const NodeMessage = z.object({
  id: z.string(),
  cluster: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  version: z.string().nullable(),
});
/** Who sits at the other end of a stream; `metadata` is plain JSON. */
export type NodeMessage = z.infer<typeof NodeMessage>;

interface CommonRequest {
  readonly typeUrl: string;
  readonly responseNonce: string;
  readonly error: string | null;
  readonly node: NodeMessage | null;
}

export interface DiscoveryRequest extends CommonRequest {
  readonly versionInfo: string;
  readonly resourceNames: readonly string[];
}

export interface DeltaDiscoveryRequest extends CommonRequest {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: ReadonlyMap<string, string>;
}

export interface Codec {
  /** `null`: the bytes are no such message. */
  decodeRequest(bytes: Buffer): DiscoveryRequest | null;
  /** `null`: the bytes are no such message. */
  decodeDeltaRequest(bytes: Buffer): DeltaDiscoveryRequest | null;
  encodeResource(type: XdsType, name: string, resource: object): EncodedResource;
  encodeResponse(response: DiscoveryResponse): Buffer;
}

const MESSAGE_OF: Readonly<Record<XdsType, string>> = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  runtime: 'envoy.service.runtime.v3.Runtime',
};

/** @param identifier shown by Envoy as `control_plane.identifier`. */
export function createCodec(protos: ProtoBundle, identifier: string): Codec {
  const request = protos.type('envoy.service.discovery.v3.DiscoveryRequest');
  const response = protos.type('envoy.service.discovery.v3.DiscoveryResponse');
  const deltaRequest = protos.type('envoy.service.discovery.v3.DeltaDiscoveryRequest');
  const deltaResponse = protos.type('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  return {
    decodeRequest: (bytes) =>
      orNull(() => {
        const message = request.decode(bytes) as unknown as RawRequest;
        return { ...common(message), versionInfo: message.versionInfo, resourceNames: message.resourceNames };
      }),
    decodeDeltaRequest: (bytes) =>
      orNull(() => {
        const message = deltaRequest.decode(bytes) as unknown as RawDeltaRequest;
        return {
          ...common(message),
          subscribe: message.resourceNamesSubscribe,
          unsubscribe: message.resourceNamesUnsubscribe,
          initialVersions: new Map(Object.entries(message.initialResourceVersions)),
        };
      }),
    encodeResource(type, name, resource) {
      const message = protos.type(MESSAGE_OF[type]);
      const bytes = asBuffer(message.encode(message.fromObject(withAny(protos, resource) as object)).finish());
      return { name, version: contentHash([bytes]), bytes };
    },
    encodeResponse({ protocol, type, version, nonce, resources, removed }) {
      const typeUrl = TYPE_URLS[type];
      if (protocol === 'delta') {
        const message = {
          systemVersionInfo: version,
          typeUrl,
          nonce,
          resources: resources.map(({ name, version, bytes }) => ({
            name,
            version,
            resource: { type_url: typeUrl, value: bytes },
          })),
          removedResources: removed,
          controlPlane: { identifier },
        };
        return asBuffer(deltaResponse.encode(message).finish());
      }
      const message = {
        versionInfo: version,
        typeUrl,
        nonce,
        resources: resources.map(({ bytes }) => ({ type_url: typeUrl, value: bytes })),
        controlPlane: { identifier },
      };
      return asBuffer(response.encode(message).finish());
    },
  };
}

/** Truncated SHA-256; length-prefixed, so that moving a byte between parts changes it. */
export function contentHash(parts: readonly (Buffer | string)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 16);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Turns every object with an `@type` into the `Any` that holds it. */
function withAny(protos: ProtoBundle, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withAny(protos, item));
  if (typeof value !== 'object' || value === null) return value;
  const { '@type': typeUrl, ...fields } = value as Record<string, unknown>;
  // Sorted: map entries are written in insertion order, and equal content must give equal bytes.
  const plain = Object.fromEntries(
    Object.entries(fields)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, withAny(protos, item)]),
  );
  if (typeof typeUrl !== 'string') return plain;
  const message = protos.type(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
  return { type_url: typeUrl, value: message.encode(message.fromObject(plain)).finish() };
}

/** What the protobuf decoder guarantees: it reads texts as texts and lists as lists, or throws. */
interface RawCommon {
  readonly typeUrl: string;
  readonly responseNonce: string;
  readonly errorDetail?: { readonly message: string } | null;
  readonly node?: Decoded | null;
}
interface RawRequest extends RawCommon {
  readonly versionInfo: string;
  readonly resourceNames: readonly string[];
}
interface RawDeltaRequest extends RawCommon {
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: Readonly<Record<string, string>>;
}
type Decoded = Readonly<Record<string, unknown>>;

function orNull<T>(decode: () => T): T | null {
  try {
    return decode();
  } catch {
    return null;
  }
}

/** Only what is needed: a node also carries its list of some 500 extensions, 60 KB of it. */
function common({ typeUrl, responseNonce, errorDetail, node }: RawCommon): CommonRequest {
  const error = errorDetail === null || errorDetail === undefined ? null : errorDetail.message;
  // Throws for a node that is none: that is a request that cannot be read.
  return { typeUrl, responseNonce, error, node: node == null ? null : NodeMessage.parse(plainNode(node)) };
}

function plainNode(node: Decoded): unknown {
  const build = (node.userAgentBuildVersion as Decoded | null | undefined)?.version as Decoded | null | undefined;
  const { majorNumber, minorNumber, patch } = build ?? {};
  return {
    id: node.id,
    cluster: node.cluster,
    metadata: plainStruct(node.metadata, 0),
    version: build ? `${majorNumber}.${minorNumber}.${patch}` : (node.userAgentVersion as string | null) || null,
  };
}

const MAX_STRUCT_DEPTH = 16;

function plainStruct(struct: unknown, depth: number): Record<string, unknown> {
  const fields = (struct as Decoded | null | undefined)?.fields as Decoded | undefined;
  if (fields === undefined || depth > MAX_STRUCT_DEPTH) return {};
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plainValue(value as Decoded, depth)]));
}

/** Lists are left out: a node is found by scalar values alone. */
function plainValue(value: Decoded, depth: number): unknown {
  if (Object.hasOwn(value, 'stringValue')) return value.stringValue;
  if (Object.hasOwn(value, 'numberValue')) return value.numberValue;
  if (Object.hasOwn(value, 'boolValue')) return value.boolValue;
  if (Object.hasOwn(value, 'structValue')) return plainStruct(value.structValue, depth + 1);
  return null;
}
