import type { ScalarResult } from '../core/analysis/judge.ts';
import type { FleetObservation } from '../core/fleet/liveness.ts';
import { renderQuery } from '../core/manifest/render-query.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { observationNeeds } from '../core/rollout/needs.ts';
import { trialOf } from '../core/rollout/push.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Observations } from '../core/rollout/transition.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import { trialResources } from '../core/traffic/with-trial.ts';
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
  for (const [fleet, seen] of Object.entries(fleets.value)) {
    if (seen.trial?.by !== trialOf(rollout)) continue;
    const unservable = await unservableTrial(deps, fleet, seen.trial.by);
    if (unservable.kind === 'error') return unservable;
    if (unservable.value !== null) fleets.value[fleet] = { ...seen, unservable: unservable.value };
  }
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

/**
 * Why the table with this trial cannot be served; `null`: it can, it is over, or the table without it cannot either.
 * Asked of the records, not of the xDS side: that may be another process, and an ACK cannot tell what it was about.
 */
async function unservableTrial({ traffic }: Dependencies, fleet: string, by: string): Promise<Result<string | null>> {
  const read = fromStore(await traffic.table(fleet));
  if (read.kind === 'error') return read;
  if (read.value.trial?.by !== by) return ok(null);
  const tried = trialResources(read.value);
  if (tried?.kind !== 'error' || buildResources(read.value).kind === 'error') return ok(null);
  return ok(tried.errors[0]?.message ?? 'its table is inconsistent');
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
