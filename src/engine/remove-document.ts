import { takenBy } from '../core/model/backend-state.ts';
import type { Document, DocumentKind } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { backendsOfPlan } from '../core/model/joint-spec.ts';
import { nameSome } from '../core/model/name-some.ts';
import { backendsNamedBy } from '../core/model/route-rule.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import type { Dependencies } from './dependencies.ts';
import type { AppliedDocument } from './engine.ts';
import { backendKey, documentKey, documentsFence, loadAll, loadBackend, storeUnavailable } from './load.ts';
import type { Commit } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

export interface RemoveRequest {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly by: string;
}

const MAX_RACES = 20;

/** Deletes one document. What is in use stays, and the error names its user. */
export async function removeDocument(deps: Dependencies, request: RemoveRequest): Promise<Result<AppliedDocument>> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const outcome = await attempt(deps, request);
    if (outcome !== 'again') return outcome;
  }
  return fail('SERIN_CONFLICT', 'other changes kept coming in between; nothing was deleted');
}

async function attempt(deps: Dependencies, request: RemoveRequest): Promise<Result<AppliedDocument> | 'again'> {
  const { kind, name } = request;
  const fence = await documentsFence(deps.records);
  if (fence.kind === 'error') return fence;
  const stored = await loadAll(deps.records, 'document/', DocumentRecord);
  if (stored.kind === 'error') return stored;
  const kept = stored.value.find(({ key }) => key === documentKey(kind, name));
  if (kept === undefined) return fail('SERIN_NOT_FOUND', `there is no ${kind} ${name}`);
  const documents = stored.value.map(({ body }) => body.document);
  const users = usersOf(kind, name, documents);
  if (users.length > 0) return fail('SERIN_IN_USE', `${kind} ${name} is used by ${nameSome(users)}`);

  const backends = kind === 'Backend' ? [name] : backendsOf(kept.body.document);
  const reads: Commit['reads'][number][] = [fence.value, { key: kept.key, rev: kept.rev }];
  const writes: Commit['writes'][number][] = [
    { key: fence.value.key, body: {} },
    { key: kept.key, body: null },
  ];
  for (const backend of backends) {
    const state = await loadBackend(deps.records, backend);
    if (state.kind === 'error') return state;
    const rolloutId = state.value.body === null ? null : takenBy(state.value.body);
    if (rolloutId !== null) return fail('SERIN_ROLLOUT_ACTIVE', `backend ${backend} is rolling (rollout ${rolloutId})`);
    reads.push({ key: backendKey(backend), rev: state.value.rev });
    if (kind === 'Backend' && state.value.body !== null) writes.push({ key: backendKey(backend), body: null });
  }
  const outcome = await commit(deps, {
    ...EMPTY_COMMIT,
    reads,
    writes,
    traffic: trafficOf(deps, kept.body.document),
  });
  switch (outcome.kind) {
    case 'committed':
      deps.logger.info('document deleted', { by: request.by, kind, name });
      return ok({ kind, name, action: 'deleted' });
    case 'conflict':
      return 'again';
    case 'unavailable':
      return storeUnavailable(outcome);
  }
}

/** Documents that would be left without what they name, `Route shop`, in the order of their names. */
function usersOf(kind: DocumentKind, name: string, documents: readonly Document[]): readonly string[] {
  const uses = (document: Document): boolean => {
    if (document.kind === 'Route')
      return kind === 'Backend' && document.spec.rules.some((rule) => backendsNamedBy(rule).includes(name));
    if (document.kind !== 'Plan') return false;
    return kind === 'Backend'
      ? backendsOfPlan(document.spec).includes(name)
      : kind === 'Strategy' && document.spec.strategy.name === name;
  };
  return documents
    .filter(uses)
    .map((document) => `${document.kind} ${document.name}`)
    .sort();
}

function backendsOf(document: Document): readonly string[] {
  return document.kind === 'Route' ? [...new Set(document.spec.rules.flatMap(backendsNamedBy))] : [];
}

function trafficOf(deps: Dependencies, document: Document): Commit['traffic'] {
  if (document.kind === 'Route') return [{ fleet: document.spec.fleet, owner: `route/${document.name}`, value: null }];
  if (document.kind !== 'Backend') return [];
  return deps.fleetNames.map((fleet) => ({ fleet, owner: `backend/${document.name}` as const, value: null }));
}
