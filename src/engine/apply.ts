import { checkReferences } from '../core/manifest/check-references.ts';
import { type ParsedDocument, parseDocuments } from '../core/manifest/parse-documents.ts';
import type { StrategyLibrary } from '../core/manifest/strategy-library.ts';
import type { PlanDocument } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { nameSome } from '../core/model/name-some.ts';
import type { PlanTrigger } from '../core/model/plan-trigger.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import { backendStates, type Change, diff, type Kept, rollingConflicts } from './apply-changes.ts';
import { planApply } from './apply-commit.ts';
import { askTrigger, foretellTrigger, leaveTrigger, refusal } from './ask-trigger.ts';
import type { Dependencies } from './dependencies.ts';
import type { AppliedDocument, SourceFile } from './engine.ts';
import { envoyVerdict } from './envoy-verdict.ts';
import { documentsFence, loadAll, storeUnavailable } from './load.ts';
import { mergedCommit } from './merged-commit.ts';
import { nextTrigger } from './next-trigger.ts';
import type { Commit } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';
import type { TriggerReport } from './trigger-report.ts';
import { giveUpTrial, tryOut } from './try-out.ts';
import { type Undone, undoApply } from './undo-apply.ts';

export interface ApplyRequest {
  readonly files: readonly SourceFile[];
  readonly dryRun: boolean;
  readonly by: string;
  /** Also starts the revisions of plans that were tried and sent back. @default false */
  readonly retry?: boolean | undefined;
}

const MAX_RACES = 20;

/**
 * Applies documents: all of them or none. Parsed, checked against what is there and against what is rolling, tried out
 * by one Envoy per fleet, then one commit. If another Envoy refuses the result after all, the change is taken back.
 * Envoy's reason is the error.
 */
export async function apply(
  deps: Dependencies,
  shipped: StrategyLibrary,
  request: ApplyRequest,
): Promise<Result<readonly AppliedDocument[]>> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const outcome = await attempt(deps, shipped, request);
    if (outcome !== 'again') return outcome;
  }
  return fail('SERIN_CONFLICT', 'other changes kept coming in between; nothing was applied');
}

async function attempt(
  deps: Dependencies,
  shipped: StrategyLibrary,
  request: ApplyRequest,
): Promise<Result<readonly AppliedDocument[]> | 'again'> {
  const fence = await documentsFence(deps.records);
  if (fence.kind === 'error') return fence;
  const stored = await loadAll(deps.records, 'document/', DocumentRecord);
  if (stored.kind === 'error') return stored;
  const strategies = stored.value.flatMap(({ body }) => (body.document.kind === 'Strategy' ? [body.document] : []));
  const parsed = parseDocuments(request.files, { ...shipped, stored: strategies }, deps.rawEnvoy);
  if (parsed.kind === 'error') return parsed;

  const wrong = checkReferences(parsed.value, {
    documents: stored.value.map(({ body }) => body.document),
    fleets: deps.fleetNames,
    filters: deps.fleetFilters,
    notifiers: deps.notifier.targets(),
    hooks: deps.hooks.targets(),
  });
  if (wrong.length > 0) return { kind: 'error', errors: wrong };

  const read = await changesOf(deps, parsed.value, stored.value, request);
  if (read.kind === 'error') return read;
  const changes = read.value;
  const moved = changes.filter(({ action, trigger, before }) => {
    return action !== 'unchanged' || trigger?.key !== before?.body.trigger?.key;
  });
  if (moved.length === 0) return ok(await reportOf(deps, changes, request));
  const states = await backendStates(deps, moved);
  if (states.kind === 'error') return states;
  const rolling = rollingConflicts(moved, states.value);
  if (rolling.length > 0) return { kind: 'error', errors: rolling };
  const planned = await planApply(deps, moved, fence.value, states.value);
  if (planned.kind === 'error') return planned;
  if (request.dryRun) return ok(await reportOf(deps, changes, request, planned.value.commit.writes));

  const tried = await tryOut(deps, `apply/${deps.newId()}`, planned.value.commit.traffic);
  if (tried.kind === 'unavailable') return storeUnavailable(tried);
  if (tried.kind === 'not tried') return 'again';
  if (tried.kind === 'busy') return fail('SERIN_CONFLICT', `a change of ${tried.by} is being tried out on an Envoy`);
  if (tried.kind === 'refused') {
    const { nodeId, message } = tried.nack;
    const hint = 'It was tried out on that Envoy alone and nothing was applied; correct the document.';
    return fail('SERIN_ENVOY_REJECTED', `Envoy ${nodeId} refused the change: ${message}`, { hint });
  }

  const outcome = await commit(deps, mergedCommit([planned.value.commit, { ...EMPTY_COMMIT, ...tried.ending }]));
  if (outcome.kind !== 'committed') await giveUpTrial(deps, tried.ending);
  if (outcome.kind === 'conflict') return 'again';
  if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
  deps.logger.info('documents applied', {
    by: request.by,
    documents: changes.map(({ parsed: { document } }) => `${document.kind}/${document.name}`),
  });
  const refusal = await envoyVerdict(deps, outcome.fleets);
  if (refusal === null) return ok(await reportOf(deps, changes, request));
  const undone = await undoApply(deps, planned.value.former, outcome.revs);
  deps.logger.error('Envoy refused the documents', { node: refusal.nodeId, undone });
  const hint = hintFor(undone);
  return fail(
    'SERIN_ENVOY_REJECTED',
    `Envoy ${refusal.nodeId} refused the change: ${refusal.message}`,
    hint === null ? {} : { hint },
  );
}

