import type { Codec, DiscoveryResponse, EncodedResource } from './codec.ts';

const MAX_ENTRIES = 64;

type Head = Omit<DiscoveryResponse, 'resources'>;

/** The same Buffer for every stream that gets the same content under the same nonce. */
export interface ResponseCache {
  get(head: Head): Buffer | undefined;
  add(head: Head, resources: readonly EncodedResource[]): Buffer;
}

/** Encoding and copying a large table once per stream, not the socket, is what makes a wide push slow. */
export function createResponseCache(codec: Codec): ResponseCache {
  const entries = new Map<string, Buffer>();
  return {
    get: (head) => entries.get(keyOf(head)),
    add(head, resources) {
      const bytes = codec.encodeResponse({ ...head, resources });
      entries.set(keyOf(head), bytes);
      // Oldest first: nonces only grow, so an old entry is not asked for again.
      for (const oldest of entries.keys()) {
        if (entries.size <= MAX_ENTRIES) break;
        entries.delete(oldest);
      }
      return bytes;
    },
  };
}

function keyOf({ protocol, type, version, nonce, removed }: Head): string {
  return `${protocol} ${type} ${version} ${nonce} ${removed.join(' ')}`;
}
