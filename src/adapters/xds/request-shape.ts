import { Reader } from 'protobufjs/light.js';

/** What a request would cost to decode. */
export interface RequestShape {
  /** How often its most frequent field occurs: its names, or what it holds. */
  readonly entries: number;
  readonly nodeBytes: number;
}

const LENGTH_DELIMITED = 2;

/**
 * Looks at the outermost fields alone, some microseconds: a megabyte of names would take the decoder half a second, in
 * which nobody is served. `null`: the bytes are no message.
 */
export function requestShape(bytes: Buffer, protocol: 'sotw' | 'delta'): RequestShape | null {
  const nodeField = protocol === 'delta' ? 1 : 2;
  const counts = new Map<number, number>();
  let nodeBytes = 0;
  try {
    const reader = Reader.create(bytes);
    while (reader.pos < reader.len) {
      const key = reader.uint32();
      const [field, wire] = [key >>> 3, key & 7];
      const start = reader.pos;
      reader.skipType(wire);
      if (wire !== LENGTH_DELIMITED) continue;
      if (field === nodeField) nodeBytes += reader.pos - start;
      counts.set(field, (counts.get(field) ?? 0) + 1);
    }
  } catch {
    return null;
  }
  return { entries: Math.max(0, ...counts.values()), nodeBytes };
}
