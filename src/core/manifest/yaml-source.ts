import {
  CORE_SCHEMA,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from 'js-yaml';
import type { SerinError, SourcePlace } from '../model/errors.ts';

/** A file as the user has it; `file` is only shown in errors. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

/** One YAML document: plain values, its own text, and where everything stands. */
export interface YamlDocument {
  readonly value: unknown;
  readonly source: string;
  /** Place of the value at a path like `spec.steps[2].weight`, or of the nearest parent that exists. */
  placeOf(path: string): SourcePlace;
  /** Place of the key at a path; for keys that should not be there. */
  keyPlaceOf(path: string): SourcePlace;
}

const MAX_BYTES = 256 * 1024;
const MAX_DOCUMENTS = 100;
const MAX_DEPTH = 32;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads one file. Refused by name and place: everything that is not plain YAML within bounds. The size is looked at
 * before anything is parsed, the depth while parsing, so hostile input costs next to nothing.
 */
export function readYaml({ file, text }: SourceFile): {
  documents: readonly YamlDocument[];
  errors: readonly SerinError[];
} {
  const top = { file, line: 1, column: 1 };
  const refuse = (code: SerinError['code'], message: string, place: SourcePlace = top) => ({
    documents: [],
    errors: [{ code, message, place }],
  });
  if (text.length > MAX_BYTES || new TextEncoder().encode(text).length > MAX_BYTES) {
    return refuse('SERIN_YAML_TOO_LARGE', 'the file is larger than 256 KiB');
  }
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const place = placer(file, source);
  let events: Event[];
  let values: unknown[];
  try {
    events = parseEvents(source, { maxDepth: MAX_DEPTH });
    const refused = refusedEvents(events, source, place);
    if (refused.length > 0) return { documents: [], errors: refused };
    values = constructFromEvents(events, { source, schema: CORE_SCHEMA, maxAliases: 0 });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const tooDeep = /depth|nest/i.test(error.reason);
    const at = error.mark === undefined ? top : { file, line: error.mark.line + 1, column: error.mark.column + 1 };
    return refuse(
      tooDeep ? 'SERIN_YAML_TOO_LARGE' : 'SERIN_YAML_SYNTAX',
      tooDeep ? `nested deeper than ${MAX_DEPTH} levels` : error.reason,
      at,
    );
  }
  const parts = splitDocuments(events, source);
  if (parts.length > MAX_DOCUMENTS)
    return refuse('SERIN_YAML_TOO_LARGE', `more than ${MAX_DOCUMENTS} documents in one file`);
  const documents = parts.map((part, i) => yamlDocument(values[i], part, source, place));
  const filled = documents.filter(({ value }) => value !== null);
  if (filled.length === 0) return refuse('SERIN_DOCUMENT_INVALID', 'the file has no document');
  return { documents: filled, errors: [] };
}

type Placer = (offset: number) => SourcePlace;

function placer(file: string, source: string): Placer {
  const starts = [0];
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { file, line: low + 1, column: Math.max(0, offset - (starts[low] ?? 0)) + 1 };
  };
}

function refusedEvents(events: readonly Event[], source: string, place: Placer): SerinError[] {
  const errors: SerinError[] = [];
  const refuse = (message: string, offset: number) =>
    errors.push({ code: 'SERIN_YAML_REFUSED', message, place: place(offset) });
  for (const event of events) {
    if (errors.length >= 20) break;
    if (event.type === EVENT_ID.DOCUMENT && event.directives.length > 0) refuse('directives are not allowed', 0);
    if (event.type === EVENT_ID.ALIAS) refuse('aliases are not allowed', event.anchorStart);
    if (event.type === EVENT_ID.SCALAR || event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      if (event.anchorStart >= 0) refuse('anchors are not allowed', event.anchorStart);
      if (event.tagStart >= 0) refuse('tags are not allowed', event.tagStart);
    }
  }
  if (errors.length > 0) return errors;
  for (const part of splitDocuments(events, source)) {
    for (const { key, offset, twice, complex } of walk(part.events, source).keys) {
      if (complex) refuse('a key must be plain text', offset);
      else if (twice) refuse(`the key "${key.slice(0, 80)}" stands here twice`, offset);
      else if (FORBIDDEN_KEYS.has(key)) refuse(`the key "${key}" is not allowed`, offset);
    }
  }
  return errors.slice(0, 20);
}

interface Part {
  readonly events: readonly Event[];
  readonly start: number;
  readonly end: number;
}

