import type { ScalarResult } from '../core/analysis/judge.ts';
import type { FleetObservation } from '../core/fleet/liveness.ts';
import { renderQuery } from '../core/manifest/render-query.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { observationNeeds } from '../core/rollout/needs.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Observations } from '../core/rollout/transition.ts';
import type { Dependencies } from './dependencies.ts';
import { fromStore } from './load.ts';

/** What the fleets say about this backend's traffic. Fails only when the store does. */
export async function observeFleets(
  { traffic, fleets }: Dependencies,
  backend: string,
  fleetNames: readonly string[],
): Promise<Result<Record<string, FleetObservation>>> {
  const observed: Record<string, FleetObservation> = {};
  for (const fleet of fleetNames) {
    // The view first: a credit seen here can then not be newer than the position read after it.
    const state = fleets.state(fleet);
    const standing = fromStore(await traffic.standing(fleet, `backend/${backend}`));
    if (standing.kind === 'error') return standing;
    observed[fleet] = { state, ...standing.value };
  }
  return ok(observed);
}

/** Measures what the record needs, and nothing else. Outages of the metrics source are values in here. */
export async function observe(deps: Dependencies, rollout: Rollout, nowMs: number): Promise<Result<Observations>> {
  const fleets = await observeFleets(deps, rollout.backend, rollout.fleets);
  if (fleets.kind === 'error') return fleets;
  const scrapeMs = slowestScrapeMs(deps, rollout);
  const needs = observationNeeds(rollout, scrapeMs, nowMs);
  const [counters, queries] = await Promise.all([
    needs.counters === null ? null : measureCounters(deps, rollout, needs.counters, nowMs),
    Promise.all(
      needs.queries.map(async (spec): Promise<[string, ScalarResult]> => {
        const query = renderQuery(spec.query, queryValues(rollout, spec.windowMs));
        return [spec.name, await deps.metrics.scalar({ query, atMs: nowMs })];
      }),
    ),
  ]);
  return ok({ fleets: fleets.value, counters, queries: new Map(queries), scrapeMs });
}

/** One fleet without metrics means no evidence at all: `null`. */
export function slowestScrapeMs({ metrics }: Dependencies, rollout: Pick<Rollout, 'fleets'>): number | null {
  const scrapes = rollout.fleets.map((fleet) => metrics.scrapeMs(fleet));
  return scrapes.reduce<number | null>(
    (slowest, ms) => (slowest === null || ms === null ? null : Math.max(slowest, ms)),
    0,
  );
}

async function measureCounters(
  { metrics }: Dependencies,
  rollout: Rollout,
  request: {
    clusters: readonly string[];
    families: Parameters<Dependencies['metrics']['counters']>[0]['families'];
    fromMs: number;
  },
  nowMs: number,
): Promise<Observations['counters']> {
  const results = await Promise.all(
    rollout.fleets.map((fleet) => metrics.counters({ fleet, ...request, toMs: nowMs })),
  );
  const gap = results.find((result) => result.kind === 'gap');
  if (gap !== undefined) return gap;
  return { kind: 'ok', series: results.flatMap((result) => (result.kind === 'ok' ? result.series : [])) };
}

function queryValues(rollout: Rollout, windowMs: number): Parameters<typeof renderQuery>[1] {
  return {
    backend: rollout.backend,
    'canary.revision': rollout.canary.name,
    'canary.cluster': rollout.canary.cluster,
    'stable.revision': rollout.stable?.name ?? '',
    'stable.cluster': rollout.stable?.cluster ?? '',
    window: `${Math.max(1, Math.round(windowMs / 1000))}s`,
  };
}
