import { isTerminal } from '../core/model/phase.ts';
import { recordBackend } from '../core/replay/record-decision.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, loadBackend, loadNamed, rolloutKey } from './load.ts';
import { commit, EMPTY_COMMIT, nextLook } from './publish.ts';

/** A trial's end makes the backend due by itself; this is the backstop, ms. */
const TRIAL_BACKSTOP_MS = 3_600_000;

/** Takes clusters out of service whose time is over. A lost race is taken up at the next due time. */
export async function tidy(deps: Dependencies, backend: string): Promise<void> {
  const subject = `backend/${backend}` as const;
  const loaded = await loadBackend(deps.records, backend);
  if (loaded.kind === 'error') return;
  const state = loaded.value.body;
  if (state === null || state.retired.length === 0) {
    await deps.due.forget(subject);
    return;
  }
  const nowMs = deps.clock.now();
  const kept = state.retired.filter(({ untilMs }) => untilMs > nowMs);
  const nextMs = kept.length === 0 ? null : Math.min(...kept.map(({ untilMs }) => untilMs));
  if (kept.length === state.retired.length) {
    if (nextMs !== null)
      await commit(deps, nextLook(subject, { key: backendKey(backend), rev: loaded.value.rev }, nextMs));
    return;
  }
  const named = await loadNamed(deps.records, state.rolloutId);
  if (named.kind === 'error') return;
  const owner = named.value;
  if (owner !== null && owner.body.push?.probe != null) {
    // What one node tries out must not reach the others by this way.
    // Fenced by the rollout: when its trial has ended meanwhile, the backend is due already.
    const read = { key: rolloutKey(owner.body.id), rev: owner.rev };
    await commit(deps, nextLook(subject, read, nowMs + TRIAL_BACKSTOP_MS));
    return;
  }
  const fleets = await fleetsServing(deps, backend);
  if (fleets === null) return;
  const next = { ...state, retired: kept };
  const value = backendTraffic(next, owner === null || isTerminal(owner.body.phase) ? null : owner.body);
  await commit(deps, {
    ...EMPTY_COMMIT,
    reads: [
      { key: backendKey(backend), rev: loaded.value.rev },
      ...(owner === null ? [] : [{ key: rolloutKey(owner.body.id), rev: owner.rev }]),
    ],
    writes: [{ key: backendKey(backend), body: next }],
    due: [{ subject, atMs: nextMs }],
    traffic: fleets.map((fleet) => ({ fleet, owner: `backend/${backend}` as const, value, beside: true })),
    decisions: owner === null ? [] : [recordBackend(owner.body.id, owner.rev, next, loaded.value.rev)],
  });
}

/** Where the backend's clusters are, whether a Route still leads there or not; `null` when the store is silent. */
async function fleetsServing(deps: Dependencies, backend: string): Promise<readonly string[] | null> {
  const serving: string[] = [];
  for (const fleet of deps.fleetNames) {
    const standing = await deps.traffic.standing(fleet, `backend/${backend}`);
    if (standing.kind !== 'ok') return null;
    if (standing.value.position !== null) serving.push(fleet);
  }
  return serving;
}
