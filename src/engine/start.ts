import { freshBackend, takenBy } from '../core/model/backend-state.ts';
import { besideStable, cutRevision } from '../core/model/cut-revision.ts';
import { type BackendDocument, PLAN_DEFAULTS, type PlanSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { recordGiven } from '../core/replay/record-decision.ts';
import { newRollout } from '../core/rollout/new-rollout.ts';
import { tell } from '../core/rollout/notice.ts';
import type { Found } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { draft, emit, finish, type Transition } from '../core/rollout/transition.ts';
import { beginOnce } from './begin-once.ts';
import { staleBuild, withBuild } from './build-order.ts';
import type { Dependencies } from './dependencies.ts';
import type { Started } from './engine.ts';
import { loadBackend, loadDocument, storeUnavailable } from './load.ts';
import { commit, transitionCommit } from './publish.ts';
import { isTaken, startBehind } from './start-behind.ts';
import { lackingEnvoy, surroundings } from './surroundings.ts';

export interface StartRequest {
  readonly plan: string;
  readonly revision: string;
  readonly endpoints: readonly string[] | null;
  readonly by: string;
  readonly idempotencyKey: string | null;
  /** As in `Engine`. */
  readonly build?: number | undefined;
}

/** Starts a rollout: cuts the revision, freezes the plan, takes ownership of the backend, all in one commit (I8). */
export async function start(deps: Dependencies, request: StartRequest): Promise<Result<Started>> {
  return beginOnce(deps, {
    idempotencyKey: request.idempotencyKey,
    attempt: (id) => attempt(deps, id, request),
    repeated: ({ rev, body }) => repeated(rev, body, request),
    lost: 'other changes kept coming in between; nothing was started',
  });
}

async function attempt(deps: Dependencies, id: string, request: StartRequest): Promise<Result<Started> | 'again'> {
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
  const before = state.value.body ?? freshBackend(spec.backend);
  const stale = staleBuild(before, request);
  if (stale !== null) return stale;
  const backend = withBuild(before, request);
  const taken = takenBy(backend);
  if (taken !== null && (spec.onNewRevision ?? PLAN_DEFAULTS.onNewRevision) === 'reject')
    return isTaken(spec.backend, taken);
  const found = await surroundings(deps, spec);
  if (found.kind === 'error') return found;
  const missing = lackingEnvoy(deps, found.value);
  if (missing !== null) return fail('SERIN_NOT_READY', missing);

  const rollout = cutRollout(deps, id, request, spec, backendDoc, backend.stable, found.value);
  if (rollout.kind === 'error') return rollout;
  if (taken !== null) {
    return startBehind(deps, rollout.value, { key: state.value.key, rev: state.value.rev, body: backend });
  }
  const d = draft(rollout.value, { ...backend, rolloutId: id }, rollout.value.createdAtMs);
  emit(d, 'started', `rollout of ${request.revision} by plan ${request.plan}`, {}, request.by);
  tell(d, 'started', [['By', request.by]]);
  return begin(deps, finish(d, rollout.value, d.nowMs, d.nowMs), state.value.rev, d.nowMs);
}

/** Commits the first moment of a rollout; `again`: somebody else was faster. */
export async function begin(
  deps: Dependencies,
  begun: Transition,
  backendRev: number,
  nowMs: number,
): Promise<Result<Started> | 'again'> {
  const { rollout, backend } = begun;
  const given = recordGiven('start', rollout, backend, nowMs);
  const outcome = await commit(deps, transitionCommit(begun, { rollout: 0, backend: backendRev }, true, given));
  switch (outcome.kind) {
    case 'committed':
      deps.active.note(rollout);
      deps.wakeUps.kick(`rollout/${rollout.id}`);
      return ok({ view: { rev: 1, rollout, laggards: [] }, created: true });
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
  found: Found,
): Result<Rollout> {
  const { revision, endpoints } = request;
  const cut = cutRevision({ backend: spec.backend, spec: backend.spec, revision, endpoints });
  const canary = cut.kind === 'error' ? cut : besideStable(cut.value, stable);
  if (canary.kind === 'error') return canary;
  return ok(
    newRollout({
      id,
      plan: request.plan,
      spec,
      trigger: { revision, endpoints },
      backend: spec.backend,
      canary: canary.value,
      stable,
      startedBy: request.by,
      createdAtMs: deps.clock.now(),
      ...found,
    }),
  );
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
