import { baselineOf, type ScalarResult } from '../core/analysis/judge.ts';
import { GUARD_WINDOW_MS, type LoadReport } from '../core/analysis/push-guard.ts';
import { READOUT_ARMS, type ReadoutArm, readoutQuestions } from '../core/analysis/readout/take-readout.ts';
import type { FleetObservation } from '../core/fleet/liveness.ts';
import { asOf } from '../core/fleet/reached-marks.ts';
import { renderQuery } from '../core/manifest/render-query.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { pinnedCluster } from '../core/model/revision.ts';
import type { Breaker } from '../core/rollout/breaker.ts';
import { answerKey, partName, partsOf } from '../core/rollout/joint.ts';
import { judgedProxies } from '../core/rollout/judge-push.ts';
import { currentAnalysis, memoriesOf, observationNeeds } from '../core/rollout/needs.ts';
import { trialOf } from '../core/rollout/push.ts';
import { queryValues } from '../core/rollout/query-values.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Observations, StepInput } from '../core/rollout/transition.ts';
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

/**
 * The same of all backends of a rollout: where several are in one fleet, as of the last change of any of them. Times at
 * which nodes reached something are about that change.
 */
export async function observeRollout(
  deps: Dependencies,
  rollout: Rollout,
): Promise<Result<Record<string, FleetObservation>>> {
  const observed: Record<string, FleetObservation> = {};
  for (const { backend, fleets } of partsOf(rollout)) {
    const seen = await observeFleets(deps, backend, fleets);
    if (seen.kind === 'error') return seen;
    for (const [fleet, one] of Object.entries(seen.value)) observed[fleet] = later(observed[fleet], one);
  }
  for (const [fleet, one] of Object.entries(observed)) {
    observed[fleet] = { ...one, state: { ...one.state, nodes: asOf(one.state.nodes, one.position) } };
  }
  return ok(observed);
}

function later(before: FleetObservation | undefined, now: FleetObservation): FleetObservation {
  if (before?.position == null || now.position === null) return now;
  // A new epoch begins anew; the view that was read first stays: no credit in it is newer than the positions.
  const { epoch, n } = before.position;
  const position = epoch === now.position.epoch && n > now.position.n ? before.position : now.position;
  return { ...now, state: before.state, position };
}

