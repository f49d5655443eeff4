import type { Codec, DiscoveryResponse } from './codec.ts';

const MAX_ENTRIES = 64;

export interface ResponseCache {
  /** The response's bytes; the same Buffer for every stream that gets the same content under the same nonce. */
  encode(response: DiscoveryResponse): Buffer;
}

/** Encoding and copying a large table once per stream, not the socket, is what makes a wide push slow. */
export function createResponseCache(codec: Codec): ResponseCache {
  const entries = new Map<string, Buffer>();
  return {
    encode(response) {
      const { protocol, type, version, nonce, removed } = response;
      const key = `${protocol} ${type} ${version} ${nonce} ${removed.join(' ')}`;
      const hit = entries.get(key);
      if (hit !== undefined) return hit;
      const bytes = codec.encodeResponse(response);
      entries.set(key, bytes);
      // Oldest first: nonces only grow, so an old entry is not asked for again.
      for (const oldest of entries.keys()) {
        if (entries.size <= MAX_ENTRIES) break;
        entries.delete(oldest);
      }
      return bytes;
    },
  };
}
