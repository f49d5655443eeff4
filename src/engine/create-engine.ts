import type { StrategyLibrary } from '../core/manifest/strategy-library.ts';
import type { DocumentKind } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import { apply } from './apply.ts';
import { lookAtTrigger } from './ask-trigger.ts';
import { commandRollout } from './command-rollout.ts';
import { deliver } from './deliver.ts';
import type { Dependencies } from './dependencies.ts';
import type { Engine, ReadinessCheck, StoredDocument } from './engine.ts';
import { explainLive } from './explain-live.ts';
import { fleetCounts, fleetReport, nodeDiff } from './fleet-truth.ts';
import { fromStore, loadAll, loadDocument } from './load.ts';
import type { Subject } from './ports/store.ts';
import { getRollout, listRollouts } from './queries.ts';
import { storeCheck } from './readiness.ts';
import { reconcile } from './reconcile.ts';
import { reconcileStore } from './reconcile-store.ts';
import { recordRollout } from './record-rollout.ts';
import { removeDocument } from './remove-document.ts';
import { seriesWatch } from './series-watch.ts';
import { getEndpoints, setEndpoints } from './set-endpoints.ts';
import { start } from './start.ts';
import { tidy } from './tidy.ts';
import { endOverdueTrial } from './try-out.ts';
import { undo } from './undo.ts';
import { listVerdicts } from './verdicts.ts';

/** Puts the use cases together. `shipped`: the strategies that come with Serin. */
export function createEngine(
  deps: Dependencies,
  shipped: StrategyLibrary,
  extraChecks: () => Promise<readonly ReadinessCheck[]> = async () => [],
): Omit<Engine, 'audit'> {
  const watch = seriesWatch(deps.metrics, deps.clock);
  return {
    apply: (request) => apply(deps, shipped, request),
    documents: (kind) => listDocuments(deps, kind),
    document: (kind, name) => getDocument(deps, kind, name),
    remove: (request) => removeDocument(deps, request),
    start: (request) => start(deps, request),
    setEndpoints: (request) => setEndpoints(deps, request),
    endpoints: (backend) => getEndpoints(deps, backend),
    undo: (request) => undo(deps, request),
    command: (request) => commandRollout(deps, request),
    rollout: (id) => getRollout(deps, id),
    rollouts: (page) => listRollouts(deps, page),
    events: async ({ id, after, limit }) => fromStore(await deps.records.events(id, { after, limit })),
    verdicts: (id) => listVerdicts(deps.records, id),
    recording: (id) => recordRollout(deps, id),
    decisions: async ({ id, ...page }) => fromStore(await deps.decisions.read(id, page)),
    explain: (request) => explainLive(deps, request),
    fleets: () => deps.fleetNames,
    fleet: (name) => fleetReport(deps, watch, name),
    nodeDiff: (fleet, node) => nodeDiff(deps, fleet, node),
    fleetCounts: () => fleetCounts(deps, watch),
    deadLetters: async (limit) => {
      const read = fromStore(await deps.outbox.deadLetters(limit));
      if (read.kind === 'error') return read;
      return ok(
        read.value.map(({ queue, notice, detail }) => ({ queue, title: notice.title, detail, atMs: notice.atMs })),
      );
    },
    reconcileStore: (request) => reconcileStore(deps, request),
    readiness: async () => {
      const [store, others] = await Promise.all([storeCheck(deps.lineage), extraChecks()]);
      return [store, ...others];
    },
  };
}

/** What a wake-up does, by subject. Safe to run twice and to miss: the due set brings it back. */
export async function handleSubject(deps: Dependencies, subject: Subject, crashes = 0): Promise<void> {
  const id = subject.slice(subject.indexOf('/') + 1);
  if (subject.startsWith('rollout/')) return reconcile(deps, id, crashes);
  if (subject.startsWith('outbox/')) return deliver(deps, id);
  if (subject.startsWith('plan/')) return lookAtTrigger(deps, id);
  if (subject.startsWith('trial/')) return endOverdueTrial(deps, id);
  return tidy(deps, id);
}

async function listDocuments(
  deps: Dependencies,
  kind: DocumentKind | null,
): Promise<Result<readonly StoredDocument[]>> {
  const all = await loadAll(deps.records, kind === null ? 'document/' : `document/${kind}/`, DocumentRecord);
  if (all.kind === 'error') return all;
  return ok(all.value.map(({ rev, body }) => ({ rev, ...body })));
}

async function getDocument(deps: Dependencies, kind: DocumentKind, name: string): Promise<Result<StoredDocument>> {
  const loaded = await loadDocument(deps.records, kind, name);
  if (loaded.kind === 'error') return loaded;
  const { rev, body } = loaded.value;
  return body === null ? fail('SERIN_NOT_FOUND', `there is no ${kind} ${name}`) : ok({ rev, ...body });
}
