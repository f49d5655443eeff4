import { withServedHosts } from '../core/model/api-endpoints.ts';
import { type BackendState, freshBackend } from '../core/model/backend-state.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { type Freeze, freezeSummary } from '../core/model/freeze.ts';
import { isTerminal } from '../core/model/phase.ts';
import { backendsNamedBy } from '../core/model/route-rule.ts';
import { BackendStateRecord, DocumentRecord } from '../core/model/stored.ts';
import type { BackendTraffic, FleetTable, OwnerTraffic, TrafficOwner } from '../core/model/traffic.ts';
import { recordGiven } from '../core/replay/record-decision.ts';
import { afterLoss, besideAfterLoss, jointMode, type LossMode, rolloutAfter } from '../core/rollout/after-loss.ts';
import { backendsOf } from '../core/rollout/joint.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Observations } from '../core/rollout/transition.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, fromStore, type Loaded, loadAll, loadNamed, rolloutKey, storeUnavailable } from './load.ts';
import { mergedCommit } from './merged-commit.ts';
import type { Commit } from './ports/store.ts';
import { activeNote, EMPTY_COMMIT } from './publish.ts';
import type { Reconciled, ReconcileRequest } from './reconciled.ts';
import { replayStore } from './replay-store.ts';
import { othersOf, type Settled, trialsOf } from './settled.ts';
import { withdrawWaiting } from './withdraw-waiting.ts';

interface Settling {
  readonly mode: LossMode;
  readonly by: string;
}

type RouteValue = Extract<OwnerTraffic, { kind: 'route' }>;

/**
 * The way out of a frozen store (invariant I13): one commit under a new epoch that makes records and tables agree again.
 * What Envoys run is what this process gave them last, which it still has in memory. Or no commit of its own, but those
 * that the store has lost.
 */
export async function reconcileStore(deps: Dependencies, { mode, by }: ReconcileRequest): Promise<Result<Reconciled>> {
  const looked = fromStore(await deps.lineage.look());
  if (looked.kind === 'error') return looked;
  const { frozen } = looked.value;
  if (frozen === null) return fail('SERIN_CONFLICT', 'the store is not frozen: there is nothing to reconcile');
  if (frozen.reason === 'import') {
    const hint = 'Wait for the import to end; if it was cut off, import again with --replace.';
    return fail('SERIN_CONFLICT', freezeSummary(frozen), { hint });
  }
  if (mode === 'replay') return replayStore(deps, by, frozen);
  const request = { mode, by };
  const running = tablesInMemory(deps);
  const blind = request.mode === 'adopt' ? unknownFleet(deps, running) : null;
  if (blind !== null) return fail('SERIN_NOT_READY', blind, { hint: 'Ask another replica, or take --stable.' });
  const settled = await settleAll(deps, running, request);
  if (settled.kind === 'error') return settled;
  const routes = await routesOf(deps, running);
  if (routes.kind === 'error') return routes;
  if (running.size < deps.fleetNames.length && routes.value.documents.length === 0) {
    const message = 'neither this engine nor the store knows what the Envoys have; they would lose everything';
    return fail('SERIN_NOT_READY', message, { hint: 'Import a backup first, or ask another replica.' });
  }
  const tables = newTables(deps, running, routes.value.documents, settled.value);
  for (const table of tables) {
    const built = buildResources(table);
    if (built.kind === 'error') return built;
  }
  return commitAll(deps, frozen, request, settled.value, tables, routes.value.differing);
}

function tablesInMemory({ fleetNames, history }: Dependencies): ReadonlyMap<string, FleetTable> {
  return new Map(
    fleetNames.flatMap((fleet): [string, FleetTable][] => {
      const table = history.running(fleet);
      return table === null ? [] : [[fleet, table]];
    }),
  );
}

/** Adopting needs to know: from this process's memory, unless an Envoy has something newer from another replica. */
function unknownFleet({ fleetNames, fleets }: Dependencies, running: ReadonlyMap<string, FleetTable>): string | null {
  for (const fleet of fleetNames) {
    const table = running.get(fleet);
    if (table === undefined) return `this engine does not know what the Envoys of fleet ${fleet} run`;
    const { epoch, n } = table.position;
    const newer = fleets.state(fleet).nodes.find((node) => node.credited?.epoch === epoch && node.credited.n > n);
    if (newer !== undefined) {
      return `Envoy ${newer.nodeId} of fleet ${fleet} runs revision ${newer.credited?.n}, this engine knows ${n}`;
    }
  }
  return null;
}

