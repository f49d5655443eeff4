import { Reader } from 'protobufjs/light.js';
import type { StreamRequest } from './stream-session.ts';
import type { XdsLimits } from './xds-limits.ts';

/** Who sits at the other end of a stream; `metadata` is plain JSON. */
export interface NodeMessage {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** `null`: it does not say. */
  readonly version: string | null;
}

export type RequestRead =
  | {
      readonly kind: 'request';
      readonly typeUrl: string;
      readonly node: NodeMessage | null;
      readonly asked: StreamRequest;
    }
  | { readonly kind: 'refused'; readonly detail: string };

const NO_REQUEST = 'the message is no discovery request';
/** Envoy's own node has 60 KB, its list of extensions, which nobody here reads. */
const MAX_NODE_BYTES = 256 * 1024;
const MAX_METADATA_BYTES = 64 * 1024;
const MAX_METADATA_DEPTH = 32;
/** Of a name, a version, a nonce. */
const MAX_TEXT_BYTES = 1_024;
/** Of Envoy's reason for a refusal, which may quote a resource of megabytes. */
const MAX_REASON_BYTES = 16 * 1024;

const [VARINT, FIXED64, DELIMITED, FIXED32] = [0, 1, 2, 5];

/** Field numbers that differ; those of no such field are 0, which no field has. */
const FIELDS = {
  sotw: { version: 1, node: 2, names: 3, typeUrl: 4, nonce: 5, error: 6, unsubscribe: 0, initial: 0 },
  delta: { version: 0, node: 1, names: 3, typeUrl: 2, nonce: 6, error: 7, unsubscribe: 4, initial: 5 },
} as const;

/** Ends the reading of a message; seen by nobody outside. */
class Unreadable extends Error {}

/**
 * Reads a request off the wire, and of it only what is used. A decoder would make objects of everything: half a second
 * for a megabyte of small fields, in which nobody is served. Here a hostile message costs some milliseconds.
 */
export function readRequest(
  bytes: Uint8Array,
  protocol: 'sotw' | 'delta',
  limits: Pick<XdsLimits, 'maxResourceNames'>,
): RequestRead {
  try {
    return requestOf(bytes, protocol, limits.maxResourceNames);
  } catch (cause) {
    return { kind: 'refused', detail: cause instanceof Unreadable ? cause.message : NO_REQUEST };
  }
}

function requestOf(bytes: Uint8Array, protocol: 'sotw' | 'delta', maxNames: number): RequestRead {
  const is = FIELDS[protocol];
  const texts = new Map<number, string>();
  const names: string[] = [];
  const unsubscribe: string[] = [];
  const initial = new Map<string, string>();
  // Looked into once each, however often they stand in the message: the last one counts.
  let nodeBytes: Uint8Array | null = null;
  let errorBytes: Uint8Array | null = null;
  let fields = 0;
  let entries = 0;
  walk(bytes, (field, wire, reader) => {
    fields += 1;
    if (fields > 3 * maxNames + 1_000) throw new Unreadable('too many fields in one request');
    if (wire !== DELIMITED) return false;
    const value = reader.bytes();
    if (field === is.names) names.push(text(value));
    else if (field === is.unsubscribe) unsubscribe.push(text(value));
    else if (field === is.initial) {
      entries += 1;
      const [name, version] = textPair(value);
      initial.set(name, version);
    } else if (field === is.node) nodeBytes = value;
    else if (field === is.error) errorBytes = value;
    else if (field === is.typeUrl || field === is.nonce || field === is.version) texts.set(field, text(value));
    if (Math.max(names.length, unsubscribe.length, entries) > maxNames) throw new Unreadable(tooManyNames(maxNames));
    return true;
  });
  const error = errorBytes === null ? null : reasonOf(errorBytes);
  const common = { nonce: texts.get(is.nonce) ?? '', rejected: error !== null, error };
  return {
    kind: 'request',
    typeUrl: texts.get(is.typeUrl) ?? '',
    node: nodeBytes === null ? null : nodeOf(nodeBytes),
    asked:
      protocol === 'delta'
        ? { kind: 'delta', ...common, subscribe: names, unsubscribe, initial, returning: initial.size > 0 }
        : { kind: 'sotw', ...common, names, returning: (texts.get(is.version) ?? '') !== '' },
  };
}

function tooManyNames(maxNames: number): string {
  return `more than ${maxNames} resource names in one request (setting xds.limits.maxResourceNames)`;
}

