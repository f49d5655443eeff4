import type { BackendState } from '../core/model/backend-state.ts';
import type { SerinError } from '../core/model/errors.ts';
import { isTerminal } from '../core/model/phase.ts';
import type { RecordedDecision } from '../core/replay/decision.ts';
import { type Revs, recordGiven, recordTick } from '../core/replay/record-decision.ts';
import { isOver } from '../core/rollout/aftercare.ts';
import { BREAKER_CLOSED } from '../core/rollout/breaker.ts';
import type { GateAnswer } from '../core/rollout/hook-answer.ts';
import { type HookQuestion, questionOf } from '../core/rollout/hook-question.ts';
import type { Judgement } from '../core/rollout/judgement.ts';
import { isQuarantined, quarantine } from '../core/rollout/quarantine.ts';
import { isQueued } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { step } from '../core/rollout/step.ts';
import type { StepInput, Transition } from '../core/rollout/transition.ts';
import type { Dependencies } from './dependencies.ts';
import { mindBreaker } from './evidence-breaker.ts';
import {
  bodiesOf,
  type Held,
  type Loaded,
  loadBackend,
  loadOthers,
  loadRolloutWith,
  revsOf,
  storeUnavailable,
} from './load.ts';
import { observe, observeRollout } from './observe.ts';
import type { Commit, Subject } from './ports/store.ts';
import { commit, kickNext, nextLook, transitionCommit } from './publish.ts';
import { tracedSubject } from './traced.ts';
import { remember } from './verdicts.ts';
import { waitForTurn } from './wait-for-turn.ts';

/** A lost race reloads and decides again; more losses in a row than this wait for the next wake-up. */
const MAX_RACES = 5;

/**
 * One tick of one rollout: load, observe, decide, commit (design §4). Harmless to repeat and to run twice at once:
 * the commit is the fence. Every outage ends the tick; the lease on the due subject brings it back.
 */
export async function reconcile(
  deps: Dependencies,
  id: string,
  crashes = 0,
  heard: GateAnswer | null = null,
): Promise<void> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    if ((await tick(deps, id, crashes, heard)) === 'done') return;
  }
}

async function tick(
  deps: Dependencies,
  id: string,
  crashes: number,
  heard: GateAnswer | null,
): Promise<'done' | 'again'> {
  const subject: Subject = `rollout/${id}`;
  const likely = deps.active.backendOf(id);
  const loaded = await loadRolloutWith(deps.records, id, likely);
  if (loaded.kind === 'error') return stuck(deps, id, loaded.errors[0]);
  const { rollout, judgement, breaker } = loaded.value;
  const before = rollout.body;
  if (before === null || isOver(before)) {
    await deps.due.forget(subject);
    return 'done';
  }
  const together = before.backend === likely ? loaded.value.backend : null;
  const backend = together ?? (await loadBackend(deps.records, before.backend));
  if (backend.kind === 'error') return stuck(deps, id, backend.errors[0]);
  if (isQueued(before)) {
    const turn = await waitForTurn(deps, { ...rollout, body: before }, backend.value);
    if (turn.kind === 'stuck') return stuck(deps, id, turn.error);
    return settle(deps, rollout, turn.transition, async () => ({ commit: turn.commit, late: 0 }));
  }
  if (backend.value.body === null) {
    // Nobody needs a backend that is gone to be looked after.
    if (isTerminal(before.phase)) await deps.due.forget(subject);
    return stuck(deps, id, { message: 'its backend has no state' });
  }

  const others = await loadOthers(deps.records, before);
  if (others.kind === 'error') return stuck(deps, id, others.errors[0]);
  const records = { rollout, backend: backend.value, others: others.value, judgement };
  if (isQuarantined(before, crashes)) return setAside(deps, records, before, crashes);
  const memory = judgement.body?.judge === deps.judge.name ? judgement.body : null;
  const known = {
    judgement: memory?.state ?? null,
    ...(memory?.others === undefined ? {} : { judgements: memory.others }),
    breaker: breaker.body ?? BREAKER_CLOSED,
  };
  const { backend: name, phase, step: at, attempt } = before;
  const about = { rollout: id, backend: name, fleet: before.fleets.join(), phase, step: at, attempt };
  deps.tracer?.note(about);
  const look = () => observe(deps, before, known, deps.clock.now());
  const observed = deps.tracer === undefined ? await look() : await deps.tracer.span('observe', about, look);
  if (observed.kind === 'error') return stuck(deps, id, observed.errors[0]);
  deps.active.note(before);
  const input: StepInput = {
    rollout: before,
    backend: backend.value.body,
    ...bodiesOf(others.value),
    observed: heard === null ? observed.value : { ...observed.value, answer: heard },
    judge: deps.judge,
    ...known,
    settings: deps.settings(),
    nowMs: deps.clock.now(),
  };
  const transition = step(input);
  const settled = await settleWith(deps, records, transition, (revs) => recordTick(input, transition, revs));
  if (settled === 'done' && crashes > 0 && isWayBack(transition.rollout) && !isWayBack(before)) {
    await deps.suspects.forgive(subject);
  }
  const isOpen = breaker.body?.openSinceMs != null;
  if (settled === 'done' && (isOpen || transition.rollout.evidence?.blind === true)) await mindBreaker(deps, breaker);
  return settled;
}

