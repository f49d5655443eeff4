import { type BackendState, takenBy } from '../core/model/backend-state.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import { isTerminal } from '../core/model/phase.ts';
import { recordCommand, recordGiven } from '../core/replay/record-decision.ts';
import { armsOf } from '../core/rollout/arms.ts';
import { decideCommand } from '../core/rollout/command.ts';
import { wholeOf } from '../core/rollout/joint.ts';
import { tell } from '../core/rollout/notice.ts';
import { canBeSuperseded, isQueued, queuedBehind } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { draft, emit, finish, type Observations, type Transition } from '../core/rollout/transition.ts';
import { besideOwner } from './beside-owner.ts';
import type { Dependencies } from './dependencies.ts';
import type { Started } from './engine.ts';
import { type Held, loadBackend, loadNamed, storeUnavailable } from './load.ts';
import { mergedCommit } from './merged-commit.ts';
import { observeFleets } from './observe.ts';
import type { Commit } from './ports/store.ts';
import { commit, kickNext, transitionCommit } from './publish.ts';

export function isTaken(backend: string, by: string): ReturnType<typeof fail> {
  return fail('SERIN_ROLLOUT_ACTIVE', `backend ${backend} is owned by the active rollout ${by}`);
}

/**
 * Starts a rollout whose backend another one has, all in one commit: it is named behind that one, takes the place of who
 * waited there before, and, where the plan says `supersede`, sends the other back to stable. From then on nobody has to
 * remember anything: it is looked at like any rollout, and begins when the backend is free.
 */
export async function startBehind(
  deps: Dependencies,
  fresh: Rollout,
  backend: Held<BackendState>,
): Promise<Result<Started> | 'again'> {
  const name = fresh.backend;
  const running = await active(deps, backend.body.rolloutId);
  if (running.kind === 'error') return running;
  const waiting = await active(deps, backend.body.next);
  if (waiting.kind === 'error') return waiting;
  const [owner, before] = [running.value, waiting.value];
  if ((backend.body.rolloutId !== null && owner === null) || (before !== null && !isQueued(before.body))) {
    // One has ended or begun since the backend was read; or it names one that is not there, which a person has to see.
    const now = await loadBackend(deps.records, name);
    if (now.kind === 'error') return now;
    return now.value.rev === backend.rev ? isTaken(name, takenBy(backend.body) ?? '') : 'again';
  }
  const same = [owner, before].find(
    (one) => one !== null && armsOf(wholeOf(one.body, name)).some((arm) => arm.canary.cluster === fresh.canary.cluster),
  );
  if (same != null) {
    const stands = isQueued(same.body) ? 'waits' : 'rolls';
    return fail('SERIN_ROLLOUT_ACTIVE', `revision ${fresh.canary.name} of ${name} ${stands} already: ${same.body.id}`);
  }
  const supersedes = owner !== null && fresh.spec.onNewRevision === 'supersede' && canBeSuperseded(owner.body);
  const seen = supersedes ? await observeFleets(deps, name, owner.body.fleets) : ok({});
  if (seen.kind === 'error') return seen;

  const nowMs = deps.clock.now();
  const ask = { deps, fresh, backendRev: backend.rev, nowMs };
  const parts: Part[] = [];
  let state = backend.body;
  for (const [other, fleets] of [
    [supersedes ? owner : null, seen.value],
    [before, {}],
  ] as const) {
    if (other === null) continue;
    const part = giveWay(ask, other, state, fleets);
    state = part.transition?.backend ?? state;
    parts.push(part);
  }
  const own = owner === null ? { ...state, rolloutId: fresh.id, next: null } : { ...state, next: fresh.id };
  if (owner !== null && !supersedes) {
    parts.push({ transition: null, commit: besideOwner(owner, own, backend.rev) });
  }
  const begun = firstMoment(owner === null ? null : owner.body.id, fresh, own, nowMs);
  const given = recordGiven('start', begun, nowMs);
  parts.push({
    transition: begun,
    commit: transitionCommit(begun, { rollout: 0, backend: backend.rev }, true, given),
  });
  const done = await commit(deps, mergedCommit(parts.map((part) => part.commit)));
  if (done.kind === 'conflict') return 'again';
  if (done.kind === 'unavailable') return storeUnavailable(done);
  // As after a command: whoever decides about it wants to see what it does then.
  if (supersedes) await deps.suspects.forgive(`rollout/${owner.body.id}`);
  for (const { transition } of parts) {
    if (transition === null) continue;
    deps.active.note(transition.rollout);
    if (!isTerminal(transition.rollout.phase)) deps.wakeUps.kick(`rollout/${transition.rollout.id}`);
    kickNext(deps, transition);
  }
  return ok({ view: { rev: 1, rollout: begun.rollout, laggards: [] }, created: true });
}

/** What the start changes of one rollout. */
interface Part {
  readonly transition: Transition | null;
  readonly commit: Commit;
}

interface Ask {
  readonly deps: Dependencies;
  readonly fresh: Rollout;
  readonly backendRev: number;
  readonly nowMs: number;
}

function giveWay(
  { deps, fresh, backendRev, nowMs }: Ask,
  other: Held<Rollout>,
  backend: BackendState,
  fleets: Observations['fleets'],
): Part {
  const input = {
    ...{ rollout: other.body, backend, by: fresh.startedBy, observed: { fleets } },
    command: { type: 'supersede', next: { id: fresh.id, revision: fresh.canary.name } } as const,
    ...{ settings: deps.settings(), nowMs },
  };
  const outcome = decideCommand(input);
  if (outcome.kind !== 'accepted') throw new Error(`rollout ${other.body.id} does not give way: ${outcome.kind}`);
  const { transition } = outcome;
  const revs = { rollout: other.rev, backend: backendRev };
  return {
    transition,
    commit: transitionCommit(transition, revs, true, recordCommand(input, transition, revs)),
  };
}

/** @param behind `null`: the backend is free after all, and it begins */
function firstMoment(behind: string | null, fresh: Rollout, backend: BackendState, nowMs: number): Transition {
  const { plan, startedBy, canary } = fresh;
  const rollout = behind === null ? fresh : { ...fresh, ...queuedBehind(fresh.backend, behind) };
  const d = draft(rollout, backend, nowMs);
  const by = [['By', startedBy]] as const;
  if (behind === null) {
    emit(d, 'started', `rollout of ${canary.name} by plan ${plan}`, {}, startedBy);
    tell(d, 'started', by);
  } else {
    emit(d, 'queued', `rollout of ${canary.name} by plan ${plan} waits for ${rollout.waitingFor}`, {}, startedBy);
    tell(d, 'queued', [...by, ['Waits for', rollout.waitingFor]]);
  }
  return finish(d, rollout, d.nowMs, d.nowMs);
}

/** `null`: the backend names none, or one that has ended. */
async function active(deps: Dependencies, id: string | null | undefined): Promise<Result<Held<Rollout> | null>> {
  const loaded = await loadNamed(deps.records, id);
  return loaded.kind === 'ok' && loaded.value !== null && isTerminal(loaded.value.body.phase) ? ok(null) : loaded;
}
