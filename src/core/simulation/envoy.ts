import type { CounterFamily, CounterSeries } from '../analysis/judge.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { EDGES_MS, slowerThan } from './latency.ts';
import type { Random } from './random.ts';
import { binomial, errors, poisson } from './sampling.ts';
import { type ArmWorld, current, type Latency, type World } from './world.ts';

/** What becomes of users, of one Envoy or of all. */
export interface Toll {
  requests: number;
  /** Answered by the canary. */
  canary: number;
  /** Of those: failed, and how many would have failed on stable. */
  failed: number;
  failedOnStable: number;
  /** The same of answers later than the plan's objective. */
  slow: number;
  slowOnStable: number;
}

export function noToll(): Toll {
  return { requests: 0, canary: 0, failed: 0, failedOnStable: 0, slow: 0, slowOnStable: 0 };
}

interface Counter {
  completed: number;
  failed: number;
  /** Slower than each edge. */
  readonly slow: number[];
  /** Epoch ms of each scrape, and what every series of the cluster showed at it; oldest first. */
  readonly scrapedAtMs: number[];
  readonly lines: readonly Line[];
}

interface Line {
  readonly family: CounterFamily;
  readonly label: string;
  readonly points: (readonly [tMs: number, value: number])[];
  readonly value: () => number;
}

export interface Arms {
  readonly stable: Revision;
  readonly canary: Revision;
}

interface Setting {
  readonly id: string;
  readonly world: World;
  readonly arms: Arms;
  /** Share of the backend's requests that come here. */
  readonly share: number;
  /** Are times of answers counted? Only where somebody asks for them. */
  readonly timed: boolean;
  /** Edges of the histogram that anything crosses; the others would show the count of all, or nothing. */
  readonly edges: readonly number[];
  /** The edge above which an answer is late to the plan; -1: it has none. */
  readonly lateEdge: number;
  readonly random: Random;
  readonly toll: Toll;
}

/** One Envoy of a world: splits requests as the table says that it has, and counts them as a real one does. */
export class SimulatedEnvoy {
  readonly id: string;
  readonly #setting: Setting;
  readonly #counters = new Map<string, Counter>();
  #table: BackendTraffic;
  #sinceMs: number;
  #weight = 0;

  constructor(setting: Setting, table: BackendTraffic, sinceMs: number) {
    this.id = setting.id;
    this.#setting = setting;
    this.#table = table;
    this.#sinceMs = sinceMs;
  }

  /** Takes a table; what came before went by the old one. */
  take(table: BackendTraffic, atMs: number): void {
    this.serve(atMs);
    this.#table = table;
    this.#weight = table.split.find(({ cluster }) => cluster === this.#setting.arms.canary.cluster)?.weight ?? 0;
  }

