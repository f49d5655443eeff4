import { addressesOf, addressText, readAddresses, withEndpoints } from '../core/model/api-endpoints.ts';
import { type BackendState, freshBackend } from '../core/model/backend-state.ts';
import type { HostPort } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { Revision } from '../core/model/revision.ts';
import { sameJson } from '../core/model/same-json.ts';
import type { FleetTable, OwnerTraffic } from '../core/model/traffic.ts';
import { armsOf } from '../core/rollout/arms.ts';
import { wholeOf } from '../core/rollout/joint.ts';
import { isQueued } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { toldEndpoints } from '../core/traffic/backend-traffic.ts';
import { besideOwner } from './beside-owner.ts';
import type { Dependencies } from './dependencies.ts';
import { fromStore, type Held, loadBackend, loadDocument, loadNamed, storeUnavailable } from './load.ts';
import { mergedCommit } from './merged-commit.ts';
import type { Commit } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

export interface EndpointsRequest {
  readonly backend: string;
  readonly revision: string;
  /** `ip:port` each; none: the revision has no hosts any more. */
  readonly endpoints: readonly string[];
  /** As they were seen; one that has moved on is refused. `null`: whatever they are. */
  readonly rev: number | null;
  /** Also none for a revision that has requests. */
  readonly force: boolean;
  readonly by: string;
}

/** All that a backend was told of its hosts. */
export interface EndpointsView {
  readonly backend: string;
  readonly rev: number;
  readonly revisions: readonly RevisionView[];
  /** What the change that was asked for does besides. @default nothing */
  readonly warning?: string;
}

export interface RevisionView {
  readonly revision: string;
  readonly endpoints: readonly string[];
  /** What Envoys know it as; `none`: it is not there yet, or not any more. */
  readonly role: Role;
  /** `null`: nobody has told any. */
  readonly set: { readonly by: string; readonly atMs: number } | null;
}

type Role = 'stable' | 'canary' | 'retired' | 'none';

const MAX_RACES = 20;

/**
 * Tells the hosts of a revision. Envoys hear of it as of any change of their table, with neither a new cluster nor a new
 * route in it, so a step that is live stays live. Asked for twice it is one change.
 */
export async function setEndpoints(deps: Dependencies, request: EndpointsRequest): Promise<Result<EndpointsView>> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const outcome = await attempt(deps, request);
    if (outcome !== 'again') return outcome;
  }
  return fail('SERIN_CONFLICT', 'other changes kept coming in between; nothing was changed');
}

export async function getEndpoints(deps: Dependencies, backend: string): Promise<Result<EndpointsView>> {
  const read = await loadTold(deps, backend);
  return read.kind === 'error' ? read : ok(viewOf(read.value.state.body, read.value.owner?.body ?? null));
}

interface Told {
  readonly state: Held<BackendState>;
  /** The rollout that owns it. */
  readonly owner: Held<Rollout> | null;
  /** The one that begins next. The record of the backend names it, and so fences it. */
  readonly next: Rollout | null;
  /** The Backend says that the API tells its endpoints. */
  readonly isAsked: boolean;
}

async function loadTold(deps: Dependencies, backend: string): Promise<Result<Told>> {
  const document = await loadDocument(deps.records, 'Backend', backend);
  if (document.kind === 'error') return document;
  const written = document.value.body?.document;
  if (written?.kind !== 'Backend') return fail('SERIN_NOT_FOUND', `there is no backend ${backend}`);
  const state = await loadBackend(deps.records, backend);
  if (state.kind === 'error') return state;
  const body = state.value.body ?? freshBackend(backend);
  const owner = await loadNamed(deps.records, body.rolloutId);
  if (owner.kind === 'error') return owner;
  const next = await loadNamed(deps.records, body.next);
  if (next.kind === 'error') return next;
  const { endpoints, initial } = written.spec;
  const isAsked = endpoints?.kind === 'api' || initial?.endpoints?.kind === 'api';
  return ok({ state: { ...state.value, body }, owner: owner.value, next: next.value?.body ?? null, isAsked });
}

async function attempt(deps: Dependencies, request: EndpointsRequest): Promise<Result<EndpointsView> | 'again'> {
  const { backend, revision, by } = request;
  const addresses = readAddresses(request.endpoints);
  if (addresses.kind === 'error') return addresses;
  const read = await loadTold(deps, backend);
  if (read.kind === 'error') return read;
  const { state, owner, next: waiting, isAsked } = read.value;
  const served = [...servedOf(state.body, owner?.body ?? null), ...canariesOf(state.body, waiting)];
  const own = served.filter(({ name }) => name === revision);
  const fixed = own.length === 0 ? !isAsked : own.every(({ endpoints }) => endpoints.kind !== 'api');
  if (fixed) {
    const message = `the endpoints of revision ${revision} of ${backend} are not told by the API`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: 'Say endpoints: { api: {} } in the Backend.' });
  }
  const seen = state.body.endpoints?.rev ?? 0;
  if (request.rev !== null && request.rev !== seen) {
    return fail('SERIN_CONFLICT', `the endpoints of ${backend} have moved on: they are at rev ${seen}`);
  }
  const role = roleOf(revision, state.body, owner?.body ?? null);
  const before = addressesOf(state.body, revision);
  if (addresses.value.length === 0 && before.length > 0 && hasRequests(role, owner?.body ?? null) && !request.force) {
    const message = `revision ${revision} of ${backend} is ${role} and may have requests: they would fail`;
    return fail('SERIN_IN_USE', message, { hint: 'Give it other endpoints, or ask with --force.' });
  }
  if (JSON.stringify(before.map(addressText)) === JSON.stringify(addresses.value.map(addressText))) {
    return ok(viewOf(state.body, owner?.body ?? null));
  }
  const used = new Set(served.map(({ name }) => name));
  const entry = { revision, addresses: addresses.value, by, atMs: deps.clock.now() };
  const next = withEndpoints(state.body, entry, used);
  if (next.kind === 'error') return next;
  // Read after the records that fence it: who has changed it since has changed one of them, too.
  const active = owner !== null && !isTerminal(owner.body.phase) ? owner : null;
  // A canary gets requests when the Envoys have its hosts; of a step that is under way hosts are no part.
  const beside = active?.body.phase !== 'preparing';
  const change = await trafficWith(deps, next.value, beside);
  if (change.kind === 'error') return change;
  const told: Commit = {
    ...EMPTY_COMMIT,
    reads: [{ key: state.key, rev: state.rev }],
    writes: [{ key: state.key, body: next.value }],
    ...change.value,
  };
  const outcome = await commit(
    deps,
    active === null ? told : mergedCommit([told, besideOwner(active, next.value, state.rev)]),
  );
  if (outcome.kind === 'conflict') return 'again';
  if (outcome.kind === 'unavailable') return storeUnavailable(outcome);
  deps.logger.info('endpoints told', { by, backend, revision, endpoints: addresses.value.length });
  if (active !== null) deps.wakeUps.kick(`rollout/${active.body.id}`);
  const checked = own.some(({ healthCheck }) => healthCheck !== null);
  const warning =
    checked && hasRequests(role, owner?.body ?? null) ? exchangeWarning(revision, before, addresses.value) : null;
  return ok({ ...viewOf(next.value, owner?.body ?? null), ...(warning === null ? {} : { warning }) });
}

