import { fail, ok, type Result } from '../../core/model/errors.ts';

interface Flags {
  readonly revision: readonly string[];
  readonly endpoints?: readonly string[];
}

interface Own {
  readonly revision?: string;
  readonly endpoints?: readonly string[];
}

export interface StartTargets extends Own {
  readonly backends?: Readonly<Record<string, Own>>;
}

/** Names of revisions have no `=`, and a list of endpoints has none either. */
const NAMED = /^([a-z0-9-]{1,63})=(.+)$/s;

/** What `--revision` and `--endpoints` say: for all, or as `cart=v7` for one of the backends that roll together. */
export function startTargets({ revision, endpoints = [] }: Flags): Result<StartTargets> {
  const revisions = readNamed('--revision', revision);
  if (revisions.kind === 'error') return revisions;
  const where = readNamed('--endpoints', endpoints);
  if (where.kind === 'error') return where;
  const names = [...new Set([...revisions.value.named.keys(), ...where.value.named.keys()])];
  const backends = names.map((name): [string, Own] => {
    const [own, places] = [revisions.value.named.get(name), where.value.named.get(name)];
    return [
      name,
      {
        ...(own === undefined ? {} : { revision: own }),
        ...(places === undefined ? {} : { endpoints: listOf(places) }),
      },
    ];
  });
  const { all } = where.value;
  return ok({
    ...(revisions.value.all === null ? {} : { revision: revisions.value.all }),
    ...(all === null ? {} : { endpoints: listOf(all) }),
    ...(backends.length === 0 ? {} : { backends: Object.fromEntries(backends) }),
  });
}

interface Read {
  /** `null`: none is said for all of them. */
  readonly all: string | null;
  readonly named: ReadonlyMap<string, string>;
}

function readNamed(flag: string, values: readonly string[]): Result<Read> {
  const named = new Map<string, string>();
  let all: string | null = null;
  for (const value of values) {
    const [, name, text] = NAMED.exec(value) ?? [];
    if (name === undefined || text === undefined) {
      if (all !== null) return twice(`${flag} is given twice: ${all} and ${value}`);
      all = value;
    } else if (named.has(name)) return twice(`${flag} of ${name} is given twice`);
    else named.set(name, text);
  }
  return ok({ all, named });
}

function twice(message: string) {
  return fail('SERIN_REQUEST_INVALID', message, { hint: 'Name the backend of each, such as cart=v7.' });
}

function listOf(text: string): readonly string[] {
  return text.split(',').map((one) => one.trim());
}