async function settleAll(
  deps: Dependencies,
  running: ReadonlyMap<string, FleetTable>,
  { mode, by }: Settling,
): Promise<Result<readonly Settled[]>> {
  const stored = await loadAll(deps.records, 'backend/', BackendStateRecord);
  if (stored.kind === 'error') return stored;
  const states = new Map<string, Loaded<BackendState>>(stored.value.map((one) => [one.body.backend, one]));
  const traffic = new Map<string, BackendTraffic>();
  for (const table of running.values()) {
    for (const { value } of table.owners.values()) {
      if (value.kind !== 'backend') continue;
      traffic.set(value.backend, value);
      const key = backendKey(value.backend);
      if (!states.has(value.backend)) states.set(value.backend, { key, rev: 0, body: null });
    }
  }
  const settled: Settled[] = [];
  for (const [name, state] of states) {
    const served = traffic.get(name);
    const kept = state.body ?? freshBackend(name);
    // Without its hosts a revision that all requests go to would answer none.
    const body = served === undefined ? kept : withServedHosts(kept, served, { by, atMs: deps.clock.now() });
    const rollout = await loadNamed(deps.records, body.rolloutId);
    if (rollout.kind === 'error') return rollout;
    const known = rollout.value?.body ?? null;
    const active = known === null || isTerminal(known.phase) ? null : known;
    const input = {
      ...{ by, state: { ...body, ...nextAfter(mode, body), rolloutId: active?.id ?? null }, rollout: active },
      running: served ?? null,
      fleets: observed(deps, active?.fleets ?? []),
      settings: deps.settings(),
      nowMs: deps.clock.now(),
    };
    const own = active?.joint === undefined ? mode : jointMode(mode, active, backendsWith(active, states, traffic));
    // The record of a joint rollout that ends is written once, with its first backend.
    const isBeside = active?.joint !== undefined && own === 'stable' && active.backend !== name;
    const after = isBeside ? besideAfterLoss({ ...input, mode: own }) : afterLoss({ ...input, mode: own });
    const withdrawn =
      mode === 'adopt' || state.body === null ? ok(EMPTY_COMMIT) : await withdrawWaiting(deps, { ...state, body }, by);
    if (withdrawn.kind === 'error') return withdrawn;
    const loaded = active === null || isBeside ? null : rollout.value;
    settled.push({ name, state, rollout: loaded, after, withdrawn: withdrawn.value });
  }
  return ok(settled);
}

function backendsWith(
  rollout: Rollout,
  states: ReadonlyMap<string, Loaded<BackendState>>,
  traffic: ReadonlyMap<string, BackendTraffic>,
): Parameters<typeof jointMode>[2] {
  return backendsOf(rollout).map((backend) => ({
    state: states.get(backend)?.body ?? freshBackend(backend),
    running: traffic.get(backend) ?? null,
  }));
}

/** Back to stable, nothing begins by itself. */
function nextAfter(mode: LossMode, { next }: BackendState): Pick<BackendState, 'next'> {
  return mode === 'adopt' || next == null ? {} : { next: null };
}

function observed({ fleets }: Dependencies, names: readonly string[]): Observations['fleets'] {
  return Object.fromEntries(names.map((name) => [name, { state: fleets.state(name), position: null, trial: null }]));
}

/** Routes by document, and those of the Envoys for which no document stands. */
async function routesOf(
  deps: Dependencies,
  running: ReadonlyMap<string, FleetTable>,
): Promise<Result<{ readonly documents: readonly RouteValue[]; readonly differing: readonly string[] }>> {
  const stored = await loadAll(deps.records, 'document/Route/', DocumentRecord);
  if (stored.kind === 'error') return stored;
  const documents = stored.value.flatMap(({ body: { document } }): RouteValue[] =>
    document.kind === 'Route' ? [{ kind: 'route', route: document.name, spec: document.spec }] : [],
  );
  const known = new Set(documents.map((route) => JSON.stringify(route.spec)));
  const served = [...running.values()].flatMap(({ owners }) => [...owners.values()].map(({ value }) => value));
  const differing = served.flatMap((value) =>
    value.kind === 'route' && !known.has(JSON.stringify(value.spec)) ? [value.route] : [],
  );
  return ok({ documents, differing: differing.sort() });
}

