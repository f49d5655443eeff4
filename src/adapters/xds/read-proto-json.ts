import protojson from 'protobufjs/ext/protojson.js';
import { Enum, type Field, Type } from 'protobufjs/light.js';
import { isObject } from '../../core/model/is-object.ts';
import type { RawEnvoy, RawProblem, ReadRawEnvoy } from '../../core/model/raw-envoy.ts';
import { didYouMean } from '../../core/model/suggest.ts';
import type { ProtoBundle } from './proto-bundle.ts';

type Path = readonly (string | number)[];
type Say = (path: Path, message: string, isKey?: boolean) => void;

/** The API that the bundle is of; a newer Envoy may have more. */
const API = 'the API of Envoy 1.31, which Serin reads it by';

/** Messages with a JSON of their own. They are read as one value, and merged as one. */
const OWN_JSON = /^\.google\.protobuf\.(?:Duration|Timestamp|Struct|Value|ListValue|FieldMask|\w+Value)$/;

/** What opens a door stands in a file or comes over SDS. */
const SECRETS: ReadonlySet<string> = new Set([
  '.envoy.extensions.transport_sockets.tls.v3.TlsCertificate.privateKey',
  '.envoy.extensions.transport_sockets.tls.v3.TlsCertificate.password',
  '.envoy.extensions.transport_sockets.tls.v3.TlsCertificate.pkcs12',
  '.envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys.keys',
]);

/**
 * Strict ProtoJSON, as the protos that Serin speaks have it, with the place of everything that is wrong. What comes out
 * has the names that Serin's own resources have and its keys in one order, as equal content has to give equal bytes.
 */
export function readProtoJson(protos: ProtoBundle): ReadRawEnvoy {
  return (message, json) => {
    const problems: RawProblem[] = [];
    const say: Say = (path, text, isKey = false) => problems.push({ path, isKey, message: text });
    const patch = readMessage(protos.type(message), json, [], { protos, say, isWhole: false });
    return { patch, problems };
  };
}

interface Reading {
  readonly protos: ProtoBundle;
  readonly say: Say;
  /** It takes the place of what is there, so nothing of it stands in the way. */
  readonly isWhole: boolean;
}

function readMessage(type: Type, json: unknown, path: Path, reading: Reading): RawEnvoy {
  if (type.fullName === '.google.protobuf.Any') return readAny(json, path, reading);
  if (!isObject(json)) {
    reading.say(path, `expected a mapping with fields of ${nameOf(type)}`);
    return {};
  }
  return readFields(type, json, path, reading);
}

function readFields(type: Type, json: RawEnvoy, path: Path, reading: Reading): RawEnvoy {
  const { say, isWhole } = reading;
  const read = new Map<string, unknown>();
  const members = new Map<string, string>();
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(json)) {
    const at = [...path, key];
    const field = fieldOf(type, key);
    if (field === undefined) {
      say(
        at,
        `${nameOf(type)} has no field "${key.slice(0, 80)}" in ${API}.${didYouMean(key, namesOf(type, key)) || inside(type, key)}`,
        true,
      );
      continue;
    }
    if (seen.has(field.name)) say(at, `"${key}" stands here twice, under both of its names`, true);
    const other = field.partOf === null || seen.has(field.name) ? undefined : members.get(field.partOf.name);
    seen.add(field.name);
    const { partOf } = field;
    if (other !== undefined) say(at, `${key} and ${other} cannot stand together`, true);
    if (partOf !== null && !partOf.isProto3Optional) {
      members.set(partOf.name, key);
      if (!isWhole) for (const sibling of partOf.oneof) if (!read.has(sibling)) read.set(sibling, null);
    }
    if (value === null) say(at, 'null takes nothing away; leave the field out');
    else read.set(field.name, readField(field, value, at, reading));
  }
  return sorted(read);
}

function readField(field: Field, value: unknown, path: Path, reading: Reading): unknown {
  const { say } = reading;
  if (field.map) {
    if (!isObject(value)) return say(path, 'expected a mapping');
    const entries = Object.entries(value).map(([key, item]) => [key, readOne(field, item, [...path, key], reading)]);
    return sorted(new Map(entries as [string, unknown][]));
  }
  if (!field.repeated) return readOne(field, value, path, reading);
  if (!Array.isArray(value)) return say(path, 'expected a list');
  return value.map((item, i) => readOne(field, item, [...path, i], { ...reading, isWhole: true }));
}

function readOne(field: Field, value: unknown, path: Path, reading: Reading): unknown {
  const inside = field.resolvedType;
  if (!(inside instanceof Type) || OWN_JSON.test(inside.fullName)) return readValue(field, value, path, reading.say);
  if (SECRETS.has(field.fullName)) refuseSecret(value, path, reading.say);
  return readMessage(inside, value, path, reading);
}

function refuseSecret(value: unknown, path: Path, say: Say): void {
  for (const key of isObject(value) ? Object.keys(value) : []) {
    if (!/^inline_?(?:string|bytes)$/i.test(key)) continue;
    say(
      [...path, key],
      'a secret never stands in a document: name a file on the Envoys, or one of their secrets',
      true,
    );
  }
}

