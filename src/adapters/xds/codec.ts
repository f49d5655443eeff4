import { createHash } from 'node:crypto';
import type { RouteConfiguration } from '../../core/traffic/envoy-resources.ts';
import { encodePlain } from './plain-message.ts';
import type { ProtoBundle } from './proto-bundle.ts';
import { routeTableEncoder } from './route-table-encoder.ts';
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

export interface Codec {
  encodeResource(type: XdsType, name: string, resource: object): EncodedResource;
  /** A resource of this name with nothing in it. Made for whatever name a client asks for, so it costs next to nothing. */
  encodeEmpty(type: 'endpoint' | 'runtime', name: string): Buffer;
  encodeResponse(response: DiscoveryResponse): Buffer;
}

export const MESSAGE_OF: Readonly<Record<XdsType, string>> = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  runtime: 'envoy.service.runtime.v3.Runtime',
};

/** @param identifier shown by Envoy as `control_plane.identifier`. */
export function createCodec(protos: ProtoBundle, identifier: string): Codec {
  const response = protos.type('envoy.service.discovery.v3.DiscoveryResponse');
  const deltaResponse = protos.type('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  // A change of one backend in a fleet of many leaves most resources the same objects.
  const encoded = new WeakMap<object, EncodedResource>();
  const encodeRoutes = routeTableEncoder(protos);
  return {
    encodeResource(type, name, resource) {
      const known = encoded.get(resource);
      if (known !== undefined) return known;
      const bytes =
        type === 'route'
          ? encodeRoutes(resource as RouteConfiguration)
          : asBuffer(encodePlain(protos, MESSAGE_OF[type], resource));
      const fresh = { name, version: contentHash([bytes]), bytes };
      encoded.set(resource, fresh);
      return fresh;
    },
    encodeEmpty(type, name) {
      const fields = type === 'runtime' ? { name, layer: { fields: {} } } : { clusterName: name };
      return asBuffer(protos.type(MESSAGE_OF[type]).encode(fields).finish());
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
