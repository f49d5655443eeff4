import { capabilitiesOfPlan, firstLack, lackSummary, requiredCapabilities } from '../core/fleet/capabilities.ts';
import { hooksOf } from '../core/manifest/check-references.ts';
import type { PlanSpec, RouteSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { backendsOfPlan } from '../core/model/joint-spec.ts';
import { longestTimeoutMs, targetsOf } from '../core/model/route-rule.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import type { Found } from '../core/rollout/queued.ts';
import type { Dependencies } from './dependencies.ts';
import { loadAll } from './load.ts';

/** Of the whole rollout, and of each of its backends, the first one first. */
export interface Surroundings extends Found {
  readonly parts: readonly Pick<Found, 'fleets' | 'routeTimeoutMs'>[];
}

/**
 * What a rollout by this plan has around it at this moment. Fails where something is missing without which it could not
 * begin: a route, metrics for its analyses, a notifier, a hook.
 */
export async function surroundings(deps: Dependencies, spec: PlanSpec): Promise<Result<Surroundings>> {
  const backends = backendsOfPlan(spec);
  const loaded = await routesTo(deps, ...backends);
  if (loaded.kind === 'error') return loaded;
  const routes = loaded.value;
  const parts = backends.map((backend) => {
    const own = routes.filter((route) => leadsTo(route, backend));
    // Rules that are part of a rollout cannot be changed while it goes on.
    const rules = own.flatMap((route) => route.rules);
    return { backend, fleets: fleetsOf(own), routeTimeoutMs: longestTimeoutMs(rules, backend) ?? 0 };
  });
  const fleets = fleetsOf(routes);
  const unrouted = parts.find((part) => part.fleets.length === 0);
  const missing =
    unrouted === undefined
      ? missingParts(deps, spec, fleets)
      : `no Route sends requests to backend ${unrouted.backend}`;
  if (missing !== null) return fail('SERIN_NOT_READY', missing);
  const requires = [...requiredCapabilities(routes), ...capabilitiesOfPlan(spec)];
  return ok({ fleets, requires, routeTimeoutMs: parts[0]?.routeTimeoutMs ?? 0, parts });
}

/** The Routes that send requests to any of these backends. */
export async function routesTo(
  deps: Pick<Dependencies, 'records'>,
  ...backends: readonly string[]
): Promise<Result<readonly RouteSpec[]>> {
  const routes = await loadRoutes(deps);
  if (routes.kind === 'error') return routes;
  return ok(routes.value.filter((route) => backends.some((backend) => leadsTo(route, backend))));
}

export function leadsTo({ rules }: RouteSpec, backend: string): boolean {
  return rules.some((rule) => targetsOf(rule).some((target) => target.backend === backend));
}

async function loadRoutes({ records }: Pick<Dependencies, 'records'>): Promise<Result<readonly RouteSpec[]>> {
  const routes = await loadAll(records, 'document/Route/', DocumentRecord);
  if (routes.kind === 'error') return routes;
  const documents = routes.value.map(({ body }) => body.document);
  return ok(documents.flatMap((document) => (document.kind === 'Route' ? [document.spec] : [])));
}

export const fleetsOf = (routes: readonly RouteSpec[]): readonly string[] =>
  [...new Set(routes.map(({ fleet }) => fleet))].sort();

function missingParts(deps: Dependencies, spec: PlanSpec, fleets: readonly string[]): string | null {
  const judged = spec.analysis.length > 0 || spec.strategy.steps.some((step) => step.analysis.length > 0);
  const blind = fleets.find((fleet) => deps.metrics.scrapeMs(fleet) === null);
  if (judged && blind !== undefined) {
    return `the plan has analyses, but fleet ${blind} has no metrics configured (prometheus and fleets[].metrics)`;
  }
  const unknown = spec.notify.find((target) => !deps.notifier.targets().includes(target));
  if (unknown !== undefined) return `the plan notifies ${unknown}, which is not among the configured notifiers`;
  const hook = hooksOf(spec).find(({ target }) => !deps.hooks.targets().includes(target));
  return hook === undefined ? null : `a step of the plan asks ${hook.target}, which is not among the configured hooks`;
}

/** Before anything is begun: an Envoy that does not know a field ignores it, and would route otherwise. */
export function lackingEnvoy(deps: Dependencies, { fleets, requires }: Found): string | null {
  const connected = fleets.flatMap((fleet) => deps.fleets.state(fleet).nodes.filter((node) => node.connected));
  const lack = firstLack(connected, requires);
  return lack === null ? null : lackSummary(lack);
}
