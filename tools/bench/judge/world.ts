/** How one arm treats a request at one moment. */
export interface Behaviour {
  /** Share that ends in 5xx. */
  readonly error: number;
  /** Shares slower than each edge. */
  readonly slow: readonly number[];
  /** Share with a failed try that a retry saved. */
  readonly retried: number;
  /** Share that ends by a reset or a timeout, 5xx besides. */
  readonly cut: number;
  /** Share that never ends within the rollout. */
  readonly hung: number;
}

/** What the scrapes make of the traffic. */
export interface Disturbance {
  /** Chance per proxy and scrape that nobody answers the scrape. */
  readonly missing: number;
  /** Chance per proxy and scrape that the proxy restarts, with its counters. */
  readonly restart: number;
  /** Proxies take a new weight at a moment of their own within this time. */
  readonly spreadS: number;
  /** Successes that end in the next scrape only; errors are quick. */
  readonly late: number;
}

export interface World {
  readonly name: string;
  readonly about: string;
  readonly good: boolean;
  /** When a bad world turns bad. */
  readonly onsetS: number;
  readonly proxies: number;
  /** `phase` 0–1 is drawn once per replication. */
  readonly rps: (tS: number, phase: number) => number;
  readonly burst: number;
  readonly edgesMs: readonly number[];
  readonly stable: (tS: number) => Behaviour;
  readonly canary: (tS: number, sinceStepS: number) => Behaviour;
  /** Share that really reaches the canary. */
  readonly achieved: (wanted: number) => number;
  readonly disturbance: Disturbance | null;
  /** The metric that a test would watch that knows everything; `null`: no limit is computed. */
  readonly limit: 'errors' | 'latency' | null;
  /** What counts as seen: a rollback, or with `hold` not being promoted. */
  readonly seenBy: 'rollback' | 'hold';
}

const EDGES_MS = [100, 250, 500, 1000];
const EXCEED = [0.3, 0.05, 0.004, 0.0005];
const MOST_SLOW = 0.99;

export function behaviour(error: number, more: Partial<Omit<Behaviour, 'error'>> = {}): Behaviour {
  return { error, slow: EXCEED, retried: 0, cut: 0, hung: 0, ...more };
}

export function slower(factors: readonly number[], exceed: readonly number[] = EXCEED): readonly number[] {
  return exceed.map((share, index) => Math.min(MOST_SLOW, share * (factors[index] ?? 1)));
}

/** A world is described by what sets it apart from steady traffic without faults. */
export function world(
  name: string,
  about: string,
  good: boolean,
  parts: Partial<Omit<World, 'name' | 'about' | 'good'>>,
): World {
  const healthy = behaviour(0.005);
  const stable = parts.stable ?? (() => healthy);
  return {
    name,
    about,
    good,
    onsetS: 0,
    proxies: 1,
    rps: () => 200,
    burst: 1,
    edgesMs: EDGES_MS,
    stable,
    canary: (tS) => stable(tS),
    achieved: (wanted) => wanted,
    disturbance: null,
    limit: null,
    seenBy: 'rollback',
    ...parts,
  };
}
