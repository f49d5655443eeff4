import type { BackendState } from '../model/backend-state.ts';
import type { BackendDocument, Document, PlanDocument, PlanSpec, RouteDocument } from '../model/documents.ts';
import { fail, ok, type Result } from '../model/errors.ts';
import { longestTimeoutMs, targetsOf } from '../model/route-rule.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { previewRevisions } from '../traffic/preview-table.ts';
import type { World } from './world.ts';

/** A rollout that is about to start, and the backend that it is of. */
export interface Release {
  readonly rollout: Rollout;
  readonly backend: BackendState;
}

/** What a rollout may still do behind its deadline. */
const AFTER_DEADLINE_MS = 600_000;

/** Longer than this no run goes on: the deadline of its plan is over, and so is what people do. */
export function longestRunMs({ deadlineMs }: Pick<PlanSpec, 'deadlineMs'>, { people }: Pick<World, 'people'>): number {
  return Math.max(deadlineMs, ...people.commands.map(({ atMs }) => atMs)) + AFTER_DEADLINE_MS;
}

/** What `rollout start` would begin if these documents were all there is. */
export function releaseOf(
  documents: readonly Document[],
  plan: PlanDocument,
  {
    revision,
    stable,
    startsAtMs,
  }: { readonly revision: string; readonly stable: string | null; readonly startsAtMs: number },
): Result<Release> {
  const name = plan.spec.backend;
  if (plan.spec.joint !== undefined) {
    const hint = `Write the plan with \`backend: ${name}\`, and play each backend by itself.`;
    const message = `plan ${plan.name} rolls out several backends together; a world has the two arms of one`;
    return fail('SERIN_REQUEST_INVALID', message, { hint });
  }
  if (plan.spec.variants !== undefined) {
    const message = `plan ${plan.name} tests several variants; a world has the two arms of one canary`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: 'Play the plan without variants, arm by arm.' });
  }
  const own = documents.find(
    (document): document is BackendDocument => document.kind === 'Backend' && document.name === name,
  );
  if (own === undefined) {
    const hint = 'Name its file too: the Backend, the Routes to it and the Plan all have to be there.';
    return fail('SERIN_UNKNOWN_REFERENCE', `plan ${plan.name} is about backend ${name}, which these files lack`, {
      hint,
    });
  }
  const routes = documents
    .filter((document): document is RouteDocument => document.kind === 'Route')
    .map(({ spec }) => spec)
    .filter(({ rules }) => rules.some((rule) => targetsOf(rule).some(({ backend }) => backend === name)));
  if (routes.length === 0) {
    const hint = 'Name the file of a Route whose rules lead to it.';
    return fail('SERIN_UNKNOWN_REFERENCE', `no Route of these files sends requests to backend ${name}`, { hint });
  }
  const arms = previewRevisions(own, { revision, stable });
  if (arms.kind === 'error') return arms;
  const rules = routes.flatMap((route) => route.rules);
  const rollout = newRollout({
    id: 'simulated',
    ...{ plan: plan.name, spec: plan.spec, backend: name, ...arms.value },
    trigger: { revision, endpoints: null },
    fleets: [...new Set(routes.map(({ fleet }) => fleet))].sort(),
    // The Envoys of a world know all that there is.
    requires: [],
    routeTimeoutMs: longestTimeoutMs(rules, name) ?? 0,
    ...{ startedBy: 'ci', createdAtMs: startsAtMs },
  });
  const backend = { backend: name, stable: arms.value.stable, rolloutId: rollout.id, retired: [] };
  return ok({ rollout, backend });
}
