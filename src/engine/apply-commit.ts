import type { BackendState } from '../core/model/backend-state.ts';
import { cutRevision } from '../core/model/cut-revision.ts';
import { ok, type Result } from '../core/model/errors.ts';
import type { TrafficOwner } from '../core/model/traffic.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Change, Kept, States } from './apply-changes.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, documentKey, fromStore, type Loaded } from './load.ts';
import type { Commit, CommitOutcome, RecordKey } from './ports/store.ts';

export interface PlannedApply {
  readonly commit: Commit;
  /**
   * The commit that puts everything back as it was. It holds only while nobody has touched what was written.
   */
  undo(committed: Extract<CommitOutcome, { kind: 'committed' }>): Commit;
}

/** What an apply commits, and how to take it back should Envoy refuse it. */
export async function planApply(
  deps: Dependencies,
  changes: readonly Change[],
  stored: readonly Kept[],
  states: States,
): Promise<Result<PlannedApply>> {
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
    const next = initial.value ?? loaded.body;
    nextStates.set(name, next);
    if (next === null) continue;
    // Written even when unchanged: a start that has read the routes before this commit must lose its race.
    writes.push({ key: backendKey(name), body: next });
    restore.push({ key: backendKey(name), body: loaded.body });
  }
  const traffic = await trafficOf(deps, changes, nextStates);
  if (traffic.kind === 'error') return traffic;
  const empty = { events: [], outbox: [], due: [] };
  return ok({
    commit: { ...empty, reads: [...reads].map(([key, rev]) => ({ key, rev })), writes, traffic: traffic.value.to },
    undo: ({ revs }) => ({
      ...empty,
      reads: [...revs].map(([key, rev]) => ({ key, rev })),
      writes: restore,
      traffic: traffic.value.back,
    }),
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
  for (const { parsed, before } of changes) {
    if (parsed.document.kind !== 'Route') continue;
    const { name, spec } = parsed.document;
    const old = before?.body.document;
    const oldSpec = old?.kind === 'Route' ? old.spec : null;
    const was = oldSpec === null ? null : ({ kind: 'route', route: name, spec: oldSpec } as const);
    if (oldSpec !== null && oldSpec.fleet !== spec.fleet) set(oldSpec.fleet, `route/${name}`, null, was);
    set(spec.fleet, `route/${name}`, { kind: 'route', route: name, spec }, oldSpec?.fleet === spec.fleet ? was : null);
  }
  for (const fleet of deps.fleetNames) {
    const table = fromStore(await deps.traffic.table(fleet));
    if (table.kind === 'error') return table;
    const wanted = backendsRoutedOn(fleet, changes);
    for (const [backend, state] of states) {
      const owner: TrafficOwner = `backend/${backend}`;
      const known = table.value.owners.get(owner)?.value ?? null;
      // What rolls is the rollout's to change; a route to it is refused before it comes to this.
      if (state === null || state.rolloutId !== null || (known === null && !wanted.has(backend))) continue;
      // Also for one that the table knows: a fleet without a route to it has missed the promotions since.
      const value = backendTraffic(state, null);
      if (known === null || JSON.stringify(known) !== JSON.stringify(value)) set(fleet, owner, value, known);
    }
  }
  return ok({ to, back });
}

function backendsRoutedOn(fleet: string, changes: readonly Change[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { parsed } of changes) {
    if (parsed.document.kind !== 'Route' || parsed.document.spec.fleet !== fleet) continue;
    for (const rule of parsed.document.spec.rules) names.add(rule.backend);
  }
  return names;
}
