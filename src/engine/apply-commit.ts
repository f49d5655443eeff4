import { type BackendState, freshBackend } from '../core/model/backend-state.ts';
import { cutRevision } from '../core/model/cut-revision.ts';
import { ok, type Result } from '../core/model/errors.ts';
import { backendsNamedBy } from '../core/model/route-rule.ts';
import { sameJson } from '../core/model/same-json.ts';
import type { FleetTable, TrafficOwner } from '../core/model/traffic.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import type { Change, States } from './apply-changes.ts';
import { ASK_AGAIN_MS, triggerSubject } from './ask-trigger.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, documentKey, fromStore, type Loaded } from './load.ts';
import type { Commit, RecordKey } from './ports/store.ts';
import { EMPTY_COMMIT } from './publish.ts';
import type { Former } from './undo-apply.ts';

export interface PlannedApply {
  readonly commit: Commit;
  /** Everything that the commit writes, as it was before. */
  readonly former: readonly Former[];
}

/** What an apply commits, and how to take it back should Envoy refuse it. */
export async function planApply(
  deps: Dependencies,
  changes: readonly Change[],
  fence: Commit['reads'][number],
  states: States,
): Promise<Result<PlannedApply>> {
  const reads = new Map<RecordKey, number>([[fence.key, fence.rev]]);
  const writes: { key: RecordKey; body: unknown }[] = [{ key: fence.key, body: {} }];
  const former: Omit<Former, 'traffic'>[] = [];
  const due: Commit['due'][number][] = [];
  for (const { parsed, before, trigger } of changes) {
    const key = documentKey(parsed.document.kind, parsed.document.name);
    reads.set(key, before?.rev ?? 0);
    const more = trigger === undefined ? {} : { trigger };
    writes.push({ key, body: { document: parsed.document, source: parsed.source, ...more } });
    const subjects = trigger?.outcome === 'due' ? [triggerSubject(parsed.document.name)] : [];
    due.push(...subjects.map((subject) => ({ subject, atMs: deps.clock.now() + ASK_AGAIN_MS })));
    const state = parsed.document.kind === 'Backend' ? backendKey(parsed.document.name) : null;
    former.push({ key, body: before?.body ?? null, due: subjects, with: state });
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
    former.push({ key: backendKey(name), body: loaded.body, due: [], with: null });
  }
  const traffic = await trafficOf(deps, changes, nextStates);
  if (traffic.kind === 'error') return traffic;
  return ok({
    commit: {
      ...EMPTY_COMMIT,
      reads: [...reads].map(([key, rev]) => ({ key, rev })),
      writes,
      due,
      traffic: traffic.value.to,
    },
    former: former.map((one) => ({ ...one, traffic: traffic.value.back.get(one.key) ?? [] })),
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
  const empty = freshBackend(name);
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
): Promise<Result<{ readonly to: TrafficChange[]; readonly back: ReadonlyMap<RecordKey, TrafficChange[]> }>> {
  const to: TrafficChange[] = [];
  const back = new Map<RecordKey, TrafficChange[]>();
  const set = (by: RecordKey, next: TrafficChange, before: TrafficChange['value']) => {
    to.push(next);
    back.set(by, [...(back.get(by) ?? []), { ...next, value: before }]);
  };
  for (const { parsed, before } of changes) {
    if (parsed.document.kind !== 'Route') continue;
    const { name, spec } = parsed.document;
    const old = before?.body.document;
    const oldSpec = old?.kind === 'Route' ? old.spec : null;
    const was = oldSpec === null ? null : ({ kind: 'route', route: name, spec: oldSpec } as const);
    const key = documentKey('Route', name);
    const owner: TrafficOwner = `route/${name}`;
    if (oldSpec !== null && oldSpec.fleet !== spec.fleet) set(key, { fleet: oldSpec.fleet, owner, value: null }, was);
    const value = { kind: 'route', route: name, spec } as const;
    set(key, { fleet: spec.fleet, owner, value }, oldSpec?.fleet === spec.fleet ? was : null);
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
      if (known === null || !sameJson(known, value)) {
        set(backendKey(backend), { fleet, owner, value }, known);
      }
    }
    const built = buildResources(after(table.value, to));
    if (built.kind === 'error') return built;
  }
  return ok({ to, back });
}

/** The fleet's table once these changes are committed. What cannot be served is refused before it is stored. */
function after(table: FleetTable, changes: readonly TrafficChange[]): FleetTable {
  const n = table.position.n + 1;
  const owners = new Map(table.owners);
  for (const { fleet, owner, value } of changes) {
    if (fleet !== table.fleet) continue;
    if (value === null) owners.delete(owner);
    else owners.set(owner, { n, value });
  }
  return { ...table, owners };
}

function backendsRoutedOn(fleet: string, changes: readonly Change[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { parsed } of changes) {
    if (parsed.document.kind !== 'Route' || parsed.document.spec.fleet !== fleet) continue;
    for (const rule of parsed.document.spec.rules) for (const name of backendsNamedBy(rule)) names.add(name);
  }
  return names;
}
