import { addPoint, type SeriesPoint } from '../core/analysis/verdict-series.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { TrafficOwner } from '../core/model/traffic.ts';
import type { RecordedDecision } from '../core/replay/decision.ts';
import { isBaking } from '../core/rollout/bake.ts';
import { trialOf } from '../core/rollout/push.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Transition } from '../core/rollout/transition.ts';
import { backendTraffic } from '../core/traffic/backend-traffic.ts';
import type { Dependencies } from './dependencies.ts';
import { backendKey, judgementKey, type Loaded, rolloutKey } from './load.ts';
import type { ActiveNote, Commit, CommitOutcome, Subject } from './ports/store.ts';

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
    readonly judgement?: number;
    readonly verdicts?: Loaded<readonly SeriesPoint[]> | null;
  },
  backendChanged: boolean,
  decision: RecordedDecision | null = null,
): Commit {
  const { rollout, backend, events, notices, traffic, dueAtMs, judgement, point } = transition;
  const series = point === null ? null : (revs.verdicts ?? null);
  const jKey = judgementKey(rollout.id);
  const rKey = rolloutKey(rollout.id);
  const bKey = backendKey(rollout.backend);
  const tidyAtMs = backend.retired.length === 0 ? null : Math.min(...backend.retired.map(({ untilMs }) => untilMs));
  const tidy: Subject = `backend/${rollout.backend}`;
  // What was not tidied away while one node tried a change out is due when the change is with all, or is left out.
  const forAll = traffic && (rollout.push?.probe ?? null) === null;
  return {
    ...EMPTY_COMMIT,
    reads: [
      { key: rKey, rev: revs.rollout },
      { key: bKey, rev: revs.backend },
      ...(judgement === null ? [] : [{ key: jKey, rev: revs.judgement ?? 0 }]),
      ...(series === null ? [] : [{ key: series.key, rev: series.rev }]),
    ],
    writes: [
      { key: rKey, body: rollout },
      ...(backendChanged ? [{ key: bKey, body: backend }] : []),
      ...(judgement === null ? [] : [{ key: jKey, body: judgement }]),
      ...(series === null || point === null
        ? []
        : [{ key: series.key, body: { points: addPoint(series.body ?? [], point) } }]),
    ],
    events,
    outbox: rollout.spec.notify.flatMap((target) =>
      notices.map((notice) => ({ queue: `${rollout.id}~${target}`, notice })),
    ),
    due: [
      { subject: `rollout/${rollout.id}`, atMs: dueAtMs },
      ...((backendChanged || forAll) && tidyAtMs !== null ? [{ subject: tidy, atMs: tidyAtMs }] : []),
    ],
    ...(traffic ? trafficOf(transition) : {}),
    active: [activeNote(rollout)],
    ...(decision === null ? {} : { decisions: [decision] }),
  };
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

/** To all Envoys, which ends the trial before it; or to the nodes that try it out, beside what the others have. */
function trafficOf({ rollout, backend }: Transition): Pick<Commit, 'traffic' | 'trials'> {
  const owner: TrafficOwner = `backend/${rollout.backend}`;
  const value = backendTraffic(backend, isTerminal(rollout.phase) ? null : rollout);
  const by = trialOf(rollout);
  const probe = isTerminal(rollout.phase) ? null : (rollout.push?.probe ?? null);
  const traffic = probe === null ? rollout.fleets.map((fleet) => ({ fleet, owner, value })) : [];
  const trials = rollout.fleets.map((fleet) => {
    const nodeId = probe?.[fleet];
    return { fleet, by, trial: nodeId === undefined ? null : { probe: nodeId, changes: [[owner, value] as const] } };
  });
  return { traffic, trials };
}

/** The rollout behind one that has just ended need not wait for its next look. */
export function kickNext({ wakeUps }: Pick<Dependencies, 'wakeUps'>, { backend }: Transition): void {
  if (backend.rolloutId === null && backend.next != null) wakeUps.kick(`rollout/${backend.next}`);
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
