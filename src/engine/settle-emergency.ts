import type { Position } from '../core/model/traffic.ts';
import { isQueued } from '../core/rollout/queued.ts';
import { commandRollout } from './command-rollout.ts';
import type { Dependencies } from './dependencies.ts';
import { loadBackend, loadNamed } from './load.ts';
import type { EmergencyDecision } from './ports/emergency-journal.ts';

export type Settlement =
  /** The store does not take it yet. */
  | { readonly kind: 'later'; readonly detail: string }
  /** The store says so itself now, from these fleet revisions on. */
  | { readonly kind: 'written'; readonly outcome: string; readonly at: Readonly<Record<string, Position>> }
  /** Another revision has become stable meanwhile: only a person may send requests to it here. */
  | { readonly kind: 'held'; readonly detail: string };

/**
 * Writes a decision down that was taken without the store: the rollout that it was about is aborted by the ordinary
 * commit. A rollout that was started later is none of its business: who started it knew.
 */
export async function settleEmergency(deps: Dependencies, decision: EmergencyDecision): Promise<Settlement> {
  const done = await writeDown(deps, decision);
  if (done.kind !== 'written') return done;
  // Up to these revisions a table may be from before: it must not raise what is down here.
  const at: Record<string, Position> = {};
  for (const fleet of deps.fleetNames) {
    const read = await deps.traffic.table(fleet);
    if (read.kind !== 'ok') return { kind: 'later', detail: read.detail };
    at[fleet] = read.value.position;
  }
  return { kind: 'written', outcome: done.outcome, at };
}

type Outcome = { readonly kind: 'written'; readonly outcome: string } | Exclude<Settlement, { kind: 'written' }>;

async function writeDown(deps: Dependencies, decision: EmergencyDecision): Promise<Outcome> {
  const written = (outcome: string): Outcome => ({ kind: 'written', outcome });
  const backend = await loadBackend(deps.records, decision.backend);
  if (backend.kind === 'error') return later(backend.errors);
  const state = backend.value.body;
  if (state === null) return written('the backend is gone');
  if (state.stable !== null && state.stable.cluster !== decision.cluster) {
    return { kind: 'held', detail: `revision ${state.stable.name} has become stable meanwhile` };
  }
  const next = await withdrawNext(deps, decision, state.next);
  if (next !== null) return next;
  const loaded = await loadNamed(deps.records, state.rolloutId);
  if (loaded.kind === 'error') return later(loaded.errors);
  const rollout = loaded.value?.body ?? null;
  if (rollout === null) return written('no rollout was active any more');
  const { id, phase } = rollout;
  if (rollout.createdAtMs > decision.atMs) return written(`rollout ${id} was started afterwards; it goes on`);
  if (rollout.stable === null) return written(`rollout ${id} is the first deployment: there is nothing to go back to`);
  if (phase === 'rolling_back' || phase === 'aborting') return written(`rollout ${id} is on its way back`);
  const reason = reasonOf(decision);
  const asked = await commandRollout(deps, {
    ...{ id, rev: null, by: decision.by },
    command: { type: 'abort', reason },
  });
  return asked.kind === 'error' ? later(asked.errors) : written(`rollout ${id} aborted`);
}

/** What waited before the emergency must not begin by itself after it. `null`: nothing does, or not any more. */
async function withdrawNext(
  deps: Dependencies,
  decision: EmergencyDecision,
  id: string | null | undefined,
): Promise<Outcome | null> {
  const loaded = await loadNamed(deps.records, id);
  if (loaded.kind === 'error') return later(loaded.errors);
  const rollout = loaded.value?.body ?? null;
  if (rollout === null || !isQueued(rollout) || rollout.createdAtMs > decision.atMs) return null;
  const asked = await commandRollout(deps, {
    ...{ id: rollout.id, rev: null, by: decision.by },
    command: { type: 'abort', reason: reasonOf(decision) },
  });
  return asked.kind === 'error' ? later(asked.errors) : null;
}

function reasonOf({ atMs, reason }: EmergencyDecision): string {
  return `emergency of ${new Date(atMs).toISOString()}, decided without the store: ${reason}`;
}

function later([first]: readonly { readonly message: string }[]): Outcome {
  return { kind: 'later', detail: first?.message ?? 'unknown' };
}
