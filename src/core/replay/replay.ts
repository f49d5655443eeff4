import { z } from 'zod';
import type { Judge } from '../analysis/judge.ts';
import type { BackendState } from '../model/backend-state.ts';
import { BackendStateRecord } from '../model/stored.ts';
import { decideCommand, type RolloutCommand } from '../rollout/command.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { RolloutRecord } from '../rollout/rollout-record.ts';
import { step } from '../rollout/step.ts';
import type { StepInput, Transition } from '../rollout/transition.ts';
import { DECISION_FORMAT, Decision, type DecisionOf, type KeptDecision, type Outcome } from './decision.ts';
import { type DifferenceKind, describe, differingFields, type FieldDifference, kindOf } from './differences.ts';
import { unpackObserved } from './pack-observed.ts';
import { outcomeOf } from './record-decision.ts';
import { inputsBehind, type Redecide, type Seen } from './which-input.ts';

export interface Difference {
  /** Place in what is kept, counted from 1. */
  readonly at: number;
  readonly rev: number;
  readonly atMs: number;
  /** `tick`, or the command of a person or CI. */
  readonly trigger: string;
  readonly phase: string;
  readonly step: number;
  readonly kind: DifferenceKind;
  readonly was: string;
  readonly now: string;
  readonly fields: readonly FieldDifference[];
  /** Without which of its inputs it would decide otherwise now: `counters`, `fleets`, … */
  readonly inputs: readonly string[];
}

export interface NotReplayed {
  readonly at: number;
  readonly reason: string;
}

export interface Replay {
  /** Decisions that were made again, and looks that they stand for. */
  readonly decisions: number;
  readonly looks: number;
  readonly differences: readonly Difference[];
  readonly notReplayed: readonly NotReplayed[];
  /** The rollout as it was left by the last decision that could be followed; `null`: by none. */
  readonly rollout: Rollout | null;
}

export interface Deciders {
  readonly judge: Judge;
  /** @default step */
  readonly step?: (input: StepInput) => Transition;
}

interface At {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** Of the other backends of a joint rollout. */
  readonly others: readonly BackendState[];
  /** `null`: whatever the next decision says. */
  readonly revs: Revs | null;
}

const MAX_WORDS = 200;

type Made = DecisionOf<'tick'> | DecisionOf<'command'>;

/**
 * Decides everything again with the code of today, each time from the records as they were: a difference does not
 * change what comes after it. Pure; what cannot be followed is named, not guessed.
 */
export function replay(kept: readonly KeptDecision[], deciders: Deciders): Replay {
  const differences: Difference[] = [];
  const notReplayed: NotReplayed[] = [];
  let [decisions, looks] = [0, 0];
  let at: At | null = null;
  let before: Seen | null = null;
  for (const [index, one] of kept.entries()) {
    const decision = parse(one.text);
    const skip = (reason: string) => void notReplayed.push({ at: index + 1, reason });
    if (typeof decision === 'string') {
      skip(decision);
      at = null;
      continue;
    }
    const begun = begin(at, decision, one.looks);
    if (typeof begun === 'string') {
      skip(begun);
      at = null;
      continue;
    }
    at = begun;
    if (decision.kind !== 'tick' && decision.kind !== 'command') continue;
    if (decision.observed === null) skip('what was seen was too large to be kept');
    else {
      const seen: Seen = { observed: unpackObserved(decision.observed), nowMs: decision.nowMs };
      decisions += 1;
      looks += one.looks;
      const difference = attempt(() => decideAgain(begun, decision, seen, before, deciders));
      if (difference.kind === 'failed') skip(`it cannot be decided again: ${difference.words}`);
      else if (difference.value !== null) differences.push({ at: index + 1, ...difference.value });
      before = seen;
    }
    const next = follow(at, decision);
    if (next === null) skip('the record that it led to does not fit this version');
    at = next;
  }
  return { decisions, looks, differences, notReplayed, rollout: at?.rollout ?? null };
}

type Attempt<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'failed'; readonly words: string };

