/** A world that a plan is played in: what is asked, how all arms answer, and who says what. Times count from the start. */
export interface World {
  /** What clocks show when the rollout starts, epoch ms: windows of a plan go by it. */
  readonly startsAtMs: number;
  /** Of each backend of the plan, the first one's first. */
  readonly backends: readonly BackendWorld[];
  /** Mean size of the bursts that errors come in. */
  readonly burst: number;
  /** Share of the requests that the `matches` of a step pin, 0–1. */
  readonly testers: number;
  /** Of each fleet. */
  readonly envoys: number;
  /** How long an Envoy takes for a change, about. */
  readonly ackMs: number;
  readonly scrapeMs: number;
  /** What users of a test do, by metric of the plan's `readout`. */
  readonly readout: ReadonlyMap<string, ReadoutWorld>;
  /** What hooks answer, by target. */
  readonly hooks: ReadonlyMap<string, readonly Since<{ readonly answer: HookWord }>[]>;
  readonly people: PeopleWorld;
  /** Times without Prometheus. */
  readonly outages: readonly { readonly fromMs: number; readonly toMs: number }[];
}

export interface BackendWorld {
  readonly backend: string;
  /** Per second, of all arms together. */
  readonly requests: readonly Since<{ readonly rps: number }>[];
  readonly stable: ArmWorld;
  /** The canary first, then the variants of the plan in its order. */
  readonly arms: readonly TestedWorld[];
  /** What the queries of the plan's analyses answer, by name. */
  readonly queries: ReadonlyMap<string, QueryWorld>;
}

/** What is so from a time on, and while the canary has at least so much of the requests (basis points). */
export type Since<T> = T & { readonly atMs: number; readonly weight: number };

export interface ArmWorld {
  /** Share of requests that end in 503. */
  readonly errors: readonly Since<{ readonly ratio: number }>[];
  /** Log-normal; `null`: the world does not say. */
  readonly latency: readonly Since<Latency>[] | null;
}

/** Of an arm that is rolled out. */
export interface TestedWorld extends ArmWorld {
  readonly name: string;
  /** When its hosts are healthy. */
  readonly readyMs: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Values = readonly Since<{ readonly value: number }>[];

export interface QueryWorld {
  /** By name, the canary among them. */
  readonly arms: ReadonlyMap<string, Values>;
  /** Asked where an analysis compares; `null`: the world does not say. */
  readonly stable: Values | null;
}

type Ratios = readonly Since<{ readonly ratio: number }>[];

export interface ReadoutWorld {
  /** New ones per second, of all arms together. */
  readonly users: readonly Since<{ readonly rps: number }>[];
  /** Share of users that do what is counted. */
  readonly stable: Ratios;
  readonly arms: ReadonlyMap<string, Ratios>;
}

export const HOOK_WORDS = ['open', 'wait', 'reject', 'fail', 'silent'] as const;
export type HookWord = (typeof HOOK_WORDS)[number];

export const DEEDS = ['pause', 'resume', 'promote', 'abort', 'undo'] as const;
export type Deed = (typeof DEEDS)[number];

export interface PeopleWorld {
  /** Whose name stands under approvals and commands; `null`: of whoever may approve. */
  readonly as: string | null;
  /** From when nothing but an approval is missing until it is given, by step or for all; `null`: nobody does. */
  readonly approve: number | ReadonlyMap<string, number> | null;
  readonly commands: readonly PersonsCommand[];
}

export interface PersonsCommand {
  readonly atMs: number;
  readonly deed: Deed;
  /** Of a promotion in a test with variants. @default the canary, which is alone */
  readonly arm?: string;
}

/** What holds now: the last entry whose time has come and whose share is reached. The first one needs neither. */
export function current<T>(entries: readonly Since<T>[], sinceStartMs: number, weight: number): Since<T> {
  for (let i = entries.length - 1; i > 0; i -= 1) {
    const entry = entries[i];
    if (entry !== undefined && sinceStartMs >= entry.atMs && weight >= entry.weight) return entry;
  }
  const [first] = entries;
  if (first === undefined) throw new RangeError('a world says at least one thing of everything');
  return first;
}

/** Moments at which something changes by itself, in order. */
export function turns(world: World): readonly number[] {
  const lists = world.backends.flatMap(({ requests, stable, arms }) => [
    requests,
    ...[stable, ...arms].flatMap(({ errors, latency }) => [errors, latency ?? []]),
  ]);
  return [...new Set(lists.flatMap((list) => list.map(({ atMs }) => atMs)))]
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b);
}

export function isOut({ outages }: Pick<World, 'outages'>, sinceStartMs: number): boolean {
  return outages.some(({ fromMs, toMs }) => sinceStartMs >= fromMs && sinceStartMs < toMs);
}