  /** Serves until then. Nothing of the world turns in between: the caller stops where it does. Times from the start. */
  serve(untilMs: number): void {
    const fromMs = this.#sinceMs;
    if (untilMs <= fromMs) return;
    this.#sinceMs = untilMs;
    const { world, arms, share, random, toll } = this.#setting;
    const { rps } = current(world.requests, fromMs, this.#weight);
    const mean = (rps * share * (untilMs - fromMs)) / 1_000;
    const { split, pins, mirror } = this.#table;
    const pinned = pins.length > 0 ? poisson(random, mean * world.testers) : 0;
    const rest = mean * (pins.length > 0 ? 1 - world.testers : 1);
    for (const { cluster, weight } of split) {
      const requests = poisson(random, (rest * weight) / TOTAL_WEIGHT);
      toll.requests += requests;
      this.#answer(cluster, requests, fromMs, true);
    }
    toll.requests += pinned;
    if (pinned > 0) this.#answer(pinnedCluster(arms.canary), pinned, fromMs, true);
    if (mirror === undefined) return;
    this.#answer(mirror.cluster, poisson(random, (rest * mirror.share) / TOTAL_WEIGHT), fromMs, false);
  }

  /** Notes what the counters of its clusters show. */
  sample(atMs: number): void {
    this.serve(atMs);
    const scrapedAtMs = this.#setting.world.startsAtMs + atMs;
    for (const { cluster } of this.#table.revisions) {
      const counter = this.#counter(cluster);
      counter.scrapedAtMs.push(scrapedAtMs);
      for (const { points, value } of counter.lines) points.push([scrapedAtMs, value()]);
    }
  }

  /** Moments are epoch ms. */
  series(
    clusters: readonly string[],
    families: readonly CounterFamily[],
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): readonly CounterSeries[] {
    return clusters.flatMap((cluster) => {
      const { scrapedAtMs = [], lines = [] } = this.#counters.get(cluster) ?? {};
      const [start, end] = within(scrapedAtMs, fromMs, toMs);
      if (start === end) return [];
      return lines
        .filter(({ family }) => families.includes(family))
        .map(({ family, label, points }) => ({
          ...{ proxy: this.id, cluster, family, label },
          points: points.slice(start, end),
        }));
    });
  }

  #answer(cluster: string, requests: number, atMs: number, isUser: boolean): void {
    if (requests === 0) return;
    const { world, arms, random, toll, lateEdge } = this.#setting;
    const isCanary = cluster !== arms.stable.cluster;
    const counter = this.#counter(cluster);
    const arm = isCanary ? world.canary : world.stable;
    const { ratio } = current(arm.errors, atMs, this.#weight);
    const failed = errors(random, requests, ratio, world.burst);
    const before = counter.slow[lateEdge] ?? 0;
    counter.completed += requests;
    counter.failed += failed;
    if (this.#setting.timed) this.#time(counter, arm, requests, atMs);
    if (!isUser || !isCanary) return;
    toll.canary += requests;
    toll.failed += failed;
    toll.failedOnStable += requests * current(world.stable.errors, atMs, this.#weight).ratio;
    if (lateEdge < 0 || world.stable.latency === null) return;
    toll.slow += (counter.slow[lateEdge] ?? 0) - before;
    toll.slowOnStable +=
      requests * slowerThan(current(world.stable.latency, atMs, this.#weight), EDGES_MS[lateEdge] ?? 0);
  }

  /** Each edge is crossed among those that crossed the one before. */
  #time({ slow }: Counter, { latency }: ArmWorld, requests: number, atMs: number): void {
    if (latency === null) return;
    const shares = slowShares(current(latency, atMs, this.#weight));
    let above = requests;
    let share = 1;
    for (let i = 0; i < shares.length && above > 0; i += 1) {
      const exceed = shares[i] ?? 0;
      above = binomial(this.#setting.random, above, exceed / share);
      share = exceed;
      slow[i] = (slow[i] ?? 0) + above;
    }
  }

  #counter(cluster: string): Counter {
    const known = this.#counters.get(cluster);
    if (known !== undefined) return known;
    const { timed, world, arms } = this.#setting;
    const slow = timed ? EDGES_MS.map(() => 0) : [];
    const fresh: Counter = { completed: 0, failed: 0, slow, scrapedAtMs: [], lines: [] };
    const line = (family: CounterFamily, label: string, value: () => number): Line => ({
      family,
      label,
      points: [],
      value,
    });
    const isHealthy = () => cluster !== arms.canary.cluster || this.#sinceMs >= world.readyMs;
    const lines = [
      line('upstream_rq_completed', '', () => fresh.completed),
      line('upstream_rq_total', '', () => fresh.completed),
      line('upstream_rq_xx', '2', () => fresh.completed - fresh.failed),
      line('upstream_rq_xx', '5', () => fresh.failed),
      line('upstream_rq', '503', () => fresh.failed),
      line('upstream_rq_active', '', () => 0),
      line('upstream_rq_timeout', '', () => 0),
      line('membership_healthy', '', () => (isHealthy() ? 1 : 0)),
      ...this.#setting.edges.map((i) => line(BUCKET, String(EDGES_MS[i]), () => fresh.completed - (slow[i] ?? 0))),
      ...(timed ? [line(BUCKET, '+Inf', () => fresh.completed)] : []),
    ];
    const counter = Object.assign(fresh, { lines });
    this.#counters.set(cluster, counter);
    return counter;
  }
}

const BUCKET = 'upstream_rq_time_bucket';

/** The scrapes in a stretch of time; the newest are asked for, so they are looked for from the end. */
function within(scrapedAtMs: readonly number[], fromMs: number, toMs: number): readonly [start: number, end: number] {
  let end = scrapedAtMs.length;
  while (end > 0 && (scrapedAtMs[end - 1] ?? 0) > toMs) end -= 1;
  let start = end;
  while (start > 0 && (scrapedAtMs[start - 1] ?? 0) >= fromMs) start -= 1;
  return [start, end];
}

const shares = new WeakMap<Latency, readonly number[]>();

/** Computed once per entry of a world. */
function slowShares(latency: Latency): readonly number[] {
  const known = shares.get(latency);
  if (known !== undefined) return known;
  const fresh = EDGES_MS.map((edge) => slowerThan(latency, edge));
  shares.set(latency, fresh);
  return fresh;
}