function splitDocuments(events: readonly Event[], source: string): Part[] {
  const parts: { events: Event[]; start: number }[] = [];
  let depth = 0;
  for (const event of events) {
    if (event.type === EVENT_ID.DOCUMENT) {
      parts.push({ events: [], start: -1 });
      depth = 1;
      continue;
    }
    depth +=
      event.type === EVENT_ID.POP ? -1 : event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE ? 1 : 0;
    const part = parts.at(-1);
    if (part === undefined || depth === 0) continue;
    part.events.push(event);
    if (part.start === -1) part.start = offsetOf(event);
  }
  return parts.map((part, i) => {
    const start = i === 0 ? 0 : Math.max(0, part.start);
    const next = parts.slice(i + 1).find((later) => later.start >= 0)?.start ?? source.length;
    const marker = source.lastIndexOf('\n---', next);
    return { events: part.events, start, end: marker > start ? marker + 1 : next };
  });
}

interface Walked {
  readonly values: ReadonlyMap<string, number>;
  readonly keyOffsets: ReadonlyMap<string, number>;
  readonly keys: readonly {
    readonly key: string;
    readonly offset: number;
    readonly twice: boolean;
    readonly complex: boolean;
  }[];
}

/** Offsets of every value and key by path. Iterative: depth is bounded, but input is hostile until proven otherwise. */
function walk(events: readonly Event[], source: string): Walked {
  const values = new Map<string, number>();
  const keyOffsets = new Map<string, number>();
  const keys: Walked['keys'][number][] = [];
  type Frame = { path: string; kind: 'map' | 'seq'; index: number; key: string | null; seen: Set<string> };
  const stack: Frame[] = [];
  const pathOfNext = (): string => {
    const frame = stack.at(-1);
    if (frame === undefined) return '';
    if (frame.kind === 'seq') return `${frame.path}[${frame.index}]`;
    return frame.path === '' ? (frame.key ?? '') : `${frame.path}.${frame.key ?? ''}`;
  };
  const done = () => {
    const frame = stack.at(-1);
    if (frame === undefined) return;
    if (frame.kind === 'seq') frame.index += 1;
    else frame.key = null;
  };
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      stack.pop();
      done();
      continue;
    }
    const frame = stack.at(-1);
    if (frame?.kind === 'map' && frame.key === null) {
      const complex = event.type !== EVENT_ID.SCALAR;
      const key = event.type === EVENT_ID.SCALAR ? getScalarValue(source, event) : '';
      keys.push({ key, offset: offsetOf(event), twice: frame.seen.has(key), complex });
      frame.seen.add(key);
      frame.key = key;
      keyOffsets.set(pathOfNext(), offsetOf(event));
      if (complex) return { values, keyOffsets, keys };
      continue;
    }
    const path = pathOfNext();
    values.set(path, offsetOf(event));
    if (event.type === EVENT_ID.MAPPING || event.type === EVENT_ID.SEQUENCE) {
      const kind = event.type === EVENT_ID.MAPPING ? 'map' : 'seq';
      stack.push({ path, kind, index: 0, key: null, seen: new Set() });
    } else done();
  }
  return { values, keyOffsets, keys };
}

function offsetOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.SCALAR: {
      // The value of a quoted scalar begins after its quote; people look for the quote.
      const quoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
      return quoted ? event.valueStart - 1 : event.valueStart;
    }
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    default:
      return 0;
  }
}

function yamlDocument(value: unknown, part: Part, source: string, place: Placer): YamlDocument {
  const { values, keyOffsets } = walk(part.events, source);
  const first = part.events[0];
  const top = first === undefined ? part.start : offsetOf(first);
  const find = (from: ReadonlyMap<string, number>, path: string): number | undefined => from.get(path);
  const placeOf = (path: string): SourcePlace => {
    for (let p = path; p !== ''; p = parentOf(p)) {
      const at = find(values, p) ?? find(keyOffsets, p);
      if (at !== undefined && at >= 0) return place(at);
    }
    return place(Math.max(0, top));
  };
  return {
    value: value ?? null,
    source: source.slice(part.start, part.end),
    placeOf,
    keyPlaceOf: (path) => {
      const at = find(keyOffsets, path);
      return at === undefined ? placeOf(path) : place(at);
    },
  };
}

function parentOf(path: string): string {
  const cut = Math.max(path.lastIndexOf('.'), path.lastIndexOf('['));
  return cut <= 0 ? '' : path.slice(0, cut);
}
