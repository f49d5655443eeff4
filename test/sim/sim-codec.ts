import { type Codec, contentHash, type DiscoveryResponse, type EncodedResource } from '../../src/adapters/xds/codec.ts';

/** What a response holds, for the Envoys of the simulation, which read objects instead of protobuf. */
const RESPONSES = new WeakMap<Buffer, DiscoveryResponse>();
const OBJECTS = new WeakMap<Buffer, object>();
/** The worlds of a process deal with the same few resources over and over. */
const ENCODED = new Map<string, EncodedResource>();
const MAX_ENCODED = 20_000;
/** As the real one: what did not change between two tables is the same object. */
const KNOWN = new WeakMap<object, EncodedResource>();

/** The codec of the simulation: versions are content hashes like the real one's, bytes are JSON. */
export const simCodec: Codec = {
  encodeResource: (type, name, resource) => {
    const same = KNOWN.get(resource);
    if (same !== undefined) return same;
    const text = JSON.stringify(resource);
    const key = `${type} ${name} ${text}`;
    const known = ENCODED.get(key);
    if (known !== undefined) {
      KNOWN.set(resource, known);
      return known;
    }
    const bytes = Buffer.from(text);
    OBJECTS.set(bytes, resource);
    const encoded = { name, version: contentHash([bytes]), bytes };
    if (ENCODED.size >= MAX_ENCODED) ENCODED.clear();
    ENCODED.set(key, encoded);
    KNOWN.set(resource, encoded);
    return encoded;
  },
  encodeEmpty: (type, name) => {
    const bytes = Buffer.alloc(1);
    OBJECTS.set(bytes, type === 'runtime' ? { name, layer: { fields: {} } } : { clusterName: name, endpoints: [] });
    return bytes;
  },
  encodeResponse: (response) => {
    const bytes = Buffer.alloc(1);
    RESPONSES.set(bytes, response);
    return bytes;
  },
};

export function responseOf(bytes: Buffer): DiscoveryResponse {
  const response = RESPONSES.get(bytes);
  if (response === undefined) throw new Error('a response that this codec did not make');
  return response;
}

export function objectOf<T extends object>({ bytes }: EncodedResource): T {
  return OBJECTS.get(bytes) as T;
}
