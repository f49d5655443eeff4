import type { BackendState } from '../core/model/backend-state.ts';
import { isTerminal } from '../core/model/phase.ts';
import { isOver } from '../core/rollout/aftercare.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { step } from '../core/rollout/step.ts';
import type { Transition } from '../core/rollout/transition.ts';
import type { Dependencies } from './dependencies.ts';
import { type Loaded, loadBackend, loadRolloutWith } from './load.ts';
import { observe } from './observe.ts';
import type { Subject } from './ports/store.ts';
import { commit, nextLook, transitionCommit } from './publish.ts';

/** A lost race reloads and decides again; more losses in a row than this wait for the next wake-up. */
const MAX_RACES = 5;

/**
 * One tick of one rollout: load, observe, decide, commit (design §4). Harmless to repeat and to run twice at once:
 * the commit is the fence. Every outage ends the tick; the lease on the due subject brings it back.
 */
export async function reconcile(deps: Dependencies, id: string): Promise<void> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    if ((await tick(deps, id)) === 'done') return;
  }
}

async function tick(deps: Dependencies, id: string): Promise<'done' | 'again'> {
  const subject: Subject = `rollout/${id}`;
  const likely = deps.active.backendOf(id);
  const loaded = await loadRolloutWith(deps.records, id, likely);
  if (loaded.kind === 'error') return stuck(deps, id, loaded.errors[0]?.message);
  const { rollout } = loaded.value;
  const before = rollout.body;
  if (before === null || isOver(before)) {
    await deps.due.forget(subject);
    return 'done';
  }
  const together = before.backend === likely ? loaded.value.backend : null;
  const backend = together ?? (await loadBackend(deps.records, before.backend));
  if (backend.kind === 'error') return stuck(deps, id, backend.errors[0]?.message);
  if (backend.value.body === null) {
    // Nobody needs a backend that is gone to be looked after.
    if (isTerminal(before.phase)) await deps.due.forget(subject);
    return stuck(deps, id, 'its backend has no state');
  }

  const observed = await observe(deps, before, deps.clock.now());
  if (observed.kind === 'error') return stuck(deps, id, observed.errors[0]?.message);
  deps.active.note(before);
  const transition = step({
    rollout: before,
    backend: backend.value.body,
    observed: observed.value,
    judge: deps.judge,
    settings: deps.settings(),
    nowMs: deps.clock.now(),
  });
  return settle(deps, rollout, backend.value, transition, before);
}

async function settle(
  deps: Dependencies,
  rollout: Loaded<Rollout>,
  backend: Loaded<BackendState>,
  transition: Transition,
  before: Rollout,
): Promise<'done' | 'again'> {
  const subject: Subject = `rollout/${before.id}`;
  if (transition.rollout === before && transition.events.length === 0) {
    return lookAgain(deps, subject, rollout, transition.dueAtMs);
  }
  const backendChanged = transition.backend !== backend.body;
  const outcome = await commit(
    deps,
    transitionCommit(transition, { rollout: rollout.rev, backend: backend.rev }, backendChanged),
  );
  switch (outcome.kind) {
    case 'committed':
      deps.active.note(transition.rollout);
      deps.meter.confirmedBack(transition.confirmedAfterMs);
      return 'done';
    case 'conflict':
      return 'again';
    case 'unavailable':
      return stuck(deps, before.id, outcome.detail);
  }
}

/** Fenced like any other decision: what a command has made due meanwhile must not be put off. */
async function lookAgain(
  deps: Dependencies,
  subject: Subject,
  { key, rev }: Loaded<Rollout>,
  atMs: number | null,
): Promise<'done' | 'again'> {
  if (atMs === null) return 'done';
  const outcome = await commit(deps, nextLook(subject, { key, rev }, atMs));
  return outcome.kind === 'conflict' ? 'again' : 'done';
}

function stuck(deps: Dependencies, rolloutId: string, detail: string | undefined): 'done' {
  deps.logger.warn('rollout could not be looked at; it stays as it is', { rolloutId, detail });
  return 'done';
}