async function changesOf(
  deps: Dependencies,
  parsed: readonly ParsedDocument[],
  stored: readonly Kept[],
  { by, retry = false }: ApplyRequest,
): Promise<Result<readonly Change[]>> {
  const changes: Change[] = [];
  for (const document of parsed) {
    const change = diff(document, stored);
    const trigger = await nextTrigger(deps, { ...change, by, retry });
    if (trigger.kind === 'error') return trigger;
    changes.push({ ...change, trigger: trigger.value });
  }
  return ok(changes);
}

/** With what is started now that the documents are there, or would be. */
async function reportOf(
  deps: Dependencies,
  changes: readonly Change[],
  { dryRun }: ApplyRequest,
  after: Commit['writes'] = [],
): Promise<readonly AppliedDocument[]> {
  const report: AppliedDocument[] = [];
  for (const { parsed, action, trigger } of changes) {
    const { document } = parsed;
    const done = { kind: document.kind, name: document.name, action };
    let asked: TriggerReport | null = null;
    if (trigger !== undefined && trigger.outcome !== 'none' && document.kind === 'Plan') {
      asked = await (dryRun ? foretell(deps, document, trigger, after) : ask(deps, document, trigger));
    }
    report.push(asked === null ? done : { ...done, revision: asked });
  }
  return report;
}

/** The documents are applied whatever comes of it, so what keeps the store from answering is a refusal of this plan alone. */
async function ask(deps: Dependencies, document: PlanDocument, { key }: PlanTrigger): Promise<TriggerReport | null> {
  const asked = await askTrigger(deps, document.name);
  const report = asked.kind === 'error' ? refusal(document, asked.errors) : asked.value;
  if (report?.outcome === 'refused') await leaveTrigger(deps, document.name, key, true);
  return report;
}

async function foretell(
  deps: Dependencies,
  document: PlanDocument,
  trigger: PlanTrigger,
  after: Commit['writes'],
): Promise<TriggerReport> {
  const told = await foretellTrigger(deps, document, trigger, after);
  return told.kind === 'error' ? refusal(document, told.errors) : told.value;
}

function hintFor(undone: Undone): string | null {
  switch (undone.kind) {
    case 'whole':
      return null;
    case 'part':
      return `It was taken back, except what has been changed since: ${nameSome(undone.left)}.`;
    case 'not':
      return `It could not be taken back (${undone.detail}); apply the former documents again.`;
  }
}