/** Measures what the record needs, and nothing else. Outages of the metrics source are values in here. */
export async function observe(
  deps: Dependencies,
  rollout: Rollout,
  { breaker, ...judged }: { readonly breaker: Breaker } & Pick<StepInput, 'judgement' | 'judgements'>,
  nowMs: number,
): Promise<Result<Observations>> {
  const fleets = await observeRollout(deps, rollout);
  if (fleets.kind === 'error') return fleets;
  for (const [fleet, seen] of Object.entries(fleets.value)) {
    if (seen.trial?.by !== trialOf(rollout)) continue;
    const unservable = await unservableTrial(deps, fleet, seen.trial.by);
    if (unservable.kind === 'error') return unservable;
    if (unservable.value !== null) fleets.value[fleet] = { ...seen, unservable: unservable.value };
  }
  const scrapeMs = slowestScrapeMs(deps, rollout);
  const needs = observationNeeds(rollout, scrapeMs, nowMs, breaker, judged);
  const asksNothing = needs.counters === null && needs.queries.length + needs.readout.length === 0;
  const offsetMs = asksNothing ? undefined : await deps.metrics.offsetMs();
  const atMs = nowMs + (offsetMs ?? 0);
  const [counters, queries] = await Promise.all([
    needs.counters === null
      ? null
      : measureCounters(
          deps,
          rollout,
          { ...needs.counters, ...chosenProxies(rollout, fleets.value, judged) },
          { fromMs: needs.counters.fromMs(offsetMs ?? 0), toMs: atMs },
        ),
    Promise.all([
      ...partsOf(rollout).flatMap((part) =>
        needs.queries.flatMap(({ name, query, baseline, relative, windowMs }) => {
          const key = (own: string) => answerKey(rollout, partName(part), own);
          return [
            ask(deps, key(name), renderQuery(query, queryValues(part, windowMs)), atMs),
            ...(relative === undefined
              ? []
              : [ask(deps, key(baselineOf(name)), baselineQuery(part, { query, baseline, windowMs }), atMs)]),
          ];
        }),
      ),
      ...partsOf(rollout).flatMap((part, i) =>
        needs.readout.flatMap((metric) =>
          // Of stable it is asked once, for all that are compared with it.
          (i === 0 ? READOUT_ARMS : (['canary'] as const)).flatMap((arm) =>
            readoutQuestions(metric, arm).map(({ key, query }) => {
              const own = answerKey(rollout, partName(part), key);
              return ask(deps, own, renderQuery(query, armValues(part, arm, nowMs)), atMs);
            }),
          ),
        ),
      ),
    ]),
  ]);
  const loadReports = recentReports(deps, rollout, nowMs);
  const seen = { fleets: fleets.value, counters, queries: new Map(queries), scrapeMs, loadReports };
  return ok(offsetMs === undefined ? seen : { ...seen, offsetMs });
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

/** Of all arms, since the step was committed: what came before was of another split. */
export function recentReports(
  { loadReports }: Pick<Dependencies, 'loadReports'>,
  rollout: Rollout,
  nowMs: number,
): readonly LoadReport[] {
  const { push, phase } = rollout;
  if (push === null || (phase !== 'stepping' && phase !== 'promoting')) return [];
  const sinceMs = Math.max(push.committedAtMs, nowMs - GUARD_WINDOW_MS);
  const parts = partsOf(rollout);
  return rollout.fleets.flatMap((fleet) => {
    const here = parts.filter(({ fleets, stable }) => stable !== null && fleets.includes(fleet));
    const clusters = here.flatMap(({ stable, canary }) => [stable?.cluster ?? '', canary.cluster]);
    return clusters.length === 0 ? [] : loadReports.since(fleet, [...new Set(clusters)], sinceMs);
  });
}

/** One fleet without metrics means no evidence at all: `null`. */
export function slowestScrapeMs({ metrics }: Dependencies, rollout: Pick<Rollout, 'fleets'>): number | null {
  const scrapes = rollout.fleets.map((fleet) => metrics.scrapeMs(fleet));
  return scrapes.reduce<number | null>(
    (slowest, ms) => (slowest === null || ms === null ? null : Math.max(slowest, ms)),
    0,
  );
}

/** Empty where all Envoys are looked at. */
function chosenProxies(
  rollout: Rollout,
  fleets: Observations['fleets'],
  judged: Pick<StepInput, 'judgement' | 'judgements'>,
): { readonly proxies?: readonly string[] } {
  if (currentAnalysis(rollout).length === 0) return {};
  const memories = memoriesOf(rollout, judged);
  const chosen = [...new Set(partsOf(rollout).flatMap((part) => judgedProxies(part, fleets, memories)))];
  const counted = Object.values(rollout.push?.counted ?? {}).flat();
  return chosen.length >= counted.length ? {} : { proxies: chosen.filter((name) => name !== null) };
}

async function measureCounters(
  { metrics }: Dependencies,
  rollout: Rollout,
  request: {
    clusters: readonly string[];
    families: Parameters<Dependencies['metrics']['counters']>[0]['families'];
    codes: readonly string[];
    edges?: readonly number[];
    proxies?: readonly string[];
  },
  range: { fromMs: number; toMs: number },
): Promise<Observations['counters']> {
  const results = await Promise.all(
    rollout.fleets.map((fleet) => {
      const clusters = clustersIn(rollout, fleet, request.clusters);
      return metrics.counters({ fleet, ...request, ...range, clusters });
    }),
  );
  const gap = results.find((result) => result.kind === 'gap');
  if (gap !== undefined) return gap;
  return { kind: 'ok', series: results.flatMap((result) => (result.kind === 'ok' ? result.series : [])) };
}

/** Not every backend of a joint rollout is in every fleet of it: elsewhere nobody knows its clusters. */
function clustersIn(rollout: Rollout, fleet: string, clusters: readonly string[]): readonly string[] {
  if (rollout.joint === undefined) return clusters;
  const elsewhere = partsOf(rollout).filter(({ fleets }) => !fleets.includes(fleet));
  const foreign = new Set(
    elsewhere.flatMap(({ canary, stable }) => [canary.cluster, pinnedCluster(canary), stable?.cluster]),
  );
  return clusters.filter((cluster) => !foreign.has(cluster));
}

async function ask(
  { metrics }: Dependencies,
  name: string,
  query: string,
  atMs: number,
): Promise<readonly [string, ScalarResult]> {
  return [name, await metrics.scalar({ query, atMs })];
}

/** Without a query of its own the same one is asked, with stable in the canary's place. */
function baselineQuery(
  rollout: Rollout,
  {
    query,
    baseline,
    windowMs,
  }: { readonly query: string; readonly baseline: string | undefined; readonly windowMs: number },
): string {
  const values = queryValues(rollout, windowMs);
  if (baseline !== undefined) return renderQuery(baseline, values);
  const { 'stable.revision': revision, 'stable.cluster': cluster } = values;
  const stable = { 'canary.revision': revision, 'canary.cluster': cluster };
  return renderQuery(query, { ...values, ...stable, 'arm.revision': revision, 'arm.cluster': cluster });
}

/** The window of a readout is the time since its step was everywhere: what came before was split otherwise. */
function armValues(rollout: Rollout, arm: ReadoutArm, nowMs: number): Parameters<typeof renderQuery>[1] {
  const values = queryValues(rollout, nowMs - (rollout.push?.liveAtMs ?? nowMs));
  return { ...values, 'arm.revision': values[`${arm}.revision`], 'arm.cluster': values[`${arm}.cluster`] };
}
