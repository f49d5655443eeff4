import type { BackendState } from '../core/model/backend-state.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { TrafficOwner } from '../core/model/traffic.ts';
import type { RecordedDecision } from '../core/replay/decision.ts';
import { isBaking } from '../core/rollout/bake.ts';
import { partOf, statesOf } from '../core/rollout/joint.ts';
import { trialOf } from '../core/rollout/push.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Transition } from '../core/rollout/transition.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, judgementKey, rolloutKey, verdictsKey } from './load.ts';
import type { ActiveNote, Commit, CommitOutcome, Subject } from './ports/store.ts';
import type { Remembered } from './verdicts.ts';

/** Changes nothing; what a commit is about goes on top. */
export const EMPTY_COMMIT: Commit = {
  reads: [],
  writes: [],
  events: [],
  outbox: [],
  due: [],
  traffic: [],
  trials: [],
  active: [],
};

/** A transition as one commit: records, events, messages, due times and traffic together or not at all. */
export function transitionCommit(
  transition: Transition,
  revs: {
    readonly rollout: number;
    readonly backend: number;
    /** Of the other backends of a joint rollout, in its order. */
    readonly others?: readonly number[];
    readonly remembered?: Remembered;
  },
  /** Of a joint rollout: any of them. */
  backendChanged: boolean,
  decision: RecordedDecision | null = null,
): Commit {
  const { rollout, events, notices, traffic, dueAtMs } = transition;
  const { judgement = null, series = null } = revs.remembered ?? {};
  const [jKey, vKey] = [judgementKey(rollout.id), verdictsKey(rollout.id)];
  const rKey = rolloutKey(rollout.id);
  const backends = statesOf(transition).map((state, i) => {
    return { state, key: backendKey(state.backend), rev: (i === 0 ? revs.backend : revs.others?.[i - 1]) ?? 0 };
  });
  // What was not tidied away while one node tried a change out is due when the change is with all, or is left out.
  const forAll = traffic && (rollout.push?.probe ?? null) === null;
  return {
    ...EMPTY_COMMIT,
    reads: [
      { key: rKey, rev: revs.rollout },
      ...backends.map(({ key, rev }) => ({ key, rev })),
      ...(judgement === null ? [] : [{ key: jKey, rev: judgement.rev }]),
      ...(series === null ? [] : [{ key: vKey, rev: series.rev }]),
    ],
    writes: [
      { key: rKey, body: rollout },
      ...(backendChanged ? backends.map(({ key, state }) => ({ key, body: state })) : []),
      ...(judgement === null ? [] : [{ key: jKey, body: judgement.body }]),
      ...(series === null ? [] : [{ key: vKey, body: { points: series.points } }]),
    ],
    events,
    outbox: rollout.spec.notify.flatMap((target) =>
      notices.map((notice) => ({ queue: `${rollout.id}~${target}`, notice })),
    ),
    due: [
      { subject: `rollout/${rollout.id}`, atMs: dueAtMs },
      ...(backendChanged || forAll ? backends.flatMap(({ state }) => tidyDue(state)) : []),
    ],
    ...(traffic ? trafficOf(transition) : {}),
    active: [activeNote(rollout)],
    ...(decision === null ? {} : { decisions: [decision] }),
  };
}

function tidyDue({ backend, retired }: BackendState): readonly { readonly subject: Subject; readonly atMs: number }[] {
  if (retired.length === 0) return [];
  return [{ subject: `backend/${backend}`, atMs: Math.min(...retired.map(({ untilMs }) => untilMs)) }];
}

export function activeNote(rollout: Rollout): ActiveNote {
  const { id, phase, evidence } = rollout;
  const judged = (phase === 'stepping' || isBaking(rollout)) && evidence !== null;
  return {
    rolloutId: id,
    phase: isTerminal(phase) ? null : phase,
    evidenceAtMs: judged ? (evidence.inconclusiveSinceMs ?? evidence.judgedAtMs) : null,
    blind: judged && evidence.blind === true,
  };
}

/**
 * To all Envoys, which ends the trial before it; or to the nodes that try it out, beside what the others have. The
 * traffic of all backends of a rollout is one change of a fleet's table: no Envoy has that of some of them.
 */
function trafficOf(transition: Transition): Pick<Commit, 'traffic' | 'trials'> {
  const { rollout } = transition;
  const own = isTerminal(rollout.phase) ? null : rollout;
  const changes = statesOf(transition).map((state) => {
    const owner: TrafficOwner = `backend/${state.backend}`;
    return { owner, value: backendTraffic(state, own), fleets: partOf(rollout, state.backend).fleets };
  });
  const by = trialOf(rollout);
  const probe = own?.push?.probe ?? null;
  const inFleet = rollout.fleets.map((fleet) => ({
    fleet,
    changes: changes.filter(({ fleets }) => fleets.includes(fleet)),
  }));
  const traffic =
    probe === null
      ? inFleet.flatMap(({ fleet, changes: here }) => here.map(({ owner, value }) => ({ fleet, owner, value })))
      : [];
  const trials = inFleet.map(({ fleet, changes: here }) => {
    const nodeId = probe?.[fleet];
    const tried = here.map(({ owner, value }) => [owner, value] as const);
    return { fleet, by, trial: nodeId === undefined ? null : { probe: nodeId, changes: tried } };
  });
  return { traffic, trials };
}

/** The rollout behind one that has just ended need not wait for its next look. */
export function kickNext({ wakeUps }: Pick<Dependencies, 'wakeUps'>, transition: Transition): void {
  for (const { rolloutId, next } of statesOf(transition)) {
    if (rolloutId === null && next != null) wakeUps.kick(`rollout/${next}`);
  }
}

/** When to look at a subject again, provided that the record decided about is still as it was read. */
export function nextLook(subject: Subject, read: Commit['reads'][number], atMs: number): Commit {
  return { ...EMPTY_COMMIT, reads: [read], due: [{ subject, atMs }] };
}

/** Commits and tells those who count: meters, the log, and whoever has a message to deliver. */
export async function commit(deps: Dependencies, change: Commit): Promise<CommitOutcome> {
  const outcome = await deps.records.commit(change);
  deps.meter.storeUp(outcome.kind !== 'unavailable' || outcome.frozen === true || outcome.newer === true);
  if (outcome.kind === 'conflict') deps.meter.commitConflict();
  if (outcome.kind !== 'committed') return outcome;
  for (const event of change.events) {
    deps.meter.event(event);
    deps.logger.info('rollout event', {
      rolloutId: event.rolloutId,
      type: event.type,
      phase: event.phase,
      step: event.step,
      detail: event.message,
    });
  }
  for (const queue of new Set(change.outbox.map((entry) => entry.queue))) deps.wakeUps.kick(`outbox/${queue}`);
  return outcome;
}
