import { addressesOf } from '../model/api-endpoints.ts';
import type { BackendState } from '../model/backend-state.ts';
import { PLAN_DEFAULTS, type PlanSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { fail, ok, type Result } from '../model/errors.ts';
import { canaryNames, stableNames } from './joint.ts';
import { newRollout } from './new-rollout.ts';
import { tell } from './notice.ts';
import { pushTo, withConnected } from './push.ts';
import type { Member, Rollout } from './rollout.ts';
import { change, draft, emit, finish, type Observations, type Transition, withoutMetrics } from './transition.ts';

/** One of the backends that were promoted together, and where it gets requests. */
export interface UndoPart {
  readonly state: BackendState;
  readonly fleets: readonly string[];
}

export interface UndoInput {
  readonly id: string;
  readonly backend: BackendState;
  /** All backends that were promoted together, in their order; `backend` is the first. @default it alone was */
  readonly parts?: readonly UndoPart[];
  /** The rollout that is to be taken back, where the person named one. */
  readonly of: string | null;
  /** As it is kept; `null`: not any more. */
  readonly undone: Pick<Rollout, 'plan' | 'spec'> | null;
  readonly fleets: readonly string[];
  readonly requires: Rollout['requires'];
  readonly observed: Pick<Observations, 'fleets'>;
  readonly by: string;
  readonly reason: string;
  readonly nowMs: number;
}

/**
 * Back to the revision that was stable before, in one commit and without a canary: a person has decided, and what to go
 * back to was stable. It is a rollout all the same, so it has an id, waits for the Envoys, and has an end.
 */
export function decideUndo(input: UndoInput): Result<Transition> {
  const { id, backend, fleets, requires, by, reason, nowMs } = input;
  const refused = refusal(input);
  if (refused !== null) return refused;
  const { previous, stable } = backend;
  if (previous == null || stable === null) return fail('SERIN_INTERNAL', 'an undo that nothing speaks for');
  const plan = input.undone?.plan ?? backend.backend;
  const [first, ...others] = input.parts ?? [];
  const members = others.flatMap(memberOf);
  const spec = undoSpec(backend.backend, members, input.undone?.spec ?? null);
  const given = {
    ...{ id, plan, spec, backend: backend.backend, fleets, requires, stable },
    ...(first === undefined || members.length === 0 ? {} : { joint: { fleets: first.fleets, others: members } }),
    trigger: { revision: previous.revision.name, endpoints: null },
    canary: previous.revision,
    ...{ startedBy: by, createdAtMs: nowMs },
  };
  const rollout: Rollout = {
    ...newRollout(given),
    ...{ phase: 'promoting', attempt: 1, undoes: previous.rolloutId, waitingFor: 'the ACKs of the counted Envoys' },
  };
  const taken = others.map(({ state }) => ({ ...state, rolloutId: id }));
  const d = draft(rollout, { ...backend, rolloutId: id }, nowMs, {}, taken);
  // Its clusters are with every Envoy: they stay served while it is warm.
  change(d, { push: pushTo(d, withConnected(null, withoutMetrics(input.observed)), { routesOnly: true }) });
  d.traffic = true;
  const words = `undo of rollout ${previous.rolloutId}: all requests go from ${stableNames(rollout)} back to ${canaryNames(rollout)}`;
  emit(d, 'started', `${words} (${reason})`, { weight: TOTAL_WEIGHT }, by);
  tell(d, 'started', [
    ['Reason', reason],
    ['By', by],
  ]);
  return ok(finish(d, rollout, d.nowMs, nowMs));
}

/** What was stable of it before is what it gets. */
function memberOf({ state: { backend, previous, stable }, fleets }: UndoPart): readonly Member[] {
  if (previous == null || stable === null) return [];
  const trigger = { revision: previous.revision.name, endpoints: null };
  return [{ backend, trigger, fleets, routeTimeoutMs: 0, canary: previous.revision, stable }];
}

/** Of backends that were promoted together all go back, or none: each of them has to be able to. */
function refusal(input: UndoInput): ReturnType<typeof fail> | null {
  const { backend, parts = [{ state: backend, fleets: input.fleets }] } = input;
  const id = input.of ?? (parts.length > 1 ? (backend.previous?.rolloutId ?? null) : null);
  for (const { state, fleets } of parts) {
    const refused = refusalOf({ ...input, backend: state, fleets, of: id });
    if (refused !== null) return refused;
  }
  return null;
}

function refusalOf({
  backend,
  of,
  fleets,
  nowMs,
}: Pick<UndoInput, 'backend' | 'of' | 'fleets' | 'nowMs'>): ReturnType<typeof fail> | null {
  const { backend: name, rolloutId, previous, stable } = backend;
  if (rolloutId !== null) {
    const hint = `Abort it first: serin rollout abort ${rolloutId}. That goes back to ${stable?.name ?? 'nothing'}.`;
    return fail('SERIN_ROLLOUT_ACTIVE', `backend ${name} is owned by the active rollout ${rolloutId}`, { hint });
  }
  if (previous == null || stable === null || previous.revision.key === stable.key) {
    return fail('SERIN_NOT_WARM', `backend ${name} has no promotion that could be undone`);
  }
  const { revision, warmUntilMs } = previous;
  if (of !== null && of !== previous.rolloutId) {
    const message = `rollout ${of} did not make ${stable.name} stable, which ${name} has now; ${previous.rolloutId} did`;
    return fail('SERIN_CONFLICT', message);
  }
  const warm = backend.retired.find((one) => one.revision.key === revision.key);
  if (nowMs >= warmUntilMs || warm === undefined || warm.untilMs <= nowMs) {
    const ago = formatDuration(Math.max(0, Math.floor((nowMs - warmUntilMs) / 1_000) * 1_000));
    return fail('SERIN_NOT_WARM', `${revision.name} of ${name} is not warm any more, since ${ago}`);
  }
  // All requests go there at once, and Envoys take a cluster without hosts.
  if (revision.endpoints.kind === 'api' && addressesOf(backend, revision.name).length === 0) {
    const hint = `Tell them first: serin backend endpoints set ${name} --revision ${revision.name} <ip:port>.`;
    return fail('SERIN_NOT_READY', `${revision.name} of ${name} has no endpoints any more`, { hint });
  }
  if (fleets.length === 0) return fail('SERIN_NOT_READY', `no Route sends requests to backend ${name}`);
  return null;
}

/** Of the plan that is undone what still matters: whom to tell, and when an Envoy is late. Nothing is judged. */
function undoSpec(backend: string, members: readonly Member[], undone: PlanSpec | null): PlanSpec {
  return {
    backend,
    ...(members.length === 0 ? {} : { joint: { others: members.map((member) => member.backend) } }),
    strategy: { name: 'undo', steps: [] },
    analysis: [],
    judge: { name: 'threshold' },
    deadlineMs: undone?.deadlineMs ?? PLAN_DEFAULTS.deadlineMs,
    inconclusiveAfterMs: undone?.inconclusiveAfterMs ?? PLAN_DEFAULTS.inconclusiveAfterMs,
    ackTimeoutMs: undone?.ackTimeoutMs ?? PLAN_DEFAULTS.ackTimeoutMs,
    // Who has not answered may still send requests to what was left.
    onLaggard: 'hold',
    onRollback: { closeStreamsAfterMs: null },
    notify: undone?.notify ?? [],
  };
}
