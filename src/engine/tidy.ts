import { isTerminal } from '../core/model/phase.ts';
import { DocumentRecord } from '../core/model/stored.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, loadAll, loadBackend, loadRollout, rolloutKey } from './load.ts';
import { commit } from './publish.ts';

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
    if (nextMs !== null) await deps.due.schedule(subject, nextMs);
    return;
  }
  const rollout = state.rolloutId === null ? null : await loadRollout(deps.records, state.rolloutId);
  if (rollout?.kind === 'error') return;
  const active = rollout?.value.body ?? null;
  const routes = await loadAll(deps.records, 'document/Route/', DocumentRecord);
  if (routes.kind === 'error') return;
  const fleets = new Set<string>();
  for (const { body } of routes.value) {
    const { document } = body;
    if (document.kind === 'Route' && document.spec.rules.some((rule) => rule.backend === backend)) {
      fleets.add(document.spec.fleet);
    }
  }
  const next = { ...state, retired: kept };
  const value = backendTraffic(next, active === null || isTerminal(active.phase) ? null : active);
  await commit(deps, {
    reads: [
      { key: backendKey(backend), rev: loaded.value.rev },
      ...(rollout === null || rollout.value.body === null
        ? []
        : [{ key: rolloutKey(rollout.value.body.id), rev: rollout.value.rev }]),
    ],
    writes: [{ key: backendKey(backend), body: next }],
    events: [],
    outbox: [],
    due: [{ subject, atMs: nextMs }],
    traffic: [...fleets].map((fleet) => ({ fleet, owner: `backend/${backend}` as const, value })),
  });
}