/** The records that a decision was made on. */
interface Decided {
  readonly rollout: Loaded<Rollout>;
  readonly backend: Loaded<BackendState>;
  readonly others: readonly Held<BackendState>[];
  readonly judgement: Loaded<Judgement>;
}

/** Nothing of what it usually does is done with a rollout that crashes whoever does it. */
async function setAside(
  deps: Dependencies,
  decided: Decided,
  before: Rollout,
  crashes: number,
): Promise<'done' | 'again'> {
  const { backend, others } = decided;
  if (backend.body === null) return 'done';
  const fleets = await observeRollout(deps, before);
  if (fleets.kind === 'error') return stuck(deps, before.id, fleets.errors[0]);
  const nowMs = deps.clock.now();
  const transition = quarantine({
    rollout: before,
    backend: backend.body,
    ...bodiesOf(others),
    observed: { fleets: fleets.value },
    crashes,
    settings: deps.settings(),
    nowMs,
  });
  const outcome = await settleWith(deps, decided, transition, () => recordGiven('set aside', transition, nowMs));
  if (transition.traffic && outcome === 'done') await deps.suspects.forgive(`rollout/${before.id}`);
  return outcome;
}

/** It is other work than what went before, and gets its own chance: one more crash must not put its confirmation off. */
function isWayBack({ phase }: Rollout): boolean {
  return phase === 'rolling_back' || phase === 'aborting';
}

async function settleWith(
  deps: Dependencies,
  { rollout, backend, others, judgement }: Decided,
  transition: Transition,
  recorded: (revs: Revs) => RecordedDecision,
): Promise<'done' | 'again'> {
  return settle(deps, rollout, transition, async () => {
    const remembered = await remember(deps.records, transition, judgement);
    const revs = { rollout: rollout.rev, backend: backend.rev, ...revsOf(others) };
    const backendChanged = transition.backend !== backend.body;
    return {
      commit: transitionCommit(transition, { ...revs, remembered }, backendChanged, recorded(revs)),
      late: remembered.late,
    };
  });
}

/** Commits what was decided; `late`: scrapes that came too late since the last look. */
async function settle(
  deps: Dependencies,
  rollout: Loaded<Rollout>,
  transition: Transition,
  changeOf: () => Promise<{ readonly commit: Commit; readonly late: number }>,
): Promise<'done' | 'again'> {
  const before = rollout.body;
  if (before === null) return 'done';
  if (transition.rollout === before && transition.events.length === 0) {
    return lookAgain(deps, `rollout/${before.id}`, rollout, transition.dueAtMs);
  }
  const change = await changeOf();
  const outcome = await commit(deps, change.commit);
  switch (outcome.kind) {
    case 'committed':
      deps.tracer?.note({ outcome: transition.rollout.phase });
      deps.active.note(transition.rollout);
      deps.meter.confirmedBack(transition.confirmedAfterMs);
      deps.meter.lateScrapes(change.late);
      kickNext(deps, transition);
      askHook(deps, questionOf(before, transition.rollout));
      return 'done';
    case 'conflict':
      return 'again';
    case 'unavailable':
      return stuck(deps, before.id, storeUnavailable(outcome).errors[0]);
  }
}

/**
 * Puts a question that stands in the record by now. Nobody waits for the answer: it comes with a look of its own, which
 * is fenced like any other. What is lost on the way, with its process or a store that is away, is asked once more.
 */
function askHook(deps: Dependencies, question: HookQuestion | null): void {
  if (question === null) return;
  const { rolloutId, attempt, ask } = question;
  const work = async (): Promise<void> => {
    const answer = await deps.hooks.ask(question);
    if (answer !== null) await reconcile(deps, rolloutId, 0, { attempt, ask, answer });
  };
  const asked = deps.tracer === undefined ? work() : tracedSubject(deps.tracer, `rollout/${rolloutId}`, work);
  asked.catch((error: unknown) => {
    deps.logger.error('a hook could not be asked', {
      rolloutId,
      error: error instanceof Error ? error.stack : String(error),
    });
  });
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

/** A newer replica takes it: until then it is nobody's for this long at a time, and not for as long as a lease. */
const LEFT_ALONE_MS = 2_000;

async function stuck(deps: Dependencies, rolloutId: string, error: Partial<SerinError> | undefined): Promise<'done'> {
  if (error?.code === 'SERIN_SCHEMA_NEWER') {
    const subject: Subject = `rollout/${rolloutId}`;
    await deps.due.schedule(subject, deps.clock.now() + LEFT_ALONE_MS);
    // Who has scheduled it knows to the millisecond when it is due, and would be the first again.
    deps.wakeUps.giveWay();
    return 'done';
  }
  deps.logger.warn('rollout could not be looked at; it stays as it is', { rolloutId, detail: error?.message });
  return 'done';
}
