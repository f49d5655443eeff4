import { checkReferences } from '../core/manifest/check-references.ts';
import { type ParsedDocument, parseDocuments } from '../core/manifest/parse-documents.ts';
import type { StrategyLibrary } from '../core/manifest/strategy-library.ts';
import type { BackendState } from '../core/model/backend-state.ts';
import { cutRevision } from '../core/model/cut-revision.ts';
import type { RouteDocument } from '../core/model/documents.ts';
import { fail, ok, type Result, type SerinError } from '../core/model/errors.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import type { TrafficOwner } from '../core/model/traffic.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Dependencies } from './dependencies.ts';
import type { AppliedDocument, SourceFile } from './engine.ts';
import { refusedByEnvoy } from './envoy-verdict.ts';
import {
  backendKey,
  documentKey,
  fromStore,
  type KeptDocument,
  type Loaded,
  loadAll,
  loadBackend,
  storeUnavailable,
} from './load.ts';
import type { Commit, RecordKey } from './ports/store.ts';
import { commit } from './publish.ts';

export interface ApplyRequest {
  readonly files: readonly SourceFile[];
  readonly dryRun: boolean;
  readonly by: string;
}

type Kept = Loaded<KeptDocument> & { readonly body: KeptDocument };
const MAX_RACES = 5;

/**
 * Applies documents: all of them or none. Parsed, checked against what is there and against what is rolling,
 * then one commit. If Envoy refuses the result, the change is taken back and Envoy's reason is the error.
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
  const stored = await loadAll(deps.records, 'document/', DocumentRecord);
  if (stored.kind === 'error') return stored;
  const strategies = stored.value.flatMap(({ body }) => (body.document.kind === 'Strategy' ? [body.document] : []));
  const parsed = parseDocuments(request.files, { ...shipped, stored: strategies });
  if (parsed.kind === 'error') return parsed;

  const wrong = checkReferences(parsed.value, {
    documents: stored.value.map(({ body }) => body.document),
    fleets: deps.fleetNames,
    notifiers: deps.notifier.targets(),
  });
  if (wrong.length > 0) return { kind: 'error', errors: wrong };

  const changes = parsed.value.map((document) => diff(document, stored.value));
  const report = changes.map(({ parsed: { document }, action }) => ({
    kind: document.kind,
    name: document.name,
    action,
  }));
  const moved = changes.filter(({ action }) => action !== 'unchanged');
  if (moved.length === 0) return ok(report);
  const states = await backendStates(deps, moved);
  if (states.kind === 'error') return states;
  const rolling = rollingConflicts(moved, states.value);
  if (rolling.length > 0) return { kind: 'error', errors: rolling };
  const planned = await plan(deps, moved, stored.value, states.value);
  if (planned.kind === 'error' || request.dryRun) return planned.kind === 'error' ? planned : ok(report);

  const outcome = await commit(deps, planned.value.commit);
  if (outcome.kind === 'conflict') return 'again';
  if (outcome.kind === 'unavailable') return storeUnavailable(outcome.detail);
  deps.logger.info('documents applied', {
    by: request.by,
    documents: report.map(({ kind, name }) => `${kind}/${name}`),
  });
  const refusal = await refusedByEnvoy(deps, outcome.fleets);
  if (refusal === null) return ok(report);
  const back = await commit(deps, planned.value.undo);
  deps.logger.error('Envoy refused the documents', { node: refusal.nodeId, takenBack: back.kind === 'committed' });
  return fail('SERIN_ENVOY_REJECTED', `Envoy ${refusal.nodeId} refused the change: ${refusal.message}`, {
    ...(back.kind === 'committed' ? {} : { hint: 'It could not be taken back; apply the former documents again.' }),
  });
}

interface Change {
  readonly parsed: ParsedDocument;
  readonly action: AppliedDocument['action'];
  readonly before: Kept | null;
}

function diff(parsed: ParsedDocument, stored: readonly Kept[]): Change {
  const key = documentKey(parsed.document.kind, parsed.document.name);
  const before = stored.find((kept) => kept.key === key) ?? null;
  if (before === null) return { parsed, action: 'created', before };
  const same = JSON.stringify(before.body.document) === JSON.stringify(parsed.document);
  return { parsed, action: same && before.body.source === parsed.source ? 'unchanged' : 'updated', before };
}

type States = ReadonlyMap<string, Loaded<BackendState>>;

/** States of every backend that a changed document touches, directly or through a route. */
async function backendStates(deps: Dependencies, changes: readonly Change[]): Promise<Result<States>> {
  const names = new Set<string>();
  for (const { parsed, before } of changes) {
    for (const document of [parsed.document, before?.body.document]) {
      if (document?.kind === 'Backend') names.add(document.name);
      if (document?.kind === 'Route') for (const rule of document.spec.rules) names.add(rule.backend);
    }
  }
  const states = new Map<string, Loaded<BackendState>>();
  for (const name of names) {
    const loaded = await loadBackend(deps.records, name);
    if (loaded.kind === 'error') return loaded;
    states.set(name, loaded.value);
  }
  return ok(states);
}

