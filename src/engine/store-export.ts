import { createHash } from 'node:crypto';
import { z } from 'zod';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { parseStamp, SHAPES, type Shapes } from '../core/model/schema.ts';
import type { ArchiveCell, ArchiveLine, StoreDump } from './ports/store-archive.ts';

/**
 * An export: JSON lines. The first says what it is and of which schema, the last how many lie between, and a hash over
 * every byte before itself: half a file, or one that somebody has edited, is no export.
 */
const FORMAT = 'serin-store';

const count = z.number().int().nonnegative();
const Header = z.looseObject({
  export: z.literal(FORMAT),
  schema: count,
  reader: count,
  epoch: z.string().nullable(),
  takenAtMs: count,
});
const End = z.strictObject({ end: z.literal(FORMAT), lines: count, sha256: z.string() });
const schema = z
  .string()
  .refine((text) => parseStamp(text) !== null)
  .exactOptional();
const cell = { n: count, value: z.unknown(), schema };
const Line: z.ZodType<ArchiveLine> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('record'), key: z.string(), rev: count, order: count, body: z.unknown(), schema }),
  z.strictObject({
    kind: z.literal('fleet'),
    fleet: z.string(),
    n: count,
    owners: z.array(z.strictObject({ owner: z.string(), ...cell })),
    trial: z.strictObject({ by: z.string(), ...cell }).nullable(),
  }),
  z.strictObject({ kind: z.literal('due'), subject: z.string(), atMs: z.number() }),
  z.strictObject({ kind: z.literal('notice'), queue: z.string(), notice: z.unknown() }),
  z.strictObject({ kind: z.literal('dead'), queue: z.string(), detail: z.string(), notice: z.unknown() }),
  z.strictObject({
    kind: z.literal('event'),
    rolloutId: z.string(),
    id: z.string().regex(/^\d{1,16}-\d{1,16}$/),
    event: z.unknown(),
  }),
  z.strictObject({
    kind: z.literal('decision'),
    rolloutId: z.string(),
    run: z.string().regex(/^[\w]{0,40}$/),
    looks: count,
    rev: count,
    decision: z.unknown(),
  }),
  z.strictObject({ kind: z.literal('audit'), id: z.string().regex(/^\d{1,16}-\d{1,16}$/), entry: z.unknown() }),
]);

/** The text of an export, line by line, each with its line break. */
export function exportText({ schema, epoch, takenAtMs, lines }: StoreDump): readonly string[] {
  const hash = createHash('sha256');
  const text = [{ export: FORMAT, schema: schema.version, reader: schema.reader, epoch, takenAtMs }, ...lines].map(
    (line) => `${JSON.stringify(line)}\n`,
  );
  for (const line of text) hash.update(line);
  return [...text, `${JSON.stringify({ end: FORMAT, lines: lines.length, sha256: hash.digest('hex') })}\n`];
}

/** Reads an export. Records come as they were exported; `forward` brings them to the present version. */
export function readExport(text: string, shapes: Shapes = SHAPES): Result<StoreDump> {
  const lines = text.split('\n');
  if (lines.pop() !== '') return invalid('it does not end with a line break: it was cut off');
  const header = parse(Header, lines[0]);
  if (header === null) return invalid('line 1 is not the beginning of an export');
  if (header.schema > shapes.schema.version) {
    const message = `the export is of schema version ${header.schema}, this Serin knows up to ${shapes.schema.version}`;
    return fail('SERIN_SCHEMA_NEWER', message);
  }
  const end = parse(End, lines.at(-1));
  if (end === null) return invalid('its last line is not the end of an export: it was cut off');
  const body = lines.slice(1, -1);
  if (end.lines !== body.length) return invalid(`it should hold ${end.lines} lines and holds ${body.length}`);
  const hash = createHash('sha256');
  for (const line of lines.slice(0, -1)) hash.update(`${line}\n`);
  if (hash.digest('hex') !== end.sha256) return invalid('it was changed: its hash is another one');
  const read: ArchiveLine[] = [];
  for (const [index, line] of body.entries()) {
    const parsed = parse(Line, line);
    if (parsed === null) return invalid(`line ${index + 2} is nothing that an export holds`);
    read.push(parsed);
  }
  const { schema: version, reader, epoch, takenAtMs } = header;
  return ok({ schema: { version, reader }, epoch, takenAtMs, lines: read, damage: [] });
}

/** Records as the present version writes them. */
export function forward({ lines }: StoreDump, shapes: Shapes = SHAPES): readonly ArchiveLine[] {
  const cell = <C extends ArchiveCell>(key: string, one: C): C => {
    const value = migrated(key, one.value, one.schema, shapes);
    const stamp = shapes.cellStamp(key, value);
    return { ...one, value, ...(stamp === '' ? {} : { schema: stamp }) };
  };
  return lines.map((line): ArchiveLine => {
    switch (line.kind) {
      case 'record': {
        const body = migrated(line.key, line.body, line.schema, shapes);
        return { ...line, body, schema: shapes.stamp(line.key, body) };
      }
      case 'fleet': {
        const { owners, trial } = line;
        return {
          ...line,
          owners: owners.map((one) => cell(`traffic/${one.owner}`, one)),
          trial: trial === null ? null : cell(`trial/${trial.by}`, trial),
        };
      }
      default:
        return line;
    }
  });
}

/** A value of a dump as the present version writes it. */
export function migrated(key: string, value: unknown, schema: string | undefined, shapes: Shapes): unknown {
  return shapes.migrate(key, value, parseStamp(schema ?? '')?.version ?? 0);
}

function parse<T>(schema: z.ZodType<T>, line: string | undefined): T | null {
  try {
    const parsed = schema.safeParse(JSON.parse(line ?? ''));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function invalid(message: string): Result<never> {
  return fail('SERIN_EXPORT_INVALID', `this is no export that can be used: ${message}`);
}
