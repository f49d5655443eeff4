import type { ProtoBundle } from './proto-bundle.ts';

/** The bytes of a resource. */
export function encodePlain(protos: ProtoBundle, type: string, resource: object): Uint8Array {
  const message = protos.type(type);
  return message.encode(message.fromObject(plainMessage(protos, resource))).finish();
}

/** A resource without any `@type`: each became the `Any` that holds it. Most have none; copying costs as encoding does. */
function plainMessage(protos: ProtoBundle, resource: object): object {
  return holdsAny(resource) ? (withAny(protos, resource) as object) : resource;
}

/** Maps of ours hold Any alone, so where there is none there is no map either, and the order of keys says nothing. */
function holdsAny(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsAny);
  return Object.entries(value).some(([key, item]) => key === '@type' || holdsAny(item));
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
