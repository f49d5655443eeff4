/** A world that a plan is played in: what is asked, how both arms answer, and who says what. Times count from the start. */
export interface World {
  /** What clocks show when the rollout starts, epoch ms: windows of a plan go by it. */
  readonly startsAtMs: number;
  /** Requests per second to the backend, both arms together. */
  readonly requests: readonly Since<{ readonly rps: number }>[];
  /** Mean size of the bursts that errors come in. */
  readonly burst: number;
  /** Share of the requests that the `matches` of a step pin, 0–1. */
  readonly testers: number;
  /** Of each fleet. */
  readonly envoys: number;
  /** How long an Envoy takes for a change, about. */
  readonly ackMs: number;
  readonly scrapeMs: number;
  readonly stable: ArmWorld;
  readonly canary: ArmWorld;
  /** When the canary's hosts are healthy. */
  readonly readyMs: number;
  /** What the queries of a plan's analyses answer, by name. */
  readonly queries: ReadonlyMap<string, QueryWorld>;
  /** What hooks answer, by target. */
  readonly hooks: ReadonlyMap<string, readonly Since<{ readonly answer: HookWord }>[]>;
  readonly people: PeopleWorld;
  /** Times without Prometheus. */
  readonly outages: readonly { readonly fromMs: number; readonly toMs: number }[];
}

/** What is so from a time on, and while the canary has at least so much of the requests (basis points). */
export type Since<T> = T & { readonly atMs: number; readonly weight: number };

export interface ArmWorld {
  /** Share of requests that end in 503. */
  readonly errors: readonly Since<{ readonly ratio: number }>[];
  /** Log-normal; `null`: the world does not say. */
  readonly latency: readonly Since<Latency>[] | null;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface QueryWorld {
  readonly canary: readonly Since<{ readonly value: number }>[];
  /** Asked where an analysis compares; `null`: the world does not say. */
  readonly stable: readonly Since<{ readonly value: number }>[] | null;
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
  readonly commands: readonly { readonly atMs: number; readonly deed: Deed }[];
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
  const lists = [world.requests, ...[world.stable, world.canary].flatMap((arm) => [arm.errors, arm.latency ?? []])];
  return [...new Set(lists.flatMap((list) => list.map(({ atMs }) => atMs)))]
    .filter((ms) => ms > 0)
    .sort((a, b) => a - b);
}

export function isOut({ outages }: Pick<World, 'outages'>, sinceStartMs: number): boolean {
  return outages.some(({ fromMs, toMs }) => sinceStartMs >= fromMs && sinceStartMs < toMs);
}
