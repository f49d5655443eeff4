import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import type { PlanSpec } from '../../../src/core/model/documents.ts';
import { noToll } from '../../../src/core/simulation/envoy.ts';
import { SimulatedFleet } from '../../../src/core/simulation/fleet.ts';
import { histogramOf } from '../../../src/core/simulation/histogram.ts';
import { parseWorld } from '../../../src/core/simulation/parse-world.ts';
import { createRandom } from '../../../src/core/simulation/random.ts';
import { backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { backendState, planSpec, planStep, push, quietTransition, revision, rollout } from '../../support/rollouts.ts';

const SPEC: PlanSpec = planSpec({
  strategy: { name: 'inline', steps: [planStep({ weight: 2_500 })] },
  analysis: [{ kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.01, minRequests: null }],
});
const ARMS = { stable: revision('v1'), canary: revision('v2') };
const WORLD = `requests: 100
envoys: 3
stable: { errors: 0.1, latency: { p50: 40ms, p99: 300ms } }
`;

function fleetIn(worldText: string, seed = 1) {
  const parsed = parseWorld({ file: 'world.yaml', text: worldText }, SPEC);
  if (parsed.kind === 'error') throw new Error(JSON.stringify(parsed.errors));
  const world = parsed.value;
  const toll = noToll();
  const [own] = world.backends;
  const [canary] = own?.arms ?? [];
  if (own === undefined || canary === undefined) throw new Error('a world has a backend');
  const arms = [{ revision: ARMS.canary, world: canary, toll }];
  const backend = { world: own, stable: ARMS.stable, arms, fleets: ['edge'], toll };
  const setting = { world, backends: [backend], fleets: ['edge'], random: createRandom(seed) };
  const table = backendTraffic(backendState({ rolloutId: null }), null);
  const fleet = new SimulatedFleet({ ...setting, histogram: histogramOf(SPEC, world) }, [table]);
  return { fleet, toll, world, at: (ms: number) => world.startsAtMs + ms };
}

const stepping = (fields = {}) =>
  rollout({ spec: SPEC, phase: 'stepping', step: 0, push: push(['envoy-1']), ...fields });
const commit = (fields = {}) => quietTransition({ rollout: stepping(fields), backend: backendState(), traffic: true });

function seriesOf({ fleet, world }: ReturnType<typeof fleetIn>, toMs: number): readonly CounterSeries[] {
  const asked = {
    clusters: [ARMS.stable.cluster, ARMS.canary.cluster],
    families: ['upstream_rq_completed', 'upstream_rq_xx', 'upstream_rq_time_bucket'] as const,
    ...{ fromMs: 0, toMs: world.startsAtMs + toMs, proxies: null },
  };
  const read = fleet.counters(asked);
  if (read.kind === 'gap') throw new Error(read.gap);
  return read.series;
}

const last = (series: readonly CounterSeries[], family: string, cluster: string, label: string) =>
  series
    .filter((one) => one.family === family && one.cluster === cluster && one.label === label)
    .reduce((sum, { points }) => sum + (points.at(-1)?.[1] ?? 0), 0);

describe('Envoys of a world', () => {
  it('give a change that is tried out to one of them alone, and credit nobody else with it', () => {
    const { fleet, at } = fleetIn(WORLD);
    fleet.advance(at(0));
    fleet.commit(commit({ push: push(['envoy-1'], { probe: { edge: 'envoy-2' } }) }), at(0));
    fleet.advance(at(1_000));
    const { state, trial, position } = fleet.observe().edge ?? {};
    expect(trial).toMatchObject({ by: 'rollout/r1', probe: 'envoy-2', position: { n: 2 } });
    expect(position).toMatchObject({ n: 1 });
    expect(state?.nodes.map(({ nodeId, credited }) => [nodeId, credited?.n])).toEqual([
      ['envoy-1', 1],
      ['envoy-2', 2],
      ['envoy-3', 1],
    ]);
  });

  it('take a change for all when it has reached them, and not before', () => {
    const { fleet, at, toll } = fleetIn(WORLD);
    fleet.advance(at(0));
    fleet.commit(commit(), at(0));
    const before = { ...toll };
    expect(fleet.nextAckMs()).toBeGreaterThan(at(0));
    fleet.advance((fleet.nextAckMs() ?? 0) - 1);
    expect(toll.canary).toBe(before.canary);
    fleet.advance(at(60_000));
    expect(fleet.nextAckMs()).toBeNull();
    expect(toll.canary).toBeGreaterThan(0.2 * 100 * 60);
    expect(toll.canary).toBeLessThan(0.3 * 100 * 60);
  });

  it('have counters that only grow and agree with each other, whatever the seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
        const played = fleetIn(WORLD, seed);
        played.fleet.commit(commit(), played.at(0));
        played.fleet.advance(played.at(120_000));
        const series = seriesOf(played, 120_000);
        for (const { points } of series) {
          const values = points.map(([, value]) => value);
          expect(values.toSorted((a, b) => a - b)).toEqual(values);
        }
        for (const { cluster } of Object.values(ARMS)) {
          const completed = last(series, 'upstream_rq_completed', cluster, '');
          const good = last(series, 'upstream_rq_xx', cluster, '2');
          expect(good + last(series, 'upstream_rq_xx', cluster, '5')).toBe(completed);
          expect(last(series, 'upstream_rq_time_bucket', cluster, '+Inf')).toBe(completed);
          expect(last(series, 'upstream_rq_time_bucket', cluster, '50')).toBeLessThanOrEqual(completed);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('are neither scraped nor asked while Prometheus is away', () => {
    const played = fleetIn(`${WORLD}outages: [{ from: 1m, for: 2m }]\n`);
    played.fleet.advance(played.at(240_000));
    const asked = { clusters: [ARMS.stable.cluster], families: ['upstream_rq_xx'] as const, fromMs: 0, proxies: null };
    expect(played.fleet.counters({ ...asked, toMs: played.at(90_000) })).toMatchObject({ gap: 'SOURCE_DOWN' });
    const times = seriesOf(played, 240_000).flatMap(({ points }) => points.map(([tMs]) => tMs - played.at(0)));
    expect(times.some((ms) => ms >= 60_000 && ms < 180_000)).toBe(false);
    expect(times.some((ms) => ms >= 180_000)).toBe(true);
  });
});