/** What is kept is checked field by field; fields that fit and are together none of ours may meet anything. */
function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { kind: 'done', value: work() };
  } catch (error) {
    return { kind: 'failed', words: (error instanceof Error ? error.message : 'a bug').slice(0, MAX_WORDS) };
  }
}

function parse(text: string): Decision | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const parsed = Decision.safeParse(json);
  if (parsed.success) return parsed.data;
  const format = typeof json === 'object' && json !== null && 'format' in json ? Number(json.format) : Number.NaN;
  if (format > DECISION_FORMAT) return `it is of format ${format}; this Serin knows up to ${DECISION_FORMAT}`;
  const issue = parsed.error.issues[0];
  return `it does not fit: ${issue?.path.join('.')}: ${issue?.message}`;
}

/** The records that a decision was made from; or why they are not known. */
function begin(at: At | null, decision: Decision, looks: number): At | string {
  switch (decision.kind) {
    case 'lost':
      return 'it was too large to be kept';
    case 'given':
      return whole(decision) ?? 'the records that it begins with do not fit this version';
    case 'backend': {
      if (at === null) return UNKNOWN;
      const backend = BackendStateRecord.safeParse(decision.backend);
      if (!backend.success) return 'the state of its backend does not fit this version';
      return withBackend(at, backend.data, decision.backendRev + 1);
    }
    case 'tick':
    case 'command': {
      const known = decision.from === undefined ? at : whole(decision.from);
      if (known === null) return UNKNOWN;
      const since = decision.kind === 'tick' ? decision.since : undefined;
      const revs = revsOf(decision);
      if (decision.from === undefined && !follows(known, revs, since !== undefined && looks > 1)) return UNKNOWN;
      if (since === undefined) return { ...known, revs };
      const rollout = RolloutRecord.safeParse({ ...known.rollout, ...since });
      if (!rollout.success) return 'what it began with does not fit this version';
      return { ...known, rollout: rollout.data, revs };
    }
  }
}

const UNKNOWN = 'the records that it was made from are not known: what came before is not kept';

interface Revs {
  readonly rollout: number;
  readonly backend: number;
  readonly others: readonly number[];
}

function revsOf({ rev, backendRev, otherRevs = [] }: Pick<Made, 'rev' | 'backendRev' | 'otherRevs'>): Revs {
  return { rollout: rev, backend: backendRev, others: otherRevs };
}

function follows({ revs }: At, made: Revs, leftOut: boolean): boolean {
  if (revs === null) return true;
  const sameBackends = made.backend === revs.backend && made.others.every((rev, i) => rev === revs.others[i]);
  return sameBackends && (leftOut ? made.rollout > revs.rollout : made.rollout === revs.rollout);
}

/** Another hand has changed one of the backends. */
function withBackend(at: At, state: BackendState, rev: number): At {
  const { revs, others } = at;
  const index = others.findIndex(({ backend }) => backend === state.backend);
  if (index === -1) return { ...at, backend: state, revs: revs === null ? null : { ...revs, backend: rev } };
  return {
    ...at,
    others: others.with(index, state),
    revs: revs === null ? null : { ...revs, others: revs.others.with(index, rev) },
  };
}

const States = z.array(BackendStateRecord);

function whole(given: { readonly rollout: unknown; readonly backend: unknown; readonly others?: unknown }): At | null {
  const rollout = RolloutRecord.safeParse(given.rollout);
  const backend = BackendStateRecord.safeParse(given.backend);
  const others = States.safeParse(given.others ?? []);
  if (!rollout.success || !backend.success || !others.success) return null;
  return { rollout: rollout.data, backend: backend.data, others: others.data, revs: null };
}

