import type { CounterFamily, CountersResult } from '../analysis/judge.ts';
import type { FleetObservation } from '../fleet/liveness.ts';
import type { FleetNode } from '../model/fleet-state.ts';
import { isTerminal } from '../model/phase.ts';
import type { BackendTraffic, Position } from '../model/traffic.ts';
import { trialOf } from '../rollout/push.ts';
import type { Transition } from '../rollout/transition.ts';
import { backendTraffic } from '../traffic/backend-traffic.ts';
import { type SimulatedBackend, SimulatedEnvoy } from './envoy.ts';
import type { Histogram } from './histogram.ts';
import type { Random } from './random.ts';
import { isOut, turns, type World } from './world.ts';

const EPOCH = 'simulated';
/** Enough of stable alone for a judge that looks back at it. */
const HISTORY_MS = 960_000;

interface Member {
  readonly fleet: string;
  readonly nodeId: string;
  /** Of each backend that it gets requests to, by name. */
  readonly serves: ReadonlyMap<string, SimulatedEnvoy>;
  /** When in each interval it is scraped. */
  readonly phaseMs: number;
  credited: Position | null;
  creditedAtMs: number;
  /** Changes on their way to it, oldest first. */
  readonly coming: { readonly atMs: number; readonly n: number; readonly tables: readonly BackendTraffic[] }[];
}

interface Setting {
  readonly world: World;
  readonly backends: readonly SimulatedBackend[];
  readonly fleets: readonly string[];
  readonly histogram: Histogram;
  readonly random: Random;
}

/** The Envoys of a world and the Prometheus that scrapes them. Moments are those of the world's clock, epoch ms. */
export class SimulatedFleet {
  readonly #setting: Setting;
  readonly #members: readonly Member[];
  readonly #turns: readonly number[];
  #n = 1;
  #position: Position = { epoch: EPOCH, n: 1 };
  #trial = new Map<string, { readonly by: string; readonly probe: string; readonly position: Position }>();
  #nowMs: number;

  constructor(setting: Setting, tables: readonly BackendTraffic[]) {
    const { world, fleets, random, backends, histogram } = setting;
    this.#setting = setting;
    this.#turns = turns(world);
    this.#nowMs = -HISTORY_MS;
    this.#members = fleets.flatMap((fleet) =>
      Array.from({ length: world.envoys }, (_, i): Member => {
        const nodeId = fleets.length === 1 ? `envoy-${i + 1}` : `${fleet}-${i + 1}`;
        const serves = backends.flatMap((backend, at) => {
          const table = tables[at];
          if (!backend.fleets.includes(fleet) || table === undefined) return [];
          const share = 1 / (backend.fleets.length * world.envoys);
          const own = { world, backend, random, ...histogram, id: nodeId, share };
          return [[table.backend, new SimulatedEnvoy(own, table, this.#nowMs)] as const];
        });
        return {
          ...{ fleet, nodeId, serves: new Map(serves) },
          phaseMs: Math.floor(random.next() * world.scrapeMs),
          ...{ credited: this.#position, creditedAtMs: world.startsAtMs + this.#nowMs },
          coming: [],
        };
      }),
    );
  }

  /** Sends what a decision has changed, to all or to those that try it out. */
  commit({ rollout, backend, others, traffic }: Transition, nowMs: number): void {
    if (!traffic) return;
    this.#n += 1;
    const position = { epoch: EPOCH, n: this.#n };
    const live = isTerminal(rollout.phase) ? null : rollout;
    const tables = [backend, ...others].map((state) => backendTraffic(state, live));
    const probe = isTerminal(rollout.phase) ? null : (rollout.push?.probe ?? null);
    this.#trial = new Map(
      Object.entries(probe ?? {}).map(([fleet, nodeId]) => [fleet, { by: trialOf(rollout), probe: nodeId, position }]),
    );
    if (probe === null) this.#position = position;
    for (const member of this.#members) {
      if (probe !== null && probe[member.fleet] !== member.nodeId) continue;
      const tookMs = this.#setting.world.ackMs * (0.5 + this.#setting.random.next());
      // In order: what comes later does not overtake.
      const atMs = Math.max(nowMs + Math.max(1, Math.round(tookMs)), member.coming.at(-1)?.atMs ?? 0);
      member.coming.push({ atMs, n: this.#n, tables });
    }
  }

  /** When the next Envoy takes something; `null`: nothing is on its way. */
  nextAckMs(): number | null {
    const times = this.#members.flatMap(({ coming }) => coming.slice(0, 1).map(({ atMs }) => atMs));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Serves, scrapes and takes changes until then. */
  advance(toMs: number): void {
    const { world } = this.#setting;
    const untilMs = toMs - world.startsAtMs;
    for (const member of this.#members) {
      const { serves, phaseMs, coming } = member;
      let atMs = this.#nowMs;
      while (atMs < untilMs) {
        const scrapeAtMs = Math.floor((atMs - phaseMs) / world.scrapeMs) * world.scrapeMs + phaseMs + world.scrapeMs;
        const turnMs = this.#turns.find((ms) => ms > atMs) ?? Number.POSITIVE_INFINITY;
        const [change] = coming;
        const changeMs = change === undefined ? Number.POSITIVE_INFINITY : change.atMs - world.startsAtMs;
        atMs = Math.min(scrapeAtMs, turnMs, Math.max(changeMs, atMs), untilMs);
        for (const envoy of serves.values()) envoy.serve(atMs);
        if (change !== undefined && changeMs <= atMs) {
          coming.shift();
          for (const table of change.tables) serves.get(table.backend)?.take(table, atMs);
          member.credited = { epoch: EPOCH, n: change.n };
          member.creditedAtMs = change.atMs;
        }
        if (atMs === scrapeAtMs && !isOut(world, atMs)) for (const envoy of serves.values()) envoy.sample(atMs);
      }
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  observe(): Readonly<Record<string, FleetObservation>> {
    const { fleets, world } = this.#setting;
    return Object.fromEntries(
      fleets.map((fleet) => {
        const nodes = this.#members.filter((member) => member.fleet === fleet).map(nodeOf);
        const state = { fleet, observedSinceMs: world.startsAtMs - HISTORY_MS, complete: true, nodes };
        return [fleet, { state, position: this.#position, trial: this.#trial.get(fleet) ?? null }];
      }),
    );
  }

  counters(asked: {
    readonly clusters: readonly string[];
    readonly families: readonly CounterFamily[];
    readonly fromMs: number;
    readonly toMs: number;
    /** `null`: of all. */
    readonly proxies: readonly (string | null)[] | null;
  }): CountersResult {
    const { world } = this.#setting;
    const sinceStartMs = asked.toMs - world.startsAtMs;
    if (isOut(world, sinceStartMs)) return { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'Prometheus does not answer' };
    const { clusters, families, proxies, fromMs, toMs } = asked;
    const looked = this.#members.filter(({ nodeId }) => proxies === null || proxies.includes(nodeId));
    const series = looked.flatMap(({ serves }) =>
      [...serves.values()].flatMap((envoy) => envoy.series(clusters, families, { fromMs, toMs })),
    );
    return { kind: 'ok', series };
  }
}

function nodeOf({ nodeId, credited, creditedAtMs }: Member): FleetNode {
  return {
    nodeId,
    connected: true,
    ...{ changedAtMs: 0, credited, creditedAtMs, routes: credited, routesAtMs: creditedAtMs, nack: null },
    metricsName: nodeId,
    ...{ envoyVersion: null, replicas: ['simulated'], types: [] },
  };
}