/** A rule that is rolling may not change under the rollout: its split and pins were judged as they stand. */
function rollingConflicts(changes: readonly Change[], states: States): SerinError[] {
  return changes.flatMap(({ parsed, before }) => {
    if (parsed.document.kind !== 'Route') return [];
    const old = before?.body.document;
    const oldRules = old?.kind === 'Route' && old.spec.fleet === parsed.document.spec.fleet ? old.spec : null;
    const touched = [...parsed.document.spec.rules, ...(old?.kind === 'Route' ? old.spec.rules : [])].filter((rule) => {
      const [was, is] = [oldRules, (parsed.document as RouteDocument).spec].map((spec) => {
        const same = spec?.rules.find((candidate) => candidate.name === rule.name);
        return same === undefined ? null : JSON.stringify({ same, hostnames: spec?.hostnames });
      });
      return was !== is;
    });
    const blocking = touched.find((rule) => states.get(rule.backend)?.body?.rolloutId != null);
    if (blocking === undefined) return [];
    const rolloutId = states.get(blocking.backend)?.body?.rolloutId;
    return [
      {
        code: 'SERIN_ROLLOUT_ACTIVE' as const,
        message: `rule ${blocking.name} of Route ${parsed.document.name} is rolling (rollout ${rolloutId})`,
        place: parsed.place,
      },
    ];
  });
}

interface Planned {
  readonly commit: Commit;
  /** Puts everything back as it was; valid right after the commit only. */
  readonly undo: Commit;
}

async function plan(
  deps: Dependencies,
  changes: readonly Change[],
  stored: readonly Kept[],
  states: States,
): Promise<Result<Planned>> {
  const reads = new Map<RecordKey, number>();
  const writes: { key: RecordKey; body: unknown }[] = [];
  const restore: { key: RecordKey; body: unknown }[] = [];
  for (const kept of stored) if (kept.body.document.kind === 'Route') reads.set(kept.key, kept.rev);
  for (const { parsed, before } of changes) {
    const key = documentKey(parsed.document.kind, parsed.document.name);
    reads.set(key, before?.rev ?? 0);
    writes.push({ key, body: { document: parsed.document, source: parsed.source } });
    restore.push({ key, body: before?.body ?? null });
  }
  const nextStates = new Map<string, BackendState | null>();
  for (const [name, loaded] of states) {
    reads.set(backendKey(name), loaded.rev);
    const initial = initialState(name, loaded, changes);
    if (initial.kind === 'error') return initial;
    nextStates.set(name, initial.value ?? loaded.body);
    if (initial.value === null) continue;
    writes.push({ key: backendKey(name), body: initial.value });
    restore.push({ key: backendKey(name), body: loaded.body });
  }
  const traffic = await trafficOf(deps, changes, nextStates);
  if (traffic.kind === 'error') return traffic;
  const written = new Set(writes.map(({ key }) => key));
  const empty = { events: [], outbox: [], due: [] };
  return ok({
    commit: { ...empty, reads: [...reads].map(([key, rev]) => ({ key, rev })), writes, traffic: traffic.value.to },
    undo: {
      ...empty,
      reads: [...reads].filter(([key]) => written.has(key)).map(([key, rev]) => ({ key, rev: rev + 1 })),
      writes: restore,
      traffic: traffic.value.back,
    },
  });
}

