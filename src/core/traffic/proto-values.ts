/** Well-known protobuf messages, in the camelCase JSON shape that Serin encodes. */
export interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

export interface UInt32Value {
  readonly value: number;
}

export interface BoolValue {
  readonly value: boolean;
}

/** Becomes a `google.protobuf.Any`. */
export interface Typed<T extends string> {
  readonly '@type': `type.googleapis.com/${T}`;
}

export function duration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1_000_000) };
}
