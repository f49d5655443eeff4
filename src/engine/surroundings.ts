import { capabilitiesOfPlan, firstLack, lackSummary, requiredCapabilities } from '../core/fleet/capabilities.ts';
import { hooksOf } from '../core/manifest/check-references.ts';
import type { PlanSpec, RouteDocument, RouteSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { longestTimeoutMs, targetsOf } from '../core/model/route-rule.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import type { Found } from '../core/rollout/queued.ts';
import type { Dependencies } from './dependencies.ts';
import { loadAll } from './load.ts';

/**
 * What a rollout by this plan has around it at this moment. Fails where something is missing without which it could not
 * begin: a route, metrics for its analyses, a notifier, a hook.
 */
export async function surroundings(deps: Dependencies, spec: PlanSpec): Promise<Result<Found>> {
  const routes = await routesTo(deps, spec.backend);
  if (routes.kind === 'error') return routes;
  const fleets = fleetsOf(routes.value);
  const missing = missingParts(deps, spec, fleets);
  if (missing !== null) return fail('SERIN_NOT_READY', missing);
  const requires = [...requiredCapabilities(routes.value), ...capabilitiesOfPlan(spec)];
  // Rules that are part of a rollout cannot be changed while it goes on.
  const rules = routes.value.flatMap((route) => route.rules);
  return ok({ fleets, requires, routeTimeoutMs: longestTimeoutMs(rules, spec.backend) ?? 0 });
}

/** The Routes that send requests to this backend. */
export async function routesTo(
  { records }: Pick<Dependencies, 'records'>,
  backend: string,
): Promise<Result<readonly RouteSpec[]>> {
  const routes = await loadAll(records, 'document/Route/', DocumentRecord);
  if (routes.kind === 'error') return routes;
  const using = routes.value
    .map(({ body }) => body.document)
    .filter((document): document is RouteDocument => document.kind === 'Route')
    .filter(({ spec }) => spec.rules.some((rule) => targetsOf(rule).some((target) => target.backend === backend)));
  return ok(using.map(({ spec }) => spec));
}

export const fleetsOf = (routes: readonly RouteSpec[]): readonly string[] =>
  [...new Set(routes.map(({ fleet }) => fleet))].sort();

function missingParts(deps: Dependencies, spec: PlanSpec, fleets: readonly string[]): string | null {
  if (fleets.length === 0) return `no Route sends requests to backend ${spec.backend}`;
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
