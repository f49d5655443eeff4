import { fail, ok, type Result } from '../../core/model/errors.ts';

interface Flags {
  readonly revision: readonly string[];
  readonly variant?: readonly string[];
  readonly endpoints?: readonly string[];
}

interface Own {
  readonly revision?: string;
  readonly endpoints?: readonly string[];
}

export interface StartTargets extends Own {
  readonly backends?: Readonly<Record<string, Own>>;
  readonly variants?: Readonly<Record<string, Own & { readonly revision: string }>>;
}

/** Names of revisions have no `=`, and a list of endpoints has none either. */
const NAMED = /^([a-z0-9-]{1,63})=(.+)$/s;

/**
 * What `--revision`, `--variant` and `--endpoints` say: for all, or as `cart=v7` for one of the backends that roll together
 * or one of the variants that are tested.
 */
export function startTargets({ revision, variant = [], endpoints = [] }: Flags): Result<StartTargets> {
  const revisions = readNamed('--revision', revision);
  if (revisions.kind === 'error') return revisions;
  const where = readNamed('--endpoints', endpoints);
  if (where.kind === 'error') return where;
  const tested = readNamed('--variant', variant);
  if (tested.kind === 'error') return tested;
  if (tested.value.all !== null) {
    const hint = 'Write its name first: --variant green=v44.';
    return fail('SERIN_REQUEST_INVALID', `--variant ${tested.value.all.slice(0, 80)} names no variant`, { hint });
  }
  const variants = [...tested.value.named].map(([name, own]) => {
    const places = where.value.named.get(name);
    return [name, { revision: own, ...(places === undefined ? {} : { endpoints: listOf(places) }) }] as const;
  });
  const names = [...new Set([...revisions.value.named.keys(), ...where.value.named.keys()])].filter(
    (name) => !tested.value.named.has(name),
  );
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
    ...(variants.length === 0 ? {} : { variants: Object.fromEntries(variants) }),
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