/** An extension, by the type that it says it has. */
function readAny(json: unknown, path: Path, reading: Reading): RawEnvoy {
  const { protos, say } = reading;
  const url = isObject(json) ? json['@type'] : undefined;
  if (!isObject(json) || typeof url !== 'string') {
    say(
      path,
      'expected a mapping with "@type", like type.googleapis.com/envoy.extensions…, and the fields of that type',
    );
    return {};
  }
  const type = extension(protos, url);
  if (type === null || OWN_JSON.test(type.fullName)) {
    say([...path, '@type'], `${url.slice(0, 200)} is no extension that Serin can check`);
    return {};
  }
  const { '@type': _, ...fields } = json;
  // A stray prefix would make two of one.
  return { '@type': `type.googleapis.com/${type.fullName.slice(1)}`, ...readFields(type, fields, path, reading) };
}

function extension(protos: ProtoBundle, url: string): Type | null {
  const [, name] = /^type\.googleapis\.com\/([A-Za-z0-9_.]{1,200})$/.exec(url) ?? [];
  if (name === undefined) return null;
  try {
    return protos.type(name);
  } catch {
    return null;
  }
}

/** A value, or a message with a JSON of its own, by ProtoJSON of the field alone. */
function readValue(field: Field, value: unknown, path: Path, say: Say): unknown {
  const { parent } = field;
  if (!(parent instanceof Type)) throw new Error(`field ${field.name} is of no message`);
  const mapKey = String(path.at(-1));
  const wrap = field.map ? { [field.name]: { [mapKey]: value } } : { [field.name]: field.repeated ? [value] : value };
  try {
    const message = protojson.fromJson(parent, wrap);
    const plain = parent.toObject(message, { enums: String, longs: String, bytes: String, defaults: true });
    const read: unknown = plain[field.name];
    const one = field.map ? (read as RawEnvoy)[mapKey] : field.repeated ? (read as unknown[])[0] : read;
    // Neither JSON nor anything that Envoy could mean.
    if (typeof one === 'number' && !Number.isFinite(one)) return say(path, expected(field));
    // An enum's number that has no name.
    if (field.resolvedType instanceof Enum && typeof one !== 'string') return say(path, expected(field));
    return inOrder(one);
  } catch {
    return say(path, expected(field));
  }
}

function expected({ type, resolvedType }: Field): string {
  if (resolvedType instanceof Enum)
    return `expected one of ${Object.keys(resolvedType.values).join(', ').slice(0, 400)}`;
  const name = resolvedType === null ? type : nameOf(resolvedType);
  const words: Readonly<Record<string, string>> = {
    'google.protobuf.Duration': 'a duration as Envoy has it, in seconds like "1.5s"',
    'google.protobuf.Timestamp': 'a time like "2026-01-31T12:00:00Z"',
    'google.protobuf.Struct': 'a mapping',
    bool: 'true or false',
    string: 'text',
    bytes: 'text in base64',
    float: 'a number',
    double: 'a number',
  };
  const scalar = name.replace(/^google\.protobuf\.(\w+)Value$/, (_, kind: string) => kind.toLowerCase());
  return `expected ${words[name] ?? words[scalar] ?? `a whole number (${scalar})`}`;
}

const fieldsOf = new WeakMap<Type, ReadonlyMap<string, Field>>();

/** By its name in the proto and by that in JSON. */
function fieldOf(type: Type, key: string): Field | undefined {
  let known = fieldsOf.get(type);
  if (known === undefined) {
    known = new Map(type.fieldsArray.flatMap((field) => [...bothNames(field)].map((name) => [name, field.resolve()])));
    fieldsOf.set(type, known);
  }
  return known.get(key);
}

/** The bundle says them where they differ from what can be made of each other. */
function bothNames(field: Field): ReadonlySet<string> {
  const { protoName, jsonName } = field as Field & { readonly protoName?: string; readonly jsonName?: string };
  return new Set([field.name, ...(protoName ? [protoName] : []), ...(jsonName ? [jsonName] : [])]);
}

/** One level too high is where it most often stands: a field of a route's action beside the action. */
function inside(type: Type, key: string): string {
  const holder = type.fieldsArray.find((field) => {
    const { resolvedType } = field.resolve();
    return !field.repeated && !field.map && resolvedType instanceof Type && fieldOf(resolvedType, key) !== undefined;
  });
  return holder === undefined ? '' : ` Did you mean "${holder.name}.${key}"?`;
}

/** In the spelling of the one that is not known. */
function namesOf(type: Type, like: string): readonly string[] {
  return type.fieldsArray.map((field) => {
    const [camel = '', snake = camel] = bothNames(field);
    return like.includes('_') ? snake : camel;
  });
}

function nameOf({ fullName }: Type | Enum): string {
  return fullName.replace(/^\./, '');
}

/** Of a Struct, whose maps have an order of their own. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  return sorted(new Map(Object.entries(value).map(([key, item]) => [key, inOrder(item)])));
}

function sorted(read: ReadonlyMap<string, unknown>): RawEnvoy {
  return Object.fromEntries([...read].sort(([a], [b]) => (a < b ? -1 : 1)));
}
