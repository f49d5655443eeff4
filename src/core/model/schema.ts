/**
 * The shape of records has a version, kept in the store and beside each record (ADR 16). A newer Serin reads older
 * records by migrating them forward, and an older one leaves alone what it would misread. Two versions next to each
 * other run side by side while Serin itself is upgraded.
 */
export interface Schema {
  /** Version of the records. 0: before there was one. */
  readonly version: number;
  /** The oldest version that can work with them. */
  readonly reader: number;
}

/**
 * Records have keys like `rollout/<id>`; what tables hold is asked for as `traffic/route/shop` and `trial/<by>`. None of
 * it may fail on what it does not know.
 */
export interface Migration {
  /** Version that it leads to, from the one before. */
  readonly to: number;
  /** The oldest version that may work in such a store at all; lower than `to`, so that an upgrade needs no stop. */
  readonly reader: number;
  /**
   * The body as the new version writes it; the very same where nothing is to do. It meets bodies that it has made itself
   * and that the version before has written over: what is there stays.
   */
  readonly record: (key: string, body: unknown) => unknown;
  /** Would the version before misread this body of the new version? Absent: it need not care, or cannot work at all. */
  readonly beyond?: (key: string, body: unknown) => boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Forward only, one after the other. */
export const MIGRATIONS: readonly Migration[] = [
  { to: 1, reader: 0, record: withAllFields },
  // Builds of version 1 know different shapes and no stamps, so they cannot tell what they would misread.
  { to: 2, reader: 2, record: withJudge },
];

/** What one version knows about shapes. */
export interface Shapes {
  readonly schema: Schema;
  /** The body as this version writes it, from the version that it came with. */
  readonly migrate: (key: string, body: unknown, from: number) => unknown;
  /** Goes beside a body that this version writes: `<its version>`, and with `^<version>` the oldest that may read it. */
  readonly stamp: (key: string, body: unknown) => string;
  /** The same for the cells of tables; '' where engines from before there were stamps read them rightly. */
  readonly cellStamp: (key: string, body: unknown) => string;
}

/** Up to this version engines do not know stamps in tables. */
const UNSTAMPED = 2;

export function shapesOf(migrations: readonly Migration[]): Shapes {
  const { to: version = 0, reader = 0 } = migrations.at(-1) ?? {};
  const stamp: Shapes['stamp'] = (key, body) => {
    const needs = migrations.findLast(({ to, beyond }) => to > reader && beyond?.(key, body) === true);
    return needs === undefined ? String(version) : `${version}^${needs.to}`;
  };
  return {
    schema: { version, reader },
    migrate: (key, body, from) =>
      migrations.filter(({ to }) => to > from).reduce((before, { record }) => record(key, before), body),
    stamp,
    cellStamp: (key, body) => (version <= UNSTAMPED ? '' : stamp(key, body)),
  };
}

export const SHAPES: Shapes = shapesOf(MIGRATIONS);
export const SCHEMA: Schema = SHAPES.schema;

/** Can this Serin work with such a store? */
export function canWorkWith({ reader }: Schema, { schema }: Shapes = SHAPES): boolean {
  return reader <= schema.version;
}

export interface Stamp {
  /** Of who wrote it last. */
  readonly version: number;
  /** The oldest version that may read it; 0: any that may work in the store. */
  readonly needs: number;
}

/** Records of versions before there were stamps have none. `null`: it is no stamp. */
export function parseStamp(text: string): Stamp | null {
  const [whole, version = '0', needs = '0'] = /^(?:(\d{1,6})(?:\^(\d{1,6}))?)?$/.exec(text) ?? [];
  return whole === undefined ? null : { version: Number(version), needs: Number(needs) };
}

/** Why a body is left alone; `null`: this version reads it rightly. */
export function leftAlone(what: string, { needs }: Stamp, { schema }: Shapes): string | null {
  if (needs <= schema.version) return null;
  return `${what} needs a Serin of schema version ${needs}; this one is of ${schema.version} and leaves it alone`;
}

/** 0 → 1: what was added while there was no version is written out. */
function withAllFields(key: string, body: unknown): unknown {
  return withPlan(key, body, {
    spec: (spec) => filled(PLAN_FIELDS, spec),
    rollout: (rollout) =>
      filled(
        ROLLOUT_FIELDS,
        withPart(rollout, 'push', (push) => filled(PUSH_FIELDS, push)),
      ),
  });
}

/** 1 → 2: plans name their judge, which before had no choice; what it remembers lies beside the rollout. */
function withJudge(key: string, body: unknown): unknown {
  // Of which of the shapes of its time it is, nothing tells: the judge begins anew.
  if (key.startsWith('judge/')) return isFields(body) && body.judge === '' ? body : { judge: '', state: {} };
  return withPlan(key, body, {
    spec: (spec) => filled({ judge: { name: 'threshold' } }, spec),
    rollout: (rollout) => {
      const judged = withPart(rollout, 'evidence', ({ judge, ...evidence }) => (judge === undefined ? null : evidence));
      // Lists of nodes say nothing about which of their streams is meant.
      return withPart(judged, 'push', (push) => (Array.isArray(push.unanswered) ? { ...push, unanswered: {} } : null));
    },
  });
}

/** Plans lie in documents and in rollouts, which keep a copy. */
function withPlan(
  key: string,
  body: unknown,
  change: { readonly spec: (spec: Fields) => Fields; readonly rollout: (rollout: Fields) => Fields },
): unknown {
  if (!isFields(body)) return body;
  if (key.startsWith('rollout/')) return change.rollout(withPart(body, 'spec', change.spec));
  if (!key.startsWith('document/Plan/')) return body;
  return withPart(body, 'document', (document) => withPart(document, 'spec', change.spec));
}

const ROLLOUT_FIELDS = { drill: null, excluded: {}, requires: [], aftercare: null };
const PLAN_FIELDS = { ackTimeoutMs: 30_000, onLaggard: 'hold', onRollback: { closeStreamsAfterMs: null } };
const PUSH_FIELDS = { routesOnly: false, probe: null, unanswered: {}, toldAtMs: null };

/** The very same where nothing is missing. */
function filled(fields: Fields, body: Fields): Fields {
  return Object.keys(fields).every((name) => name in body) ? body : { ...fields, ...body };
}

/** The very same where the part is missing or stays; `null`: it stays. */
function withPart(body: Fields, name: string, change: (part: Fields) => Fields | null): Fields {
  const part = body[name];
  if (!isFields(part)) return body;
  const next = change(part) ?? part;
  return next === part ? body : { ...body, [name]: next };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