/** A backend without a stable revision takes its `initial` one at once: there is nothing to step away from. */
function initialState(
  name: string,
  loaded: Loaded<BackendState>,
  changes: readonly Change[],
): Result<BackendState | null> {
  const document = changes.map(({ parsed }) => parsed.document).find((d) => d.kind === 'Backend' && d.name === name);
  if (document?.kind !== 'Backend') return ok(null);
  const { initial } = document.spec;
  const empty = { backend: name, stable: null, rolloutId: null, retired: [] };
  if (loaded.body !== null && (loaded.body.stable !== null || loaded.body.rolloutId !== null || initial === null))
    return ok(null);
  if (initial === null) return ok(empty);
  const spec = initial.endpoints === null ? document.spec : { ...document.spec, endpoints: initial.endpoints };
  const revision = cutRevision({ backend: name, spec, revision: initial.revision, endpoints: null });
  return revision.kind === 'error' ? revision : ok({ ...(loaded.body ?? empty), stable: revision.value });
}

type TrafficChange = Commit['traffic'][number];

async function trafficOf(
  deps: Dependencies,
  changes: readonly Change[],
  states: ReadonlyMap<string, BackendState | null>,
): Promise<Result<{ readonly to: TrafficChange[]; readonly back: TrafficChange[] }>> {
  const to: TrafficChange[] = [];
  const back: TrafficChange[] = [];
  const set = (fleet: string, owner: TrafficOwner, value: TrafficChange['value'], before: TrafficChange['value']) => {
    to.push({ fleet, owner, value });
    back.push({ fleet, owner, value: before });
  };
  const tables = new Map<string, Awaited<ReturnType<Dependencies['traffic']['table']>>>();
  for (const fleet of deps.fleetNames) tables.set(fleet, await deps.traffic.table(fleet));
  for (const { parsed, before } of changes) {
    if (parsed.document.kind !== 'Route') continue;
    const { name, spec } = parsed.document;
    const old = before?.body.document;
    const oldSpec = old?.kind === 'Route' ? old.spec : null;
    const was = oldSpec === null ? null : ({ kind: 'route', route: name, spec: oldSpec } as const);
    if (oldSpec !== null && oldSpec.fleet !== spec.fleet) set(oldSpec.fleet, `route/${name}`, null, was);
    set(spec.fleet, `route/${name}`, { kind: 'route', route: name, spec }, oldSpec?.fleet === spec.fleet ? was : null);
  }
  for (const [fleet, read] of tables) {
    const table = fromStore(read);
    if (table.kind === 'error') return table;
    const wanted = new Set<string>();
    for (const { parsed } of changes) {
      if (parsed.document.kind !== 'Route' || parsed.document.spec.fleet !== fleet) continue;
      for (const rule of parsed.document.spec.rules) wanted.add(rule.backend);
    }
    for (const [backend, state] of states) {
      const owner: TrafficOwner = `backend/${backend}`;
      const known = table.value.owners.get(owner)?.value ?? null;
      // A backend that is in the table already is left alone, unless it has just got its first revision.
      const first =
        known?.kind === 'backend' && known.split.length === 0 && state?.stable != null && state.rolloutId === null;
      if (state === null || (known === null ? !wanted.has(backend) : !first)) continue;
      set(fleet, owner, backendTraffic(state, null), known);
    }
  }
  return ok({ to, back });
}
