import { type BackendState, freshBackend, takenBy } from '../core/model/backend-state.ts';
import { PLAN_DEFAULTS, type PlanDocument } from '../core/model/documents.ts';
import { type ErrorCode, ok, type Result, type SerinError } from '../core/model/errors.ts';
import { backendsOfPlan } from '../core/model/joint-spec.ts';
import { type PlanTrigger, wantedOf, wantedText } from '../core/model/plan-trigger.ts';
import type { KeptDocument } from '../core/model/stored.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, documentKey, type Held, loadBackend, loadDocument } from './load.ts';
import type { Commit, Subject } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';
import { start } from './start.ts';
import { isTaken } from './start-behind.ts';
import { fateOf, isSentBack, isUnderWay } from './trigger-fate.ts';
import type { TriggerReport } from './trigger-report.ts';

/** An apply asks by itself; this is for one that the engine did not live to ask, ms. Behind the verdict of the Envoys. */
export const ASK_AGAIN_MS = 15_000;

const MAX_RACES = 5;

export const triggerSubject = (plan: string): Subject => `plan/${plan}`;

/**
 * Starts what a plan's `revision` wants, where that is due, and says how it stands; `null`: the plan has none. May be
 * asked at any time and by several at once: the key in the document makes it one rollout.
 */
export async function askTrigger(deps: Dependencies, plan: string): Promise<Result<TriggerReport | null>> {
  const loaded = await loadPlan(deps, plan);
  if (loaded.kind === 'error') return loaded;
  if (loaded.value === null) return ok(null);
  const { document, trigger } = loaded.value;
  if (trigger.outcome !== 'due') return standing(deps, document, trigger);
  const read = await statesOf(deps, document);
  if (read.kind === 'error') return read;
  if (isStableAlready(document, read.value)) {
    await settle(deps, plan, trigger, { outcome: 'stable', rollout: null });
    return ok(stableReport(document));
  }
  const { revision: wanted = '' } = document.spec;
  const started = await start(deps, {
    plan,
    ...(typeof wanted === 'string' ? { revision: wanted } : { revision: null, backends: eachOf(wanted) }),
    endpoints: null,
    by: trigger.by,
    idempotencyKey: trigger.key,
    isWanted: (now) => now?.key === trigger.key,
  });
  if (started.kind === 'error') return ok(refusal(document, started.errors));
  const { created, view } = started.value;
  const { id } = view.rollout;
  await settle(deps, plan, trigger, { outcome: 'begun', rollout: id });
  const revision = wantedText(wanted);
  const message = `rollout ${id} of ${revision} ${created ? 'started' : 'has begun'}`;
  return ok({ revision, outcome: created ? 'started' : 'begun', rollout: id, message, error: null });
}

/** What an apply would start, without doing it. `after`: records as it would leave them. */
export async function foretellTrigger(
  deps: Dependencies,
  document: PlanDocument,
  trigger: PlanTrigger,
  after: Commit['writes'],
): Promise<Result<TriggerReport>> {
  if (trigger.outcome !== 'due') return standing(deps, document, trigger);
  const read = await statesOf(deps, document);
  if (read.kind === 'error') return read;
  const states = read.value.map((state) => {
    const next = after.find(({ key }) => key === backendKey(state.backend));
    return next === undefined ? state : (next.body as BackendState);
  });
  if (isStableAlready(document, states)) return ok(stableReport(document));
  const { onNewRevision = PLAN_DEFAULTS.onNewRevision } = document.spec;
  const busy = onNewRevision === 'reject' ? states.find((state) => takenBy(state) !== null) : undefined;
  if (busy !== undefined) return ok(refusal(document, isTaken(busy.backend, takenBy(busy) ?? '').errors));
  const revision = revisionOf(document);
  const message = `a rollout of ${revision} would start`;
  return ok({ revision, outcome: 'would-start', rollout: null, message, error: null });
}

/** The engine's own look, for an apply that did not come to its end. What was refused waits for the next apply. */
export async function lookAtTrigger(deps: Dependencies, plan: string): Promise<void> {
  const before = await loadPlan(deps, plan);
  if (before.kind === 'error') return;
  const report = await askTrigger(deps, plan);
  if (report.kind === 'error') return;
  const error = report.value?.error ?? null;
  const passing: readonly ErrorCode[] = ['SERIN_STORE_UNAVAILABLE', 'SERIN_CONFLICT'];
  if (error !== null && passing.includes(error.code)) return;
  if (error !== null) deps.logger.warn('the revision of a plan was not started', { plan, detail: error.message });
  await leaveTrigger(deps, plan, before.value?.trigger.key ?? null, error !== null);
}

/**
 * Takes the plan out of the due set, unless it wants something else by now. Who has heard why it was refused decides;
 * nothing starts behind their back.
 *
 * @param asked key of the trigger that was asked for; `null`: the plan had none
 * @param isRefused else what is still due was begun, and the document does not know it yet
 */
