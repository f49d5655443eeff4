import { createHash } from 'node:crypto';
import { firstLack, lackSummary, requiredCapabilities } from '../core/fleet/capabilities.ts';
import { cutRevision } from '../core/model/cut-revision.ts';
import type { BackendDocument, PlanSpec, RouteDocument, RouteSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import { tell } from '../core/rollout/notice.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { draft, emit, finish } from '../core/rollout/transition.ts';
import type { Dependencies } from './dependencies.ts';
import type { RolloutView } from './engine.ts';
import { loadAll, loadBackend, loadDocument, loadRollout, storeUnavailable } from './load.ts';
import { commit, transitionCommit } from './publish.ts';

export interface StartRequest {
  readonly plan: string;
  readonly revision: string;
  readonly endpoints: readonly string[] | null;
  readonly by: string;
  readonly idempotencyKey: string | null;
}

type Started = { readonly view: RolloutView; readonly created: boolean };

const MAX_RACES = 5;

/**
 * Starts a rollout: cuts the revision, freezes the plan, takes ownership of the backend, all in one commit (I8).
 * The rollout's id is made from the idempotency key where there is one, so a repeated trigger finds the first
 * rollout for as long as its record is kept, under concurrent calls too (I14).
 */
export async function start(deps: Dependencies, request: StartRequest): Promise<Result<Started>> {
  const id = request.idempotencyKey === null ? deps.newId() : idFromKey(request.idempotencyKey);
  for (let race = 0; race < MAX_RACES; race += 1) {
    const outcome = await attempt(deps, id, request);
    if (outcome !== 'again') return outcome;
  }
  return fail('SERIN_CONFLICT', 'other changes kept coming in between; nothing was started');
}

async function attempt(deps: Dependencies, id: string, request: StartRequest): Promise<Result<Started> | 'again'> {
  const existing = await loadRollout(deps.records, id);
  if (existing.kind === 'error') return existing;
  if (existing.value.body !== null) return repeated(existing.value.rev, existing.value.body, request);

  const plan = await loadDocument(deps.records, 'Plan', request.plan);
  if (plan.kind === 'error') return plan;
  if (plan.value.body?.document.kind !== 'Plan') return fail('SERIN_NOT_FOUND', `there is no plan ${request.plan}`);
  const spec = plan.value.body.document.spec;

  const doc = await loadDocument(deps.records, 'Backend', spec.backend);
  if (doc.kind === 'error') return doc;
  const backendDoc = doc.value.body?.document;
  if (backendDoc?.kind !== 'Backend') return fail('SERIN_NOT_FOUND', `there is no backend ${spec.backend}`);
  const state = await loadBackend(deps.records, spec.backend);
  if (state.kind === 'error') return state;
  const backend = state.value.body ?? { backend: spec.backend, stable: null, rolloutId: null, retired: [] };
  if (backend.rolloutId !== null) {
    return fail('SERIN_ROLLOUT_ACTIVE', `backend ${spec.backend} is owned by the active rollout ${backend.rolloutId}`);
  }
  const routes = await routesTo(deps, spec.backend);
  if (routes.kind === 'error') return routes;
  const fleets = [...new Set(routes.value.map(({ fleet }) => fleet))].sort();
  const requires = requiredCapabilities(routes.value);
  const missing = missingParts(deps, spec, fleets) ?? lackingEnvoy(deps, fleets, requires);
  if (missing !== null) return fail('SERIN_NOT_READY', missing);

  const rollout = cutRollout(deps, id, request, spec, backendDoc, backend.stable, {
    fleets,
    requires,
  });
  if (rollout.kind === 'error') return rollout;
  const d = draft(rollout.value, { ...backend, rolloutId: id }, rollout.value.createdAtMs);
  emit(d, 'started', `rollout of ${request.revision} by plan ${request.plan}`, {}, request.by);
  tell(d, 'started', [['By', request.by]]);
  const outcome = await commit(
    deps,
    transitionCommit(finish(d, rollout.value, d.nowMs, d.nowMs), { rollout: 0, backend: state.value.rev }, true),
  );
  switch (outcome.kind) {
    case 'committed':
      deps.active.note(rollout.value);
      deps.wakeUps.kick(`rollout/${id}`);
      return ok({ view: { rev: 1, rollout: rollout.value, laggards: [] }, created: true });
    case 'conflict':
      return 'again';
    case 'unavailable':
      return storeUnavailable(outcome);
  }
}

function cutRollout(
  deps: Dependencies,
  id: string,
  request: StartRequest,
  spec: PlanSpec,
  backend: BackendDocument,
  stable: Rollout['stable'],
  { fleets, requires }: Pick<Rollout, 'fleets' | 'requires'>,
): Result<Rollout> {
  const { revision, endpoints } = request;
  const canary = cutRevision({ backend: spec.backend, spec: backend.spec, revision, endpoints });
  if (canary.kind === 'error') return canary;
  if (stable?.key === canary.value.key) {
    return fail('SERIN_CONFLICT', `revision ${revision} of ${spec.backend} is stable already`);
  }
  const nowMs = deps.clock.now();
  return ok({
    id,
    plan: request.plan,
    spec,
    trigger: { revision, endpoints },
    backend: spec.backend,
    fleets,
    canary: canary.value,
    stable,
    phase: 'pending',
    paused: null,
    step: -1,
    attempt: 0,
    startedBy: request.by,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    deadlineAtMs: nowMs + spec.deadlineMs,
    push: null,
    drill: null,
    excluded: {},
    requires,
    aftercare: null,
    approval: null,
    evidence: null,
    cause: null,
    history: [],
    waitingFor: 'the first look at it',
  });
}

function repeated(rev: number, rollout: Rollout, request: StartRequest): Result<Started> {
  const same =
    rollout.plan === request.plan &&
    rollout.trigger.revision === request.revision &&
    JSON.stringify(rollout.trigger.endpoints) === JSON.stringify(request.endpoints);
  if (!same) {
    return fail(
      'SERIN_IDEMPOTENCY_MISMATCH',
      `this Idempotency-Key started ${rollout.plan} with ${rollout.trigger.revision}, which differs from this request`,
    );
  }
  return ok({ view: { rev, rollout, laggards: [] }, created: false });
}

/** The Routes that send requests to this backend. */
async function routesTo({ records }: Dependencies, backend: string): Promise<Result<readonly RouteSpec[]>> {
  const routes = await loadAll(records, 'document/Route/', DocumentRecord);
  if (routes.kind === 'error') return routes;
  const using = routes.value
    .map(({ body }) => body.document)
    .filter((document): document is RouteDocument => document.kind === 'Route')
    .filter(({ spec }) => spec.rules.some((rule) => rule.backend === backend));
  return ok(using.map(({ spec }) => spec));
}

function missingParts(deps: Dependencies, spec: PlanSpec, fleets: readonly string[]): string | null {
  if (fleets.length === 0) return `no Route sends requests to backend ${spec.backend}`;
  const judged = spec.analysis.length > 0 || spec.strategy.steps.some((step) => step.analysis.length > 0);
  const blind = fleets.find((fleet) => deps.metrics.scrapeMs(fleet) === null);
  if (judged && blind !== undefined) {
    return `the plan has analyses, but fleet ${blind} has no metrics configured (prometheus and fleets[].metrics)`;
  }
  const unknown = spec.notify.find((target) => !deps.notifier.targets().includes(target));
  return unknown === undefined ? null : `the plan notifies ${unknown}, which is not among the configured notifiers`;
}

/** Before anything is begun: an Envoy that does not know a field ignores it, and would route otherwise. */
function lackingEnvoy(deps: Dependencies, fleets: readonly string[], requires: Rollout['requires']): string | null {
  const connected = fleets.flatMap((fleet) => deps.fleets.state(fleet).nodes.filter((node) => node.connected));
  const lack = firstLack(connected, requires);
  return lack === null ? null : lackSummary(lack);
}

function idFromKey(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 26);
}