function decideAgain(
  { rollout, backend, others }: At,
  decision: Made,
  seen: Seen,
  before: Seen | null,
  deciders: Deciders,
): Omit<Difference, 'at'> | null {
  const redecide: Redecide = ({ observed, nowMs, clockTrusted }) => {
    const { queryUrl, ...limits } = decision.settings;
    const settings = { ...limits, clockTrusted, ...(queryUrl === undefined ? {} : { queryUrl }) };
    if (decision.kind === 'tick') {
      const known = {
        judgement: decision.memory ?? null,
        ...(decision.memories === undefined ? {} : { judgements: decision.memories }),
        ...(decision.breaker === undefined ? {} : { breaker: decision.breaker }),
      };
      const input = { rollout, backend, others, observed, judge: deciders.judge, ...known, settings, nowMs };
      return (deciders.step ?? step)(input);
    }
    const asked = { rollout, backend, others, command: decision.command as RolloutCommand, by: decision.by };
    const outcome = decideCommand({ ...asked, observed, settings, nowMs });
    return outcome.kind === 'accepted' ? outcome.transition : outcome;
  };
  const { clockTrusted } = decision.settings;
  const now = redecide({ ...seen, clockTrusted });
  const facts = {
    rev: decision.rev,
    atMs: decision.nowMs,
    trigger: decision.kind === 'tick' ? 'tick' : decision.command.type,
    phase: rollout.phase,
    step: rollout.step,
    was: describe(from(rollout), decision.outcome),
  };
  if (!isTransition(now)) {
    const what =
      now.kind === 'refused' ? `refused (${now.error.code}: ${now.error.message})` : 'nothing: it is so already';
    return { ...facts, kind: 'decision', now: what, fields: [], inputs: ['command'] };
  }
  const outcome = outcomeOf({ rollout, backend, others }, now);
  if (isSame(decision.outcome, outcome)) return null;
  // What it did not know yet, it could not say.
  const knows = decision.outcome.backend === undefined || 'previous' in decision.outcome.backend;
  const [was, is] = [decision.outcome, outcome].map((one) => comparable({ rollout, backend, others }, one, knows));
  const fields = differingFields(was, is);
  if (fields.length === 0) return null;
  const kind = kindOf(fields);
  const inputs = kind === 'words' ? [] : inputsBehind(redecide, seen, before, clockTrusted);
  return { ...facts, kind, now: describe(from(rollout), outcome), fields, inputs };
}

/** To the letter: as a rule it is, and then need not be read as the store would give it back. */
function isSame(was: Outcome, now: Outcome): boolean {
  // A field that is there as `undefined` takes one away.
  const asMany = Object.keys(was.fields).length === Object.keys(now.fields).length;
  return asMany && differingFields(was, now).length === 0;
}

function isTransition(now: ReturnType<Redecide>): now is Transition {
  return 'rollout' in now;
}

/** As both would be read from the store again, so that a field which is new to the record is no difference. */
function comparable(
  { rollout, backend, others }: Omit<At, 'revs'>,
  { fields, backend: changed, others: changedOthers, traffic, said, told }: Outcome,
  knowsPrevious: boolean,
) {
  const after = { ...rollout, ...fields };
  const read = RolloutRecord.safeParse(after);
  const state = BackendStateRecord.safeParse(changed ?? backend);
  const backendState = { ...(state.success ? state.data : changed), ...(knowsPrevious ? {} : { previous: null }) };
  const states = States.safeParse(changedOthers ?? others);
  const otherStates = others.length === 0 ? {} : { otherStates: states.success ? states.data : changedOthers };
  const records = { ...(read.success ? read.data : after), backendState, ...otherStates };
  return JSON.parse(JSON.stringify({ ...records, traffic, said, told })) as unknown;
}

function from(rollout: Rollout): Readonly<Record<string, unknown>> {
  return { ...rollout };
}

/** The records as that decision left them, whatever would be decided today. */
function follow({ rollout, backend, others }: At, { outcome, ...decision }: Made): At | null {
  const { rev, backendRev, otherRevs = [] } = decision;
  const after = RolloutRecord.safeParse({ ...rollout, ...outcome.fields });
  // What it did not change was read before.
  const state = outcome.backend === undefined ? backend : BackendStateRecord.safeParse(outcome.backend).data;
  const states = outcome.others === undefined ? others : States.safeParse(outcome.others).data;
  if (!after.success || state === undefined || states === undefined) return null;
  // All backends of a joint rollout are written where one of them is.
  const wrote = outcome.backend === undefined ? 0 : 1;
  const revs = { rollout: rev + 1, backend: backendRev + wrote, others: otherRevs.map((one) => one + wrote) };
  return { rollout: after.data, backend: state, others: states, revs };
}