export async function leaveTrigger(
  deps: Dependencies,
  plan: string,
  asked: string | null,
  isRefused: boolean,
): Promise<void> {
  const loaded = await loadDocument(deps.records, 'Plan', plan);
  if (loaded.kind === 'error') return;
  const { key, rev, body } = loaded.value;
  const trigger = body?.trigger?.outcome === 'none' ? undefined : body?.trigger;
  if ((trigger?.key ?? null) !== asked || (!isRefused && trigger?.outcome === 'due')) return;
  await commit(deps, {
    ...EMPTY_COMMIT,
    reads: [{ key, rev }],
    // Written again, so that it is part of the store's history: a replay must not bring back a start that was refused.
    writes: isRefused && body !== null ? [{ key, body }] : [],
    due: [{ subject: triggerSubject(plan), atMs: null }],
  });
}

interface TriggeredPlan {
  readonly document: PlanDocument;
  readonly trigger: PlanTrigger;
  readonly held: Held<KeptDocument>;
}

async function loadPlan(deps: Dependencies, plan: string): Promise<Result<TriggeredPlan | null>> {
  const loaded = await loadDocument(deps.records, 'Plan', plan);
  if (loaded.kind === 'error') return loaded;
  const { key, rev, body } = loaded.value;
  if (body?.document.kind !== 'Plan' || body.trigger === undefined || body.trigger.outcome === 'none') return ok(null);
  return ok({ document: body.document, trigger: body.trigger, held: { key, rev, body } });
}

/** Kept, so that it is not asked once more when the rollout is not kept any more. Not written: the next look does it. */
async function settle(
  deps: Dependencies,
  plan: string,
  { key: asked }: PlanTrigger,
  outcome: Pick<PlanTrigger, 'outcome' | 'rollout'>,
): Promise<void> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const loaded = await loadPlan(deps, plan);
    if (loaded.kind === 'error' || loaded.value === null) return;
    const { held, trigger } = loaded.value;
    if (trigger.key !== asked || trigger.outcome !== 'due') return;
    const done = await commit(deps, {
      ...EMPTY_COMMIT,
      reads: [{ key: documentKey('Plan', plan), rev: held.rev }],
      writes: [{ key: held.key, body: { ...held.body, trigger: { ...trigger, ...outcome } } }],
      due: [{ subject: triggerSubject(plan), atMs: null }],
    });
    if (done.kind !== 'conflict') return;
  }
}

async function standing(
  deps: Dependencies,
  document: PlanDocument,
  { outcome, rollout }: PlanTrigger,
): Promise<Result<TriggerReport>> {
  const revision = revisionOf(document);
  if (outcome === 'stable') return ok({ ...stableReport(document), message: `${revision} was stable already` });
  const fate = await fateOf(deps, rollout);
  if (fate.kind === 'error') return fate;
  const phase = fate.value;
  const again = `; serin apply --retry tries it again`;
  const words = phase === null ? 'is not kept any more' : phase.replace('_', ' ');
  const message = `rollout ${rollout} of ${revision}: ${words}`;
  if (outcome === 'tried' || isSentBack(phase) || phase === 'superseded') {
    return ok({ revision, outcome: 'tried', rollout, message: message + again, error: null });
  }
  return ok({
    ...{ revision, outcome: 'begun', rollout, error: null },
    message: isUnderWay(phase) ? `${message} already` : message,
  });
}

/** By its name: what its endpoints and settings are now does not make a new value of it. */
function isStableAlready({ spec }: PlanDocument, states: readonly BackendState[]): boolean {
  // What rolls would take its place.
  return states.every((state) => {
    return state.stable?.name === wantedOf(spec.revision ?? '', state.backend) && takenBy(state) === null;
  });
}

async function statesOf(deps: Dependencies, { spec }: PlanDocument): Promise<Result<readonly BackendState[]>> {
  const states: BackendState[] = [];
  for (const name of backendsOfPlan(spec)) {
    const loaded = await loadBackend(deps.records, name);
    if (loaded.kind === 'error') return loaded;
    states.push(loaded.value.body ?? freshBackend(name));
  }
  return ok(states);
}

function stableReport(document: PlanDocument): TriggerReport {
  const revision = revisionOf(document);
  return { revision, outcome: 'stable', rollout: null, message: `${revision} is stable already`, error: null };
}

/** Nothing was started, and the next apply asks again. */
export function refusal(document: PlanDocument, [error]: readonly SerinError[]): TriggerReport {
  const revision = revisionOf(document);
  const why: SerinError = error ?? { code: 'SERIN_INTERNAL', message: 'no reason was given' };
  const message = `${revision} was not started: ${why.message}; the next apply asks again`;
  return { revision, outcome: 'refused', rollout: null, message, error: why };
}

function revisionOf({ spec }: PlanDocument): string {
  return wantedText(spec.revision ?? '');
}

function eachOf(wanted: Readonly<Record<string, string>>): Readonly<Record<string, { readonly revision: string }>> {
  return Object.fromEntries(Object.entries(wanted).map(([backend, revision]) => [backend, { revision }]));
}
