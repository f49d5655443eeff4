import { fail, ok, type Result } from '../core/model/errors.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { BackendTraffic, FleetTable } from '../core/model/traffic.ts';
import { partsOf } from '../core/rollout/joint.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import { explainInFleets } from '../core/traffic/evaluate/explain-in-fleets.ts';
import type { RequestExplanation } from '../core/traffic/evaluate/explain-request.ts';
import type { SampleRequest } from '../core/traffic/evaluate/sample-request.ts';
import { type PreviewStep, parsePreviewStep } from '../core/traffic/preview-step.ts';
import type { Dependencies } from './dependencies.ts';
import { fromStore, loadBackend, loadRollout } from './load.ts';

export interface ExplainRequest {
  readonly request: SampleRequest;
  /** `null`: whichever takes the request. */
  readonly fleet: string | null;
  /** Id of a rollout; `null`: whatever rolls now. */
  readonly rollout: string | null;
  /** A step of its plan, by number or name; `null`: the present one. Only with a rollout. */
  readonly step: string | null;
}

/**
 * Where a request goes by the records: what Envoys are told now, or would be told with a rollout at another step. What one
 * Envoy tries out for the others is not in it, nor what an emergency has put in its place.
 */
export async function explainLive(deps: Dependencies, asked: ExplainRequest): Promise<Result<RequestExplanation>> {
  const { request, fleet, rollout: id, step } = asked;
  if (id === null && step !== null) {
    return fail('SERIN_REQUEST_INVALID', 'a step is that of a rollout, and none is named', {
      hint: 'Name it by --rollout.',
    });
  }
  const rollout = id === null ? ok(null) : await known(deps, id);
  if (rollout.kind === 'error') return rollout;
  const tables: FleetTable[] = [];
  for (const name of rollout.value?.fleets ?? deps.fleetNames) {
    const read = fromStore(await deps.traffic.table(name));
    if (read.kind === 'error') return read;
    tables.push(read.value);
  }
  const moved = rollout.value === null || step === null ? ok(tables) : await movedTo(deps, tables, rollout.value, step);
  return moved.kind === 'error' ? moved : explainInFleets(moved.value, fleet ?? undefined, request);
}

async function known(deps: Dependencies, id: string): Promise<Result<Rollout>> {
  const loaded = await loadRollout(deps.records, id);
  if (loaded.kind === 'error') return loaded;
  const { body } = loaded.value;
  return body === null ? fail('SERIN_NOT_FOUND', `there is no rollout ${id}`) : ok(body);
}

/** Its backends as they would be at the step; everything else in the tables as it is. */
async function movedTo(
  deps: Dependencies,
  tables: readonly FleetTable[],
  rollout: Rollout,
  text: string,
): Promise<Result<readonly FleetTable[]>> {
  const at = parsePreviewStep(rollout.spec, text);
  if (at.kind === 'error') return at;
  const standing = standingAt(rollout, at.value);
  let moved = tables;
  for (const { backend, stable, fleets } of partsOf(rollout)) {
    const loaded = await loadBackend(deps.records, backend);
    if (loaded.kind === 'error') return loaded;
    const state = loaded.value.body;
    if (state === null) return fail('SERIN_INTERNAL', `backend ${backend} has no state`);
    // Of one that has ended, stable may be another by now; what is asked is how it would be with this one.
    const value = backendTraffic(isTerminal(rollout.phase) ? { ...state, stable } : state, standing);
    moved = moved.map((table) => (fleets.includes(table.fleet) ? withTraffic(table, value) : table));
  }
  return ok(moved);
}

function withTraffic(table: FleetTable, value: BackendTraffic): FleetTable {
  const owner = `backend/${value.backend}` as const;
  const n = table.owners.get(owner)?.n ?? table.position.n;
  return { ...table, owners: new Map([...table.owners, [owner, { n, value }] as const]) };
}

/** Users that earlier steps gave a cookie are told apart by the routes of later ones. */
function standingAt(rollout: Rollout, at: PreviewStep): Rollout {
  if (typeof at === 'string') return { ...rollout, phase: at };
  const { phase, step: now, spec, history } = rollout;
  if (phase === 'stepping' && at === now) return rollout;
  const isOver = isTerminal(phase);
  const firstStep = isOver ? 0 : Math.min(at, now + 1);
  const ahead = spec.strategy.steps.slice(firstStep, at + 1).map(({ name, weight }, i) => ({
    ...{ step: firstStep + i, name, weight, committedAtMs: 0, liveAtMs: 0, leftAtMs: null },
  }));
  return { ...rollout, phase: 'stepping', step: at, history: [...(isOver ? [] : history), ...ahead] };
}
