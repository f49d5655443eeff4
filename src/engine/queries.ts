import { liveness } from '../core/fleet/liveness.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { isTerminal, type Phase } from '../core/model/phase.ts';
import { backendsOf } from '../core/rollout/joint.ts';
import { trialOf } from '../core/rollout/push.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { RolloutRecord } from '../core/rollout/rollout-record.ts';
import type { Dependencies } from './dependencies.ts';
import type { RolloutView } from './engine.ts';
import { fromStore, loadRollout, parse } from './load.ts';
import { observeRollout } from './observe.ts';

export async function getRollout(deps: Dependencies, id: string): Promise<Result<RolloutView>> {
  const loaded = await loadRollout(deps.records, id);
  if (loaded.kind === 'error') return loaded;
  const { body, rev } = loaded.value;
  if (body === null) return fail('SERIN_NOT_FOUND', `there is no rollout ${id}`);
  return ok({ rev, rollout: body, laggards: await laggardsOf(deps, body) });
}

async function laggardsOf(deps: Dependencies, rollout: Rollout): Promise<readonly string[]> {
  if (rollout.push === null || isTerminal(rollout.phase)) return [];
  const fleets = await observeRollout(deps, rollout);
  if (fleets.kind === 'error') return [];
  const { disconnectGraceMs } = deps.settings();
  const { counted, probe, routesOnly } = rollout.push;
  if (probe !== null) return Object.values(probe).sort();
  const asking = { routesOnly, by: trialOf(rollout), graceMs: disconnectGraceMs, nowMs: deps.clock.now() };
  const live = liveness(counted, fleets.value, asking);
  return live.kind === 'waiting' ? Object.values(live.laggards).flat() : [];
}

export interface RolloutPage {
  readonly backend: string | null;
  readonly phase: Phase | 'active' | null;
  readonly limit: number;
  readonly cursor: string | null;
}

/** At most so many reads for one page: a filter that fits nothing must not read everything there ever was. */
const MAX_READS = 20;

/** Newest first. A filtered page may hold fewer than `limit` although more follow: go on while there is a cursor. */
export async function listRollouts(
  deps: Dependencies,
  page: RolloutPage,
): Promise<Result<{ readonly rollouts: readonly RolloutView[]; readonly cursor: string | null }>> {
  const rollouts: RolloutView[] = [];
  let { cursor } = page;
  for (let reads = 0; reads < MAX_READS; reads += 1) {
    const limit = page.limit - rollouts.length;
    const read = fromStore(await deps.records.list('rollout/', { limit, cursor }));
    if (read.kind === 'error') return read;
    for (const record of read.value.records) {
      const parsed = parse(record, RolloutRecord);
      if (parsed.kind === 'error') return parsed;
      const rollout = parsed.value.body;
      if (rollout === null || !wanted(rollout, page)) continue;
      rollouts.push({ rev: parsed.value.rev, rollout, laggards: [] });
    }
    cursor = read.value.cursor;
    if (cursor === null || rollouts.length >= page.limit) break;
  }
  return ok({ rollouts, cursor });
}

function wanted(rollout: Rollout, { backend, phase }: RolloutPage): boolean {
  if (backend !== null && !backendsOf(rollout).includes(backend)) return false;
  if (phase === null) return true;
  return phase === 'active' ? !isTerminal(rollout.phase) : rollout.phase === phase;
}
