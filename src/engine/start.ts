import { type BackendState, takenBy } from '../core/model/backend-state.ts';
import { PLAN_DEFAULTS, type PlanSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import type { PlanTrigger } from '../core/model/plan-trigger.ts';
import type { Revision } from '../core/model/revision.ts';
import { recordGiven } from '../core/replay/record-decision.ts';
import { canaryNames, isSeveral, partsOf } from '../core/rollout/joint.ts';
import { newRollout } from '../core/rollout/new-rollout.ts';
import { tell } from '../core/rollout/notice.ts';
import type { Member, Rollout } from '../core/rollout/rollout.ts';
import { draft, emit, finish, type Transition } from '../core/rollout/transition.ts';
import { beginOnce } from './begin-once.ts';
import type { Dependencies } from './dependencies.ts';
import type { Started } from './engine.ts';
import { loadDocument, revsOf, storeUnavailable } from './load.ts';
import { commit, transitionCommit } from './publish.ts';
import { isTaken, startBehind } from './start-behind.ts';
import { type BackendTrigger, cutCanary, loadMembers, type StartMember, triggersOf } from './start-members.ts';
import { cutVariants, sameVariants, type VariantTriggers, variantTriggers } from './start-variants.ts';
import { lackingEnvoy, type Surroundings, surroundings } from './surroundings.ts';

export interface StartRequest {
  readonly plan: string;
  /** `null`: `backends` names one for each. */
  readonly revision: string | null;
  readonly endpoints: readonly string[] | null;
  /** Of a joint plan what differs from it, by backend. @default nothing */
  readonly backends?: Readonly<Record<string, BackendTrigger>> | undefined;
  /** Of a test, by name. @default it has none */
  readonly variants?: VariantTriggers | undefined;
  readonly by: string;
  readonly idempotencyKey: string | null;
  /** Asked for the plan's own `revision`: does it still want it? An older one must not take the place of a newer one. */
  readonly isWanted?: ((now: PlanTrigger | undefined) => boolean) | undefined;
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
  // What has begun since then has changed the backend, whose record fences this start.
  if (request.isWanted?.(plan.value.body.trigger) === false) {
    return fail('SERIN_CONFLICT', `plan ${request.plan} wants another revision by now`);
  }
  const spec = plan.value.body.document.spec;

  const loaded = await loadMembers(deps, spec, request);
  if (loaded.kind === 'error') return loaded;
  const members = loaded.value;
  const [first, ...others] = members;
  if (first === undefined) return fail('SERIN_INTERNAL', `plan ${request.plan} has no backend`);
  // All are taken in one commit or none: one that another rollout has is enough.
  const busy = members.find(({ state }) => takenBy(state.body) !== null);
  const queues = !isSeveral(spec) && (spec.onNewRevision ?? PLAN_DEFAULTS.onNewRevision) !== 'reject';
  if (busy !== undefined && !queues) return isTaken(busy.name, takenBy(busy.state.body) ?? '');
  const found = await surroundings(deps, spec);
  if (found.kind === 'error') return found;
  const missing = lackingEnvoy(deps, found.value);
  if (missing !== null) return fail('SERIN_NOT_READY', missing);

  const cut = cutRollout(deps, id, request, spec, members, found.value);
  if (cut.kind === 'error') return cut;
  const rollout = cut.value;
  if (busy !== undefined) return startBehind(deps, rollout, first.state);
  const [own, ...more] = members.map(({ state }): BackendState => ({ ...state.body, rolloutId: id }));
  const d = draft(rollout, own ?? first.state.body, rollout.createdAtMs, {}, more);
  emit(d, 'started', `rollout of ${canaryNames(rollout)} by plan ${request.plan}`, {}, request.by);
  tell(d, 'started', [['By', request.by]]);
  const revs = { backend: first.state.rev, ...revsOf(others.map(({ state }) => state)) };
  return begin(deps, finish(d, rollout, d.nowMs, d.nowMs), revs, d.nowMs);
}

/** Commits the first moment of a rollout; `again`: somebody else was faster. */
export async function begin(
  deps: Dependencies,
  begun: Transition,
  backends: { readonly backend: number; readonly others?: readonly number[] },
  nowMs: number,
): Promise<Result<Started> | 'again'> {
  const { rollout } = begun;
  const given = recordGiven('start', begun, nowMs);
  const outcome = await commit(deps, transitionCommit(begun, { rollout: 0, ...backends }, true, given));
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
  members: readonly StartMember[],
  { parts, ...found }: Surroundings,
): Result<Rollout> {
  const cuts: Member[] = [];
  for (const [i, member] of members.entries()) {
    const canary = cutCanary(member);
    if (canary.kind === 'error') return canary;
    const { name, trigger, state } = member;
    const { stable } = state.body;
    if (stable === null && isSeveral(spec)) {
      const what =
        spec.joint === undefined ? 'a test compares with it' : 'a joint rollout has to have a way back for each';
      const message = `backend ${name} has no stable revision yet: ${what}`;
      return fail('SERIN_NOT_READY', message, { hint: 'Roll its first revision out by a plan of its own.' });
    }
    const { fleets, routeTimeoutMs } = parts[i] ?? found;
    // Only the first one may lack something to go back to, and then it is alone.
    cuts.push({ backend: name, trigger, fleets, routeTimeoutMs, canary: canary.value, stable: stable as Revision });
  }
  const [first, ...others] = cuts;
  const [member] = members;
  if (first === undefined || member === undefined) {
    return fail('SERIN_INTERNAL', `plan ${request.plan} has no backend`);
  }
  const triggers = variantTriggers(spec, request.variants);
  const variants = triggers.kind === 'error' ? triggers : cutVariants(member, first.canary, triggers.value);
  if (variants.kind === 'error') return variants;
  const { revision: _, ...plan } = spec;
  return ok(
    newRollout({
      id,
      plan: request.plan,
      spec: plan,
      trigger: first.trigger,
      backend: first.backend,
      canary: first.canary,
      stable: first.stable,
      startedBy: request.by,
      createdAtMs: deps.clock.now(),
      ...found,
      ...(spec.joint === undefined ? {} : { joint: { fleets: first.fleets, others } }),
      ...(variants.value.length === 0 ? {} : { variants: variants.value }),
    }),
  );
}

function repeated(rev: number, rollout: Rollout, request: StartRequest): Result<Started> {
  const asked = triggersOf(rollout.spec, request);
  const same = (a: Rollout['trigger'], b: Rollout['trigger'] | undefined): boolean =>
    a.revision === b?.revision && JSON.stringify(a.endpoints) === JSON.stringify(b.endpoints);
  const is =
    rollout.plan === request.plan &&
    asked.kind === 'ok' &&
    (rollout.variants === undefined ? partsOf(rollout) : [rollout]).every(({ trigger }, i) =>
      same(trigger, asked.value[i]),
    ) &&
    sameVariants(rollout, request.variants);
  if (!is) {
    return fail(
      'SERIN_IDEMPOTENCY_MISMATCH',
      `this Idempotency-Key started ${rollout.plan} with ${rollout.trigger.revision}, which differs from this request`,
    );
  }
  return ok({ view: { rev, rollout, laggards: [] }, created: false });
}
