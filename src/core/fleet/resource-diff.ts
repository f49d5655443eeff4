/** A resource of Envoy, as `core/traffic/envoy-resources.ts` has it. */
export type PlainResource = Readonly<Record<string, unknown>>;

export interface FieldChange {
  /** `virtualHosts[shop].routes[all].route.weightedClusters`; lists go by the names of what is in them. */
  readonly path: string;
  /** In words; `null`: not there. */
  readonly from: string | null;
  readonly to: string | null;
}

export interface ResourceDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { readonly name: string; readonly fields: readonly FieldChange[] }[];
}

/** What tells two sets of resources of one type apart, by name. Empty exactly when they are equal. */
export function diffResources(before: readonly PlainResource[], after: readonly PlainResource[]): ResourceDiff {
  const [old, now] = [byName(before), byName(after)];
  const changed: { name: string; fields: readonly FieldChange[] }[] = [];
  for (const [name, resource] of now) {
    const was = old.get(name);
    if (was === undefined) continue;
    const fields = differences('', was, resource);
    if (fields.length > 0) changed.push({ name, fields });
  }
  return {
    added: [...now.keys()].filter((name) => !old.has(name)).sort(),
    removed: [...old.keys()].filter((name) => !now.has(name)).sort(),
    changed: changed.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

export function isEmptyDiff({ added, removed, changed }: ResourceDiff): boolean {
  return added.length + removed.length + changed.length === 0;
}

function byName(resources: readonly PlainResource[]): ReadonlyMap<string, PlainResource> {
  return new Map(resources.map((resource) => [String(resource.name ?? resource.clusterName), resource]));
}

function differences(path: string, a: unknown, b: unknown): FieldChange[] {
  if (same(a, b)) return [];
  const [from, to] = [wordsOf(a), wordsOf(b)];
  // What has a sentence of its own is told by it, unless it says the same of both.
  if (from !== to && (inWords(a) !== null || inWords(b) !== null)) return [{ path, from, to }];
  if (Array.isArray(a) && Array.isArray(b)) return listDifferences(path, a, b);
  if (Array.isArray(a) || Array.isArray(b)) return [{ path, from, to }];
  if (isObject(a) && isObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
    return keys.flatMap((key) => differences(path === '' ? key : `${path}.${key}`, a[key], b[key]));
  }
  return [{ path, from, to }];
}

function listDifferences(path: string, a: readonly unknown[], b: readonly unknown[]): FieldChange[] {
  const [old, now] = [keyed(a), keyed(b)];
  const keys = [...new Set([...old.keys(), ...now.keys()])];
  const inside = keys.flatMap((key) => differences(`${path}[${key}]`, old.get(key), now.get(key)));
  if (inside.length > 0) return inside;
  // The same things in another order; where the first match wins, that is a change.
  return [{ path: `${path} (order)`, from: [...old.keys()].join(', '), to: [...now.keys()].join(', ') }];
}

/** By name or address where all have one of their own, else by place. */
function keyed(list: readonly unknown[]): ReadonlyMap<string, unknown> {
  const names = list.map(keyOf);
  const unique = names.every((name) => name !== null) && new Set(names).size === names.length;
  return new Map(list.map((item, index) => [unique ? (names[index] ?? '') : String(index), item]));
}

function keyOf(item: unknown): string | null {
  if (!isObject(item)) return null;
  if (typeof item.name === 'string') return item.name;
  return isObject(item.endpoint) ? addressOf(item.endpoint.address) : null;
}

const MAX_WORDS = 200;

function wordsOf(value: unknown): string | null {
  if (value === undefined) return null;
  const words = inWords(value) ?? (typeof value === 'string' ? value : JSON.stringify(value));
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS - 1)}…` : words;
}

/** What people know under another form than Envoy's. */
function inWords(value: unknown): string | null {
  if (!isObject(value)) return null;
  return weightsOf(value.clusters) ?? durationOf(value) ?? addressOf(value);
}

function weightsOf(clusters: unknown): string | null {
  if (!Array.isArray(clusters) || clusters.length === 0) return null;
  const arms = clusters.map((arm: unknown) =>
    isObject(arm) && typeof arm.name === 'string' && isObject(arm.weight) && typeof arm.weight.value === 'number'
      ? { name: arm.name, weight: arm.weight.value }
      : null,
  );
  const total = arms.reduce((sum, arm) => sum + (arm?.weight ?? 0), 0);
  if (total === 0 || arms.includes(null)) return null;
  return arms.map((arm) => `${Math.round(((arm?.weight ?? 0) * 10_000) / total) / 100} % ${arm?.name}`).join(', ');
}

function durationOf({ seconds, nanos }: PlainResource): string | null {
  return typeof seconds === 'number' && typeof nanos === 'number' ? `${seconds + nanos / 1e9}s` : null;
}

function addressOf(value: unknown): string | null {
  if (!isObject(value) || !isObject(value.socketAddress)) return null;
  return `${value.socketAddress.address}:${value.socketAddress.portValue}`;
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(a) || Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(a[key], b[key]));
}

function isObject(value: unknown): value is PlainResource {
  return typeof value === 'object' && value !== null;
}
