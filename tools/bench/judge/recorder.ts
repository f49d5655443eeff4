import type { Random } from '../../../src/core/simulation/random.ts';
import { binomial } from '../../../src/core/simulation/sampling.ts';
import type { ArmTraffic, ProxyTraffic } from './traffic.ts';
import type { Disturbance, World } from './world.ts';

interface Counters {
  ok: number;
  bad: number;
  total: number;
  active: number;
  retried: number;
  cut: number;
  timed: number;
  slow: number[];
}

interface Recorded {
  readonly stable: Counters;
  readonly canary: Counters;
  uptimeS: number;
  /** Tells two restarts in a row, after which nothing need have fallen. */
  epoch: number;
  /** Successes that end in the next scrape, by arm. */
  late: { stable: ArmTraffic | null; canary: ArmTraffic | null };
}

export type Arm = Readonly<Record<string, unknown>>;

/** One line of a recording, as `serin analysis replay` reads it. */
export interface RecordedScrape {
  readonly t: number;
  readonly weight: number | null;
  readonly proxies: Readonly<
    Record<string, { readonly uptime: number; readonly epoch: number; readonly stable: Arm; readonly canary?: Arm }>
  >;
}

const ARMS = ['stable', 'canary'] as const;

/** Turns traffic into the counters that Envoys would have shown, with what disturbs a scrape. */
export function createRecorder(world: World, disturbance: Disturbance, random: Random, scrapeS: number) {
  const fresh = (): Counters => ({
    ...{ ok: 0, bad: 0, total: 0, active: 0, retried: 0, cut: 0, timed: 0 },
    slow: world.edgesMs.map(() => 0),
  });
  const proxies = Array.from({ length: world.proxies }, (): Recorded => {
    return { stable: fresh(), canary: fresh(), uptimeS: 3_600, epoch: 0, late: { stable: null, canary: null } };
  });

  const count = (recorded: Recorded, arm: 'stable' | 'canary', traffic: ArmTraffic, kept: number) => {
    const { now, later } = defer(traffic, disturbance.late);
    for (const part of [now, recorded.late[arm]]) {
      if (part === null) continue;
      addTo(recorded[arm], kept < 1 ? thin(random, part, kept) : part);
    }
    recorded.late[arm] = later;
  };

  return (tMs: number, weight: number | null, traffic: readonly ProxyTraffic[], hasCanary: boolean): RecordedScrape => {
    const shown: Record<string, RecordedScrape['proxies'][string]> = {};
    for (const [index, recorded] of proxies.entries()) {
      const one = traffic[index];
      if (one === undefined) continue;
      let kept = 1;
      recorded.uptimeS += scrapeS;
      if (disturbance.restart > 0 && random.next() < disturbance.restart) {
        // What came before the restart is gone with its counters.
        kept = random.next();
        recorded.uptimeS = kept * scrapeS;
        recorded.epoch += 1;
        Object.assign(recorded.stable, fresh());
        Object.assign(recorded.canary, fresh());
      }
      for (const arm of ARMS) count(recorded, arm, one[arm], kept);
      if (disturbance.missing > 0 && random.next() < disturbance.missing) continue;
      shown[`p${index}`] = {
        uptime: recorded.uptimeS,
        epoch: recorded.epoch,
        stable: shownArm(recorded.stable, world),
        ...(hasCanary ? { canary: shownArm(recorded.canary, world) } : {}),
      };
    }
    return { t: tMs, weight, proxies: shown };
  };
}

/** Errors are quick; a share of the successes ends one scrape later. */
function defer(traffic: ArmTraffic, share: number): { now: ArmTraffic; later: ArmTraffic | null } {
  if (share === 0) return { now: traffic, later: null };
  const deferred = Math.round((traffic.completed - traffic.bad) * share);
  const endNow = traffic.completed - deferred;
  // No part may have more slow requests than requests.
  const slowLater = traffic.slow.map((value) =>
    Math.max(value - endNow, Math.min(deferred, Math.round(value * share))),
  );
  return {
    now: {
      ...traffic,
      completed: endNow,
      slow: traffic.slow.map((value, index) => value - (slowLater[index] ?? 0)),
    },
    later: { started: 0, completed: deferred, bad: 0, slow: slowLater, retried: 0, cut: 0 },
  };
}

function thin(random: Random, traffic: ArmTraffic, kept: number): ArmTraffic {
  const bad = binomial(random, traffic.bad, kept);
  const completed = bad + binomial(random, traffic.completed - traffic.bad, kept);
  let above = completed;
  const slow = traffic.slow.map((value) => {
    above = Math.min(above, binomial(random, value, kept));
    return above;
  });
  return {
    started: Math.max(completed, binomial(random, traffic.started, kept)),
    completed,
    bad,
    slow,
    retried: binomial(random, traffic.retried, kept),
    cut: Math.min(completed, binomial(random, traffic.cut, kept)),
  };
}

function addTo(counters: Counters, traffic: ArmTraffic): void {
  counters.ok += traffic.completed - traffic.bad;
  counters.bad += traffic.bad;
  counters.total += traffic.started;
  counters.active = Math.max(0, counters.active + traffic.started - traffic.completed);
  counters.retried += traffic.retried;
  counters.cut += traffic.cut;
  counters.timed += traffic.completed;
  traffic.slow.forEach((value, index) => {
    counters.slow[index] = (counters.slow[index] ?? 0) + value;
  });
}

function shownArm(counters: Counters, { edgesMs }: World): Arm {
  const within = edgesMs.map((edge, index) => [String(edge), counters.timed - (counters.slow[index] ?? 0)] as const);
  return {
    rq_xx: { 2: counters.ok, 5: counters.bad },
    completed: counters.ok + counters.bad,
    total: counters.total,
    active: counters.active,
    retry_5xx: counters.retried,
    rx_reset: counters.cut,
    timeout: 0,
    le: { ...Object.fromEntries(within), '+Inf': counters.timed },
  };
}
