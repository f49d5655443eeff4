import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { seeded } from '../../support/random.ts';

export const SCRAPE_MS = 15_000;
export const HISTORY = 60;
const START_MS = 1_700_000_000_000 - (1_700_000_000_000 % SCRAPE_MS);
/** The canary's first step. */
export const FIRST_MS = START_MS + HISTORY * SCRAPE_MS + 3_000;

export interface World {
  readonly rps: number;
  readonly proxies: number;
  readonly stableRate: number;
  /** By seconds since the first step. */
  readonly canaryRate: (s: number) => number;
  readonly share: (ms: number) => number;
  readonly scrapes: number;
  readonly slow?: number;
  /** With edges that tell nothing: none is so fast, all are faster than so slow. */
  readonly moreEdges?: boolean;
  /** A bad answer is a 429. */
  readonly limited?: boolean;
  readonly seed?: number;
}

const series = new Map<string, CounterSeries[]>();

/** Counters of every proxy as they would have been scraped, each at its own moment of the interval. */
export function play(world: World): readonly CounterSeries[] {
  const key = JSON.stringify([world, world.canaryRate.toString(), world.share.toString()]);
  const known = series.get(key);
  if (known !== undefined) return known;
  const random = seeded(world.seed ?? 1);
  const all: CounterSeries[] = [];
  for (let p = 0; p < world.proxies; p += 1) {
    const phaseMs = 2_000 + Math.floor((p * 9_000) / world.proxies);
    const counts = { stable: [0, 0, 0], canary: [0, 0, 0] };
    const points = new Map<string, [number, number][]>();
    const note = (cluster: string, family: CounterSeries['family'], label: string, tMs: number, value: number) => {
      const name = [cluster, family, label].join('\n');
      points.set(name, [...(points.get(name) ?? []), [tMs, value]]);
    };
    for (let i = 0; i < world.scrapes; i += 1) {
      const tMs = START_MS + i * SCRAPE_MS + phaseMs;
      const n = Math.round((world.rps * SCRAPE_MS) / 1_000 / world.proxies);
      for (const cluster of ['stable', 'canary'] as const) {
        const share = world.share(tMs - SCRAPE_MS / 2);
        const own = cluster === 'canary' ? share : 1 - share;
        const rate = cluster === 'canary' ? world.canaryRate((tMs - FIRST_MS) / 1_000) : world.stableRate;
        for (let k = 0; k < n; k += 1) {
          if (!random.chance(own)) continue;
          const failed = random.chance(rate);
          counts[cluster][failed ? 1 : 0] = (counts[cluster][failed ? 1 : 0] ?? 0) + 1;
          if (random.chance(cluster === 'canary' ? (world.slow ?? 0.05) : 0.05)) {
            counts[cluster][2] = (counts[cluster][2] ?? 0) + 1;
          }
        }
        const [good = 0, bad = 0, slow = 0] = counts[cluster];
        note(cluster, 'upstream_rq_completed', '', tMs, good + bad);
        if (good > 0) note(cluster, 'upstream_rq_xx', '2', tMs, good);
        if (bad > 0) note(cluster, 'upstream_rq_xx', world.limited === true ? '4' : '5', tMs, bad);
        if (bad > 0 && world.limited === true) note(cluster, 'upstream_rq', '429', tMs, bad);
        note(cluster, 'upstream_rq_timeout', '', tMs, 0);
        if (good + bad > 0) {
          if (world.moreEdges === true) note(cluster, 'upstream_rq_time_bucket', '1', tMs, 0);
          note(cluster, 'upstream_rq_time_bucket', '250', tMs, good + bad - slow);
          if (world.moreEdges === true) note(cluster, 'upstream_rq_time_bucket', '5000', tMs, good + bad);
          note(cluster, 'upstream_rq_time_bucket', '+Inf', tMs, good + bad);
        }
      }
      note('', 'server_uptime', '', tMs, 1_000 + i * 15);
    }
    for (const [name, own] of points) {
      const [cluster = '', family = '', label = ''] = name.split('\n');
      all.push({ proxy: `p${p}`, cluster, family: family as CounterSeries['family'], label, points: own });
    }
  }
  series.set(key, all);
  return all;
}