/** Routes and listeners stay as the Envoys have them; where that is not known, the documents say. */
function newTables(
  deps: Dependencies,
  running: ReadonlyMap<string, FleetTable>,
  documents: readonly RouteValue[],
  settled: readonly Settled[],
): readonly FleetTable[] {
  const values = new Map<string, BackendTraffic>();
  const tried = new Set<string>();
  for (const { name, rollout, after } of settled) {
    const active = rolloutAfter(after, rollout?.body ?? null);
    if (active?.push?.probe != null) tried.add(name);
    values.set(name, backendTraffic(after.state, active));
  }
  return deps.fleetNames.map((fleet) => {
    const table = running.get(fleet);
    const owners = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
    const set = (owner: TrafficOwner, value: OwnerTraffic | undefined) => {
      if (value !== undefined) owners.set(owner, { n: 0, value });
    };
    if (table === undefined) {
      for (const route of documents.filter(({ spec }) => spec.fleet === fleet)) {
        set(`route/${route.route}`, route);
        for (const backend of route.spec.rules.flatMap(backendsNamedBy)) set(`backend/${backend}`, values.get(backend));
      }
    }
    for (const [owner, { value }] of table?.owners ?? []) {
      // What one Envoy tries out is not for the others yet.
      set(owner, value.kind === 'backend' && !tried.has(value.backend) ? values.get(value.backend) : value);
    }
    return { fleet, position: table?.position ?? { epoch: '', n: 0 }, trial: null, owners };
  });
}

async function commitAll(
  deps: Dependencies,
  freeze: Freeze,
  request: Settling,
  settled: readonly Settled[],
  tables: readonly FleetTable[],
  routes: readonly string[],
): Promise<Result<Reconciled>> {
  const traffic = tables.flatMap(({ fleet, owners }) =>
    [...owners].map(([owner, { value }]) => ({ fleet, owner, value })),
  );
  const change: Commit = {
    ...mergedCommit(settled.flatMap((one) => [changeOf(deps, one, settled), one.withdrawn])),
    traffic,
    trials: trialsOf(settled),
  };
  const emptied = tables.map(({ fleet, position }) => ({ fleet, n: position.n }));
  const outcome = await deps.lineage.reconcile(change, emptied, freeze);
  if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
  if (outcome.kind === 'conflict') {
    return fail('SERIN_CONFLICT', `something has changed meanwhile (${outcome.key}); look at it and decide again`);
  }
  for (const { rollout, after } of settled) {
    const active = rolloutAfter(after, rollout?.body ?? null);
    if (active !== null) deps.wakeUps.kick(`rollout/${active.id}`);
  }
  const backends = settled.flatMap(({ name, after }) =>
    after.summary === null ? [] : [{ backend: name, summary: after.summary }],
  );
  deps.logger.warn('store reconciled', { mode: request.mode, by: request.by, freeze: freezeSummary(freeze), backends });
  return ok({ mode: request.mode, freeze: freezeSummary(freeze), replayed: null, backends, routes });
}

function changeOf(deps: Dependencies, { name, state, rollout, after }: Settled, all: readonly Settled[]): Commit {
  const { transition } = after;
  const bKey = backendKey(name);
  const reads = [{ key: bKey, rev: state.rev }];
  const tidyAtMs = after.state.retired.map(({ untilMs }) => untilMs);
  const active = rolloutAfter(after, rollout?.body ?? null);
  // Due times may be among what was lost.
  const due: Commit['due'][number][] = [
    ...(tidyAtMs.length === 0 ? [] : [{ subject: `backend/${name}` as const, atMs: Math.min(...tidyAtMs) }]),
    ...[active?.id, after.state.next].flatMap((id) =>
      id == null ? [] : [{ subject: `rollout/${id}` as const, atMs: deps.clock.now() }],
    ),
  ];
  const writes: Commit['writes'][number][] = [{ key: bKey, body: after.state }];
  if (rollout === null) return { ...EMPTY_COMMIT, reads, writes, due };
  const rKey = rolloutKey(rollout.body.id);
  reads.push({ key: rKey, rev: rollout.rev });
  const nowMs = deps.clock.now();
  const given = { rollout: transition?.rollout ?? rollout.body, backend: after.state };
  const others = othersOf(given.rollout, all);
  // Once for all backends of a rollout.
  const isFirst = given.rollout.backend === name;
  const decisions = isFirst ? [recordGiven('reconciled', { ...given, others }, nowMs)] : [];
  if (transition === null) return { ...EMPTY_COMMIT, reads, writes, due, decisions };
  writes.push({ key: rKey, body: transition.rollout });
  if (active === null) due.push({ subject: `rollout/${rollout.body.id}`, atMs: null });
  const { id, spec } = transition.rollout;
  const outbox = spec.notify.flatMap((target) =>
    transition.notices.map((notice) => ({ queue: `${id}~${target}`, notice })),
  );
  const notes = [activeNote(transition.rollout)];
  return { ...EMPTY_COMMIT, reads, writes, due, events: transition.events, outbox, active: notes, decisions };
}