/** Envoy asks nothing of a host that no check has found well, and none of those that it asked is left. */
function exchangeWarning(revision: string, before: readonly HostPort[], after: readonly HostPort[]): string | null {
  const stay = after.some((one) => before.some((other) => sameJson(one, other)));
  if (stay || before.length === 0 || after.length === 0) return null;
  return (
    `no host of revision ${revision} has stayed: its requests get 503 until a new one has passed its health check; ` +
    'tell new hosts beside the old ones first'
  );
}

/** The tables as they stand, and what is being tried out, with these hosts in place of those before. */
async function trafficWith(
  deps: Dependencies,
  state: BackendState,
  beside: boolean,
): Promise<Result<Pick<Commit, 'traffic' | 'trials'>>> {
  const owner = `backend/${state.backend}` as const;
  const traffic: Commit['traffic'][number][] = [];
  const trials: Commit['trials'][number][] = [];
  for (const fleet of deps.fleetNames) {
    const table = fromStore(await deps.traffic.table(fleet));
    if (table.kind === 'error') return table;
    const known = table.value.owners.get(owner)?.value;
    const value = known === undefined ? undefined : retold(known, state);
    // Of a revision that Envoys do not have they need not hear.
    if (value !== undefined && !sameJson(value, known))
      traffic.push({ fleet, owner, value, ...(beside ? { beside } : {}) });
    const trial = retoldTrial(table.value, owner, state);
    if (trial !== null) trials.push(trial);
  }
  return ok({ traffic, trials });
}

function retold<T extends OwnerTraffic | null>(value: T, state: BackendState): T {
  if (value?.kind !== 'backend') return value;
  return { ...value, ...toldEndpoints(state, value.revisions) };
}

function retoldTrial(
  { fleet, trial }: FleetTable,
  owner: string,
  state: BackendState,
): Commit['trials'][number] | null {
  if (trial === null || trial.changes.every(([name]) => name !== owner)) return null;
  const changes = trial.changes.map(([name, value]) => [name, name === owner ? retold(value, state) : value] as const);
  return { fleet, by: trial.by, trial: { probe: trial.probe, changes }, mustStand: true };
}

/** Those that Envoys have, or may have soon. */
function servedOf(state: BackendState, owner: Rollout | null): readonly Revision[] {
  return [
    ...(state.stable === null ? [] : [state.stable]),
    ...canariesOf(state, owner),
    ...state.retired.map((one) => one.revision),
  ];
}

/** Of a test with variants each of its arms. */
function canariesOf({ backend }: BackendState, owner: Rollout | null): readonly Revision[] {
  if (owner === null || isTerminal(owner.phase)) return [];
  return armsOf(wholeOf(owner, backend)).map(({ canary }) => canary);
}

function roleOf(revision: string, state: BackendState, owner: Rollout | null): Role {
  if (state.stable?.name === revision) return 'stable';
  if (canariesOf(state, owner).some(({ name }) => name === revision)) return 'canary';
  return state.retired.some((one) => one.revision.name === revision) ? 'retired' : 'none';
}

function hasRequests(role: Role, owner: Rollout | null): boolean {
  if (role === 'canary')
    return owner !== null && !isQueued(owner) && owner.phase !== 'pending' && owner.phase !== 'preparing';
  return role === 'stable';
}

function viewOf(state: BackendState, owner: Rollout | null): EndpointsView {
  const told = state.endpoints?.revisions ?? [];
  const silent = servedOf(state, owner).filter(
    ({ name, endpoints }) => endpoints.kind === 'api' && told.every(({ revision }) => revision !== name),
  );
  const names = [...new Set([...told.map(({ revision }) => revision), ...silent.map(({ name }) => name)])];
  const revisions = names.map((revision): RevisionView => {
    const own = told.find((one) => one.revision === revision);
    return {
      revision,
      endpoints: addressesOf(state, revision).map(addressText),
      role: roleOf(revision, state, owner),
      set: own === undefined ? null : { by: own.by, atMs: own.atMs },
    };
  });
  return { backend: state.backend, rev: state.endpoints?.rev ?? 0, revisions };
}
