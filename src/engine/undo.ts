import { requiredCapabilities } from '../core/fleet/capabilities.ts';
import type { BackendState } from '../core/model/backend-state.ts';
import type { RouteSpec } from '../core/model/documents.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { backendsOf } from '../core/rollout/joint.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { decideUndo } from '../core/rollout/undo.ts';
import { beginOnce } from './begin-once.ts';
import type { Dependencies } from './dependencies.ts';
import type { Started } from './engine.ts';
import { type Held, type Loaded, loadBackend, loadNamed, loadRollout, revsOf } from './load.ts';
import { observeFleets } from './observe.ts';
import { begin } from './start.ts';
import { fleetsOf, leadsTo, routesTo } from './surroundings.ts';

export interface UndoRequest {
  /** Name of a backend, or id of the rollout whose promotion is taken back. */
  readonly of: string;
  readonly reason: string;
  readonly by: string;
  readonly idempotencyKey: string | null;
}

/** All requests of a backend back to the revision that was stable before, in one commit. */
export async function undo(deps: Dependencies, request: UndoRequest): Promise<Result<Started>> {
  return beginOnce(deps, {
    idempotencyKey: request.idempotencyKey,
    attempt: (id) => attempt(deps, id, request),
    repeated: async ({ rev, body }) => {
      const target = await targetOf(deps, request.of);
      return target.kind === 'error' ? target : repeated(rev, body, target.value.name);
    },
    lost: 'other changes kept coming in between; nothing was undone',
  });
}

async function attempt(deps: Dependencies, id: string, request: UndoRequest): Promise<Result<Started> | 'again'> {
  const { of, reason, by } = request;
  const target = await targetOf(deps, of);
  if (target.kind === 'error') return target;
  const { name, rolloutId, state } = target.value;
  const backend = state === null ? await loadBackend(deps.records, name) : ok(state);
  if (backend.kind === 'error') return backend;
  if (backend.value.body === null) return fail('SERIN_NOT_FOUND', `there is no backend or rollout ${of}`);
  const { previous } = backend.value.body;
  const undone = await loadNamed(deps.records, previous?.rolloutId);
  if (undone.kind === 'error') return undone;
  const loaded = await loadParts(deps, previous?.joint ?? [name]);
  if (loaded.kind === 'error') return loaded;
  const { parts, routes } = loaded.value;
  const [first, ...others] = parts;
  if (first === undefined) return fail('SERIN_NOT_FOUND', `there is no backend or rollout ${of}`);
  const fleets = fleetsOf(routes);
  const observed = await observeFleets(deps, first.state.body.backend, fleets);
  if (observed.kind === 'error') return observed;

  const nowMs = deps.clock.now();
  const decided = decideUndo({
    ...{ id, backend: first.state.body, undone: undone.value?.body ?? null },
    // Of several the one that was named says what is taken back.
    of: rolloutId ?? (previous?.joint === undefined ? null : previous.rolloutId),
    ...(others.length === 0 ? {} : { parts: parts.map((part) => ({ ...part, state: part.state.body })) }),
    ...{ fleets, requires: requiredCapabilities(routes), observed: { fleets: observed.value } },
    ...{ by, reason, nowMs },
  });
  if (decided.kind === 'error') return decided;
  const revs = { backend: first.state.rev, ...revsOf(others.map(({ state }) => state)) };
  return begin(deps, decided.value, revs, nowMs);
}

interface LoadedPart {
  readonly state: Held<BackendState>;
  readonly fleets: readonly string[];
}

/** The backends that were promoted together, the first of their plan first, and all routes that lead to any of them. */
async function loadParts(
  deps: Dependencies,
  names: readonly string[],
): Promise<Result<{ readonly parts: readonly LoadedPart[]; readonly routes: readonly RouteSpec[] }>> {
  const parts: LoadedPart[] = [];
  const routes = await routesTo(deps, ...names);
  if (routes.kind === 'error') return routes;
  for (const name of names) {
    const loaded = await loadBackend(deps.records, name);
    if (loaded.kind === 'error') return loaded;
    const { key, rev, body } = loaded.value;
    if (body === null)
      return fail('SERIN_NOT_FOUND', `there is no backend ${name} any more, which was promoted with them`);
    parts.push({ state: { key, rev, body }, fleets: fleetsOf(routes.value.filter((route) => leadsTo(route, name))) });
  }
  return ok({ parts, routes: routes.value });
}

/** A backend, or the one of a rollout. `state`: of a backend that was named; `null`: not read yet. */
async function targetOf(
  { records }: Dependencies,
  of: string,
): Promise<
  Result<{ readonly name: string; readonly rolloutId: string | null; readonly state: Loaded<BackendState> | null }>
> {
  const backend = await loadBackend(records, of);
  if (backend.kind === 'error') return backend;
  if (backend.value.body !== null) return ok({ name: of, rolloutId: null, state: backend.value });
  const rollout = await loadRollout(records, of);
  if (rollout.kind === 'error') return rollout;
  if (rollout.value.body === null) return fail('SERIN_NOT_FOUND', `there is no backend or rollout ${of}`);
  return ok({ name: rollout.value.body.backend, rolloutId: of, state: null });
}

function repeated(rev: number, rollout: Rollout, backend: string): Result<Started> {
  if (rollout.undoes !== undefined && backendsOf(rollout).includes(backend)) {
    return ok({ view: { rev, rollout, laggards: [] }, created: false });
  }
  return fail('SERIN_IDEMPOTENCY_MISMATCH', 'this Idempotency-Key was used for another rollout');
}