/** Node { id 1, cluster 2, metadata 3, user_agent_version 7, user_agent_build_version 8 }. */
function nodeOf(bytes: Uint8Array): NodeMessage {
  if (bytes.length > MAX_NODE_BYTES) throw new Unreadable(`the node has more than ${MAX_NODE_BYTES} bytes`);
  let [id, cluster, agentVersion] = ['', '', ''];
  let metadataBytes: Uint8Array | null = null;
  let buildBytes: Uint8Array | null = null;
  walk(bytes, (field, wire, reader) => {
    if (wire !== DELIMITED) return false;
    if (field === 1) id = text(reader.bytes());
    else if (field === 2) cluster = text(reader.bytes());
    else if (field === 3) metadataBytes = reader.bytes();
    else if (field === 7) agentVersion = text(reader.bytes());
    else if (field === 8) buildBytes = reader.bytes();
    else return false;
    return true;
  });
  const build = buildBytes === null ? null : buildVersion(buildBytes);
  return {
    id,
    cluster,
    metadata: metadataBytes === null ? {} : metadataOf(metadataBytes),
    version: build ?? (agentVersion || null),
  };
}

function metadataOf(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > MAX_METADATA_BYTES) {
    throw new Unreadable(`the node's metadata has more than ${MAX_METADATA_BYTES} bytes`);
  }
  return struct(bytes, 0);
}

/** Struct { fields 1 { key 1, value 2 } }. */
function struct(bytes: Uint8Array, depth: number): Record<string, unknown> {
  if (depth > MAX_METADATA_DEPTH)
    throw new Unreadable(`the node's metadata is deeper than ${MAX_METADATA_DEPTH} levels`);
  const entries: [string, unknown][] = [];
  walk(bytes, (field, wire, reader) => {
    if (field !== 1 || wire !== DELIMITED) return false;
    let key = '';
    let value: unknown = null;
    walk(reader.bytes(), (part, kind, inner) => {
      if (kind !== DELIMITED || part < 1 || part > 2) return false;
      if (part === 1) key = utf8(inner.bytes());
      else value = structValue(inner.bytes(), depth);
      return true;
    });
    entries.push([key, value]);
    return true;
  });
  return Object.fromEntries(entries);
}

/** Value { number 2, string 3, bool 4, struct 5 }. Lists are left out: a node is found by scalar values alone. */
function structValue(bytes: Uint8Array, depth: number): unknown {
  let value: unknown = null;
  walk(bytes, (field, wire, reader) => {
    if (field === 2 && wire === FIXED64) value = reader.double();
    else if (field === 3 && wire === DELIMITED) value = utf8(reader.bytes());
    else if (field === 4 && wire === VARINT) value = reader.bool();
    else if (field === 5 && wire === DELIMITED) value = struct(reader.bytes(), depth + 1);
    else return false;
    return true;
  });
  return value;
}

/** BuildVersion { version 1 { major 1, minor 2, patch 3 } }. */
function buildVersion(bytes: Uint8Array): string | null {
  let version: string | null = null;
  walk(bytes, (field, wire, reader) => {
    if (field !== 1 || wire !== DELIMITED) return false;
    const numbers = [0, 0, 0];
    walk(reader.bytes(), (part, kind, inner) => {
      if (kind !== VARINT || part < 1 || part > 3) return false;
      numbers[part - 1] = inner.uint32();
      return true;
    });
    version = numbers.join('.');
    return true;
  });
  return version;
}

/** Status { message 2 }: its start and its end, between which the dump of a resource may stand. */
function reasonOf(bytes: Uint8Array): string {
  let message: Uint8Array = new Uint8Array();
  walk(bytes, (field, wire, reader) => {
    if (field !== 2 || wire !== DELIMITED) return false;
    message = reader.bytes();
    return true;
  });
  if (message.length <= MAX_REASON_BYTES) return utf8(message);
  const half = MAX_REASON_BYTES / 2;
  return `${utf8(message.subarray(0, half))} … ${utf8(message.subarray(message.length - half))}`;
}

function textPair(bytes: Uint8Array): [key: string, value: string] {
  const pair: [string, string] = ['', ''];
  walk(bytes, (field, wire, reader) => {
    if (wire !== DELIMITED || field < 1 || field > 2) return false;
    pair[field - 1] = text(reader.bytes());
    return true;
  });
  return pair;
}

function text(bytes: Uint8Array): string {
  if (bytes.length > MAX_TEXT_BYTES) throw new Unreadable(`a name or version has more than ${MAX_TEXT_BYTES} bytes`);
  return utf8(bytes);
}

function utf8({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString();
}

/** `visit` reads a field's value and says so, or leaves it to be skipped. */
function walk(bytes: Uint8Array, visit: (field: number, wire: number, reader: Reader) => boolean): void {
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    const wire = key & 7;
    // Groups nest, and nobody writes them.
    if (key >>> 3 === 0 || (wire !== VARINT && wire !== FIXED64 && wire !== DELIMITED && wire !== FIXED32)) {
      throw new Unreadable(NO_REQUEST);
    }
    if (!visit(key >>> 3, wire, reader)) reader.skipType(wire);
  }
}
