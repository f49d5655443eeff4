import type { BackendState } from '../model/backend-state.ts';
import type { BackendDocument, Document, PlanDocument, PlanSpec, RouteDocument } from '../model/documents.ts';
import { fail, ok, type Result } from '../model/errors.ts';
import { backendsOfPlan } from '../model/joint-spec.ts';
import { longestTimeoutMs, targetsOf } from '../model/route-rule.ts';
import { newRollout } from '../rollout/new-rollout.ts';
import type { Member, Rollout } from '../rollout/rollout.ts';
import { previewRevisions, previewVariants } from '../traffic/preview-table.ts';
import type { World } from './world.ts';

/** A rollout that is about to start, and the backends that it is of, its own first. */
export interface Release {
  readonly rollout: Rollout;
  readonly backends: readonly BackendState[];
}

/** What a rollout may still do behind its deadline. */
const AFTER_DEADLINE_MS = 600_000;

/** Longer than this no run goes on: the deadline of its plan is over, and so is what people do. */
export function longestRunMs({ deadlineMs }: Pick<PlanSpec, 'deadlineMs'>, { people }: Pick<World, 'people'>): number {
  return Math.max(deadlineMs, ...people.commands.map(({ atMs }) => atMs)) + AFTER_DEADLINE_MS;
}

interface Asked {
  readonly revision: string;
  readonly stable: string | null;
  readonly startsAtMs: number;
}

/** What `rollout start` would begin if these documents were all there is. */
export function releaseOf(documents: readonly Document[], plan: PlanDocument, asked: Asked): Result<Release> {
  const released: Released[] = [];
  for (const backend of backendsOfPlan(plan.spec)) {
    const member = memberOf(documents, plan.name, backend, asked);
    if (member.kind === 'error') return member;
    released.push(member.value);
  }
  const members = released.map(({ member }) => member);
  const [own] = released;
  const [first, ...others] = members;
  if (own === undefined || first === undefined) throw new Error('a plan has a backend');
  const { backend, trigger, routeTimeoutMs, canary, stable } = first;
  const variants = previewVariants(own.document, plan, stable);
  if (variants.kind === 'error') return variants;
  const rollout = newRollout({
    id: 'simulated',
    ...{ plan: plan.name, spec: plan.spec, backend, trigger, routeTimeoutMs, canary, stable },
    ...(others.length === 0 ? {} : { joint: { fleets: first.fleets, others } }),
    ...(variants.value.length === 0 ? {} : { variants: variants.value }),
    fleets: [...new Set(members.flatMap(({ fleets }) => fleets))].sort(),
    // The Envoys of a world know all that there is.
    requires: [],
    ...{ startedBy: 'ci', createdAtMs: asked.startsAtMs },
  });
  const backends = members.map((member) => ({
    ...{ backend: member.backend, stable: member.stable, rolloutId: rollout.id, retired: [] },
  }));
  return ok({ rollout, backends });
}

interface Released {
  readonly document: BackendDocument;
  readonly member: Member;
}

function memberOf(
  documents: readonly Document[],
  plan: string,
  name: string,
  { revision, stable }: Asked,
): Result<Released> {
  const document = documents.find((one): one is BackendDocument => one.kind === 'Backend' && one.name === name);
  if (document === undefined) {
    const hint = 'Name its file too: the Backend, the Routes to it and the Plan all have to be there.';
    return fail('SERIN_UNKNOWN_REFERENCE', `plan ${plan} is about backend ${name}, which these files lack`, { hint });
  }
  const routes = documents
    .filter((one): one is RouteDocument => one.kind === 'Route')
    .map(({ spec }) => spec)
    .filter(({ rules }) => rules.some((rule) => targetsOf(rule).some(({ backend }) => backend === name)));
  if (routes.length === 0) {
    const hint = 'Name the file of a Route whose rules lead to it.';
    return fail('SERIN_UNKNOWN_REFERENCE', `no Route of these files sends requests to backend ${name}`, { hint });
  }
  const arms = previewRevisions(document, { revision, stable });
  if (arms.kind === 'error') return arms;
  const rules = routes.flatMap((route) => route.rules);
  const member: Member = {
    ...{ backend: name, trigger: { revision, endpoints: null }, ...arms.value },
    fleets: [...new Set(routes.map(({ fleet }) => fleet))].sort(),
    routeTimeoutMs: longestTimeoutMs(rules, name) ?? 0,
  };
  return ok({ document, member });
}
