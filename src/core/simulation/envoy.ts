import type { CounterFamily, CounterSeries } from '../analysis/judge.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import { pinnedCluster, type Revision } from '../model/revision.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { EDGES_MS, slowerThan } from './latency.ts';
import type { Random } from './random.ts';
import { binomial, errors, poisson } from './sampling.ts';
import { type BackendWorld, current, type Latency, type TestedWorld, type World } from './world.ts';

/** What becomes of users that meet an arm which is rolled out. */
export interface ArmToll {
  /** Answered by it. */
  canary: number;
  /** Of those: failed, and how many would have failed on stable. */
  failed: number;
  failedOnStable: number;
  /** The same of answers later than the plan's objective. */
  slow: number;
  slowOnStable: number;
}

/** Of one Envoy or of all, and of several arms together. */
export interface Toll extends ArmToll {
  /** To all arms, stable too. */
  requests: number;
}

export function noArmToll(): ArmToll {
  return { canary: 0, failed: 0, failedOnStable: 0, slow: 0, slowOnStable: 0 };
}

export function noToll(): Toll {
  return { requests: 0, ...noArmToll() };
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

/** An arm that is rolled out, and what becomes of those who meet it. */
export interface SimulatedArm {
  readonly revision: Revision;
  readonly world: TestedWorld;
  readonly toll: ArmToll;
}

/** A backend whose requests are split. */
export interface SimulatedBackend {
  readonly world: BackendWorld;
  readonly stable: Revision;
  readonly arms: readonly SimulatedArm[];
  readonly fleets: readonly string[];
  readonly toll: Pick<Toll, 'requests'>;
}

interface Setting {
  readonly id: string;
  readonly world: World;
  readonly backend: SimulatedBackend;
  /** Share of the backend's requests that come here. */
  readonly share: number;
  /** Are times of answers counted? Only where somebody asks for them. */
  readonly timed: boolean;
  /** Edges of the histogram that anything crosses; the others would show the count of all, or nothing. */
  readonly edges: readonly number[];
  /** The edge above which an answer is late to the plan; -1: it has none. */
  readonly lateEdge: number;
  readonly random: Random;
}

/** A backend at one Envoy of a world: splits requests as the table says that it has, and counts them as a real one does. */
export class SimulatedEnvoy {
  readonly id: string;
  readonly #setting: Setting;
  readonly #counters = new Map<string, Counter>();
  #table: BackendTraffic;
  #sinceMs: number;
  /** Of the requests, in basis points: what each cluster gets, and all arms that are rolled out together. */
  #weights = new Map<string, number>();
  #tested = 0;
  readonly #arms: ReadonlyMap<string, SimulatedArm>;

  constructor(setting: Setting, table: BackendTraffic, sinceMs: number) {
    this.id = setting.id;
    this.#setting = setting;
    this.#arms = new Map(
      setting.backend.arms.flatMap((arm) => [
        [arm.revision.cluster, arm] as const,
        [pinnedCluster(arm.revision), arm] as const,
      ]),
    );
    this.#table = table;
    this.#sinceMs = sinceMs;
  }

  /** Takes a table; what came before went by the old one. */
  take(table: BackendTraffic, atMs: number): void {
    this.serve(atMs);
    this.#table = table;
    this.#weights = new Map(table.split.map(({ cluster, weight }) => [cluster, weight]));
    this.#tested = this.#setting.backend.arms.reduce((sum, arm) => sum + this.#weightOf(arm), 0);
  }

  /** Serves until then. Nothing of the world turns in between: the caller stops where it does. Times from the start. */
  serve(untilMs: number): void {
    const fromMs = this.#sinceMs;
    if (untilMs <= fromMs) return;
    this.#sinceMs = untilMs;
    const { world, backend, share, random } = this.#setting;
    const { toll } = backend;
    const { rps } = current(backend.world.requests, fromMs, this.#tested);
    const mean = (rps * share * (untilMs - fromMs)) / 1_000;
    const { split, mirror } = this.#table;
    const pinnedTo = this.#pinnedTo();
    const pinned = pinnedTo.map(() => poisson(random, (mean * world.testers) / pinnedTo.length));
    const rest = mean * (pinnedTo.length > 0 ? 1 - world.testers : 1);
    for (const { cluster, weight } of split) {
      const requests = poisson(random, (rest * weight) / TOTAL_WEIGHT);
      toll.requests += requests;
      this.#answer(cluster, requests, fromMs, true);
    }
    pinnedTo.forEach((cluster, i) => {
      const requests = pinned[i] ?? 0;
      toll.requests += requests;
      this.#answer(cluster, requests, fromMs, true);
    });
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

  #weightOf({ revision }: SimulatedArm): number {
    return this.#weights.get(revision.cluster) ?? 0;
  }

  /** Where testers go, arms evenly. Those that follow a colour were drawn at the first backend, by the same shares. */
  #pinnedTo(): readonly string[] {
    const own = this.#setting.backend.arms.map(({ revision }) => pinnedCluster(revision));
    return own.filter((cluster) => this.#table.pins.some((pin) => pin.cluster === cluster));
  }

  #answer(cluster: string, requests: number, atMs: number, isUser: boolean): void {
    if (requests === 0) return;
    const { world, backend, random, lateEdge } = this.#setting;
    const { stable } = backend.world;
    const tested = this.#arms.get(cluster);
    const weight = tested === undefined ? this.#tested : this.#weightOf(tested);
    const arm = tested?.world ?? stable;
    const counter = this.#counter(cluster);
    const { ratio } = current(arm.errors, atMs, weight);
    const failed = errors(random, requests, ratio, world.burst);
    const before = counter.slow[lateEdge] ?? 0;
    counter.completed += requests;
    counter.failed += failed;
    if (this.#setting.timed && arm.latency !== null) this.#time(counter, current(arm.latency, atMs, weight), requests);
    if (!isUser || tested === undefined) return;
    const { toll } = tested;
    toll.canary += requests;
    toll.failed += failed;
    toll.failedOnStable += requests * current(stable.errors, atMs, this.#tested).ratio;
    if (lateEdge < 0 || stable.latency === null) return;
    toll.slow += (counter.slow[lateEdge] ?? 0) - before;
    toll.slowOnStable += requests * slowerThan(current(stable.latency, atMs, this.#tested), EDGES_MS[lateEdge] ?? 0);
  }

  /** Each edge is crossed among those that crossed the one before. */
  #time({ slow }: Counter, latency: Latency, requests: number): void {
    const shares = slowShares(latency);
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
    const { timed } = this.#setting;
    const slow = timed ? EDGES_MS.map(() => 0) : [];
    const fresh: Counter = { completed: 0, failed: 0, slow, scrapedAtMs: [], lines: [] };
    const line = (family: CounterFamily, label: string, value: () => number): Line => ({
      family,
      label,
      points: [],
      value,
    });
    const readyMs = this.#arms.get(cluster)?.world.readyMs ?? 0;
    const isHealthy = () => this.#sinceMs >= readyMs;
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
