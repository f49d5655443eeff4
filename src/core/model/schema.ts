/**
 * The shape of records has a version, kept in the store. A newer Serin reads older records by migrating them forward;
 * an older one must not write what it does not understand. Two versions next to each other run side by side while
 * Serin itself is upgraded, so what a migration makes has to be readable by the version before.
 */
export interface Schema {
  /** Version of the records. 0: before there was one. */
  readonly version: number;
  /** The oldest version that can work with them. */
  readonly reader: number;
}

interface Migration {
  /** Version that it leads to, from the one before. */
  readonly to: number;
  readonly reader: number;
  /** `key` like `rollout/<id>`; gives the body as the new version writes it. Must not fail on what it does not know. */
  readonly record: (key: string, body: unknown) => unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Forward only, one after the other. */
export const MIGRATIONS: readonly Migration[] = [{ to: 1, reader: 0, record: withAllFields }];

export const SCHEMA: Schema = schemaOf(MIGRATIONS);

function schemaOf(migrations: readonly Migration[]): Schema {
  const last = migrations.at(-1);
  return last === undefined ? { version: 0, reader: 0 } : { version: last.to, reader: last.reader };
}

/** Can this Serin work with such a store? */
export function canWorkWith({ reader }: Schema): boolean {
  return reader <= SCHEMA.version;
}

/** The body as the present version writes it. The version it came with must not be newer. */
export function migrate(key: string, body: unknown, from: number): unknown {
  return MIGRATIONS.filter(({ to }) => to > from).reduce((before, { record }) => record(key, before), body);
}

/** 0 → 1: what was added while there was no version is written out. */
function withAllFields(key: string, body: unknown): unknown {
  if (!isFields(body)) return body;
  if (key.startsWith('rollout/')) {
    const { spec, push } = body;
    return {
      drill: null,
      excluded: {},
      requires: [],
      aftercare: null,
      ...body,
      ...(isFields(spec) ? { spec: { ...PLAN_FIELDS, ...spec } } : {}),
      ...(isFields(push) ? { push: { ...PUSH_FIELDS, ...push } } : {}),
    };
  }
  const { document } = body;
  if (!key.startsWith('document/Plan/') || !isFields(document) || !isFields(document.spec)) return body;
  return { ...body, document: { ...document, spec: { ...PLAN_FIELDS, ...document.spec } } };
}

const PLAN_FIELDS = { ackTimeoutMs: 30_000, onLaggard: 'hold', onRollback: { closeStreamsAfterMs: null } };
const PUSH_FIELDS = { routesOnly: false, probe: null, unanswered: {}, toldAtMs: null };

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
