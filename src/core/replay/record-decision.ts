import { createHash } from 'node:crypto';
import type { BackendState } from '../model/backend-state.ts';
import { isTerminal } from '../model/phase.ts';
import type { Breaker } from '../rollout/breaker.ts';
import type { CommandInput } from '../rollout/command.ts';
import { isQueued } from '../rollout/queued.ts';
import type { Rollout } from '../rollout/rollout.ts';
import type { StepInput, Transition } from '../rollout/transition.ts';
import { DECISION_FORMAT, type Decision, type DecisionOf, type Outcome, type RecordedDecision } from './decision.ts';
import { packObserved } from './pack-observed.ts';

/** Largest decision that is kept, characters of JSON; above it goes without what was seen. */
const MAX_TEXT = 512 * 1024;
/** The whole records go with one decision in so many. */
const WHOLE_EVERY = 16;
/** What a look that finds nothing new changes all the same. */
const VOLATILE: readonly (keyof Rollout)[] = ['evidence', 'readout', 'hook', 'waitingFor', 'updatedAtMs'];

export interface Revs {
  readonly rollout: number;
  readonly backend: number;
  /** Of the other backends of a joint rollout, in its order. @default it has none */
  readonly others?: readonly number[];
}

/** A tick that changed something, with all that it was decided from. */
export function recordTick(input: StepInput, transition: Transition, revs: Revs): RecordedDecision {
  const { rollout, observed, judge, judgement, breaker } = input;
  const run = keepsBackends(input, transition) ? runOf(rollout, transition) : '';
  const since = run === '' ? {} : { since: pick(rollout, VOLATILE) };
  const tick: DecisionOf<'tick'> = {
    ...madeFrom(input, transition, revs),
    kind: 'tick',
    judge: judge.name,
    observed: packObserved(observed),
    ...(judgement === null ? {} : { memory: { ...judgement } }),
    ...(input.judgements === undefined ? {} : { memories: { ...input.judgements } }),
    ...(breaker === undefined || isUntouched(breaker) ? {} : { breaker }),
    ...since,
  };
  return recorded(rollout.id, run, revs.rollout, tick);
}

function isUntouched({ openSinceMs, closedAtMs }: Breaker): boolean {
  return openSinceMs === null && closedAtMs === null;
}

export function recordCommand(input: CommandInput, transition: Transition, revs: Revs): RecordedDecision {
  const { rollout, by, command, observed } = input;
  const seen = { fleets: observed.fleets, counters: null, queries: new Map(), scrapeMs: null };
  const made = madeFrom(input, transition, revs);
  const said: DecisionOf<'command'> = { ...made, kind: 'command', by, command, observed: packObserved(seen) };
  return recorded(rollout.id, '', revs.rollout, said);
}

interface Whole {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  readonly others?: readonly BackendState[];
}

function wholeOf({ rollout, backend, others = [] }: Whole) {
  return { rollout: { ...rollout }, backend: { ...backend }, ...copied(others) };
}

function copied(others: readonly BackendState[]): { readonly others?: Record<string, unknown>[] } {
  return others.length === 0 ? {} : { others: others.map((state) => ({ ...state })) };
}

function keepsBackends(before: Pick<Whole, 'backend' | 'others'>, after: Transition): boolean {
  return after.backend === before.backend && after.others.every((state, i) => state === before.others?.[i]);
}

/** The records that the next decision begins with. */
export function recordGiven(
  why: DecisionOf<'given'>['why'],
  { rollout, backend, others = [] }: Whole,
  nowMs: number,
): RecordedDecision {
  const whole = wholeOf({ rollout, backend, others });
  return recorded(rollout.id, '', 0, { format: DECISION_FORMAT, kind: 'given', why, nowMs, ...whole });
}

/** `backendRev`: before it changed. */
export function recordBackend(
  rolloutId: string,
  rev: number,
  backend: BackendState,
  backendRev: number,
): RecordedDecision {
  return recorded(rolloutId, '', rev, {
    format: DECISION_FORMAT,
    kind: 'backend',
    backendRev,
    backend: { ...backend },
  });
}

function madeFrom(
  {
    rollout,
    backend,
    others = [],
    settings,
    nowMs,
  }: Pick<StepInput, 'rollout' | 'backend' | 'others' | 'settings' | 'nowMs'>,
  transition: Transition,
  revs: Revs,
) {
  // When it is over, or has not begun, others change the backend, and what they change is kept with their rollouts.
  const isWhole = revs.rollout % WHOLE_EVERY === 0 || isTerminal(rollout.phase) || isQueued(rollout);
  const whole = isWhole ? { from: wholeOf({ rollout, backend, others }) } : {};
  return {
    format: DECISION_FORMAT,
    rev: revs.rollout,
    backendRev: revs.backend,
    ...(revs.others === undefined ? {} : { otherRevs: [...revs.others] }),
    nowMs,
    settings: { ...settings },
    ...whole,
    outcome: outcomeOf({ rollout, backend, others }, transition),
  } as const;
}

export function outcomeOf({ rollout: before, backend, others = [] }: Whole, transition: Transition): Outcome {
  const after = transition.rollout;
  const keys = (Object.keys(after) as (keyof Rollout)[]).filter((key) => after[key] !== before[key]);
  return {
    fields: pick(after, keys),
    ...(transition.backend === backend ? {} : { backend: { ...transition.backend } }),
    ...(keepsBackends({ backend: transition.backend, others }, transition) ? {} : copied(transition.others)),
    traffic: transition.traffic,
    said: transition.events.map(({ type }) => type),
    told: transition.notices.map(({ kind }) => kind),
  };
}

/**
 * By which name a look that found nothing new goes: its step, what its hook says, and the reasons of its verdicts; '': it
 * is none. What it waits for in words is none of that: that changes to and fro between one measurement and the next.
 */
function runOf(before: Rollout, { rollout: after, events, notices, traffic }: Transition): string {
  if (traffic || events.length + notices.length > 0) return '';
  const keys = Object.keys(after) as (keyof Rollout)[];
  if (keys.some((key) => after[key] !== before[key] && !VOLATILE.includes(key))) return '';
  const reasons = after.evidence?.verdicts.map(({ metric, reason }) => `${metric} ${reason}`) ?? [];
  const name = [after.attempt, after.hook?.answer?.kind ?? '', ...reasons].join('\n');
  return createHash('sha256').update(name).digest('hex').slice(0, 12);
}

function recorded(rolloutId: string, run: string, rev: number, decision: Decision): RecordedDecision {
  return { rolloutId, run, rev, text: bounded(decision) };
}

/** What does not fit is left out, the largest first: a commit must never fail for what is kept about it. */
function bounded(decision: Decision): string {
  const text = JSON.stringify(decision);
  if (text.length <= MAX_TEXT) return text;
  if (decision.kind === 'tick' || decision.kind === 'command') {
    const without = JSON.stringify({ ...decision, observed: null });
    if (without.length <= MAX_TEXT) return without;
  }
  return JSON.stringify({ format: DECISION_FORMAT, kind: 'lost', bytes: text.length } satisfies Decision);
}

function pick(rollout: Rollout, keys: readonly (keyof Rollout)[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, rollout[key]]));
}
