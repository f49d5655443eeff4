import type { StepSpec, WebhookSpec } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { pause } from './gates.ts';
import type { GateAnswer, HookAnswer } from './hook-answer.ts';
import { gateOf, webhookOf } from './hook-state.ts';
import { tell } from './notice.ts';
import type { Cause, HookGate, Rollout } from './rollout.ts';
import { change, type Draft, emit, type Settings, wait } from './transition.ts';

/**
 * The gate that a hook opens. What is asked, and by when, stands in the record before anybody asks: whichever process
 * asks, and however often it dies meanwhile, one question is under way at a time, and its answer counts for nothing else.
 */

/** On top of the time that a hook has: until the answer is in the record. After that whoever asked is taken for dead. */
const LOST_AFTER_MS = 3_000;
/** Questions in a row without an answer, of which people hear. */
const FAILURES_TOLD = 3;

/** Notes an answer, if it is that of the question under way; any other is of the past. */
export function takeAnswer(d: Draft, step: StepSpec, given: GateAnswer | undefined): void {
  const gate = gateOf(d.rollout);
  const { webhook } = step;
  if (given === undefined || webhook === undefined || gate === null || gate.pendingUntilMs === null) return;
  if (given.attempt !== gate.attempt || given.ask !== gate.ask) return;
  const { kind, detail, afterMs = 0 } = given.answer;
  const failed = kind === 'failed' ? gate.failed + 1 : 0;
  const nextAtMs = d.nowMs + Math.max(webhook.everyMs, afterMs);
  change(d, { hook: { ...gate, pendingUntilMs: null, nextAtMs, failed, answer: { kind, detail, atMs: d.nowMs } } });
  if (kind !== gate.answer?.kind) emit(d, 'gate', `hook ${webhook.target} ${WORDS[kind]}: ${detail}`);
}

const WORDS: Readonly<Record<HookAnswer['kind'], string>> = {
  open: 'opens the gate',
  wait: 'keeps the gate shut',
  reject: 'refuses the step',
  failed: 'fails',
};

/** Why a hook sends the rollout back; `null`: it does not. */
export function refusedByHook(rollout: Rollout): Omit<Cause, 'atMs' | 'step'> | null {
  const answer = gateOf(rollout)?.answer;
  const target = webhookOf(rollout)?.target;
  if (answer?.kind !== 'reject' || target === undefined) return null;
  const summary = `hook ${target} refuses the step: ${answer.detail}`;
  return { kind: 'hook', by: 'serin', summary, verdict: null, node: null };
}

/**
 * Nothing but the hook is missing, and perhaps a person behind it. Asks when it is time, which the commit of this decision
 * sets going. `shut`: its time is over, and it goes back; else until when to wait.
 */
export function awaitHook(d: Draft, { webhook }: StepSpec, settings: Settings): number | 'open' | 'shut' {
  if (webhook === undefined) return 'open';
  const { attempt } = d.rollout;
  const gate = gateOf(d.rollout) ?? {
    ...{ attempt, sinceMs: d.nowMs, ask: 0, pendingUntilMs: null, nextAtMs: d.nowMs, failed: 0, answer: null },
  };
  if (gate.answer?.kind === 'open') return 'open';
  wait(d, waitsFor(webhook, gate));
  const untilMs = Math.min(gate.sinceMs + (webhook.withinMs ?? Number.POSITIVE_INFINITY), d.rollout.deadlineAtMs);
  if (d.nowMs >= untilMs && !hasLastWord(d, webhook, gate, untilMs)) {
    if (webhook.otherwise === 'rollback') return 'shut';
    pause(d, shutWords(d.rollout), settings);
    return d.rollout.deadlineAtMs;
  }
  const tellAtMs = gate.sinceMs + (untilMs - gate.sinceMs) / 2;
  const tells = gate.told !== true && (gate.failed >= FAILURES_TOLD || d.nowMs >= tellAtMs);
  const next: HookGate = { ...gate, ...asked(d, webhook, gate), ...(tells ? { told: true } : {}) };
  if (next.pendingUntilMs !== gate.pendingUntilMs || tells || d.rollout.hook?.attempt !== attempt) {
    change(d, { hook: next });
  }
  if (tells) tellWait(d, webhook, next, untilMs);
  const wakeAtMs = next.pendingUntilMs ?? next.nextAtMs;
  const overAtMs = d.nowMs < untilMs ? untilMs : wakeAtMs;
  return Math.min(wakeAtMs, overAtMs, next.told === true ? overAtMs : Math.ceil(tellAtMs));
}

/**
 * What held the step meanwhile (evidence that many lost, an engine that was away) also kept the hook from being asked. That
 * is not its fault: it is asked once more before its time counts as over.
 */
function hasLastWord({ nowMs }: Draft, { everyMs, timeoutMs }: WebhookSpec, gate: HookGate, untilMs: number): boolean {
  const { pendingUntilMs, nextAtMs } = gate;
  if (pendingUntilMs === null) return nextAtMs < untilMs && nowMs - nextAtMs > everyMs + LOST_AFTER_MS;
  // Lost with whoever asked, and nobody has looked since.
  if (pendingUntilMs < untilMs) return nowMs - pendingUntilMs > LOST_AFTER_MS;
  return nowMs < pendingUntilMs && pendingUntilMs - timeoutMs - LOST_AFTER_MS >= untilMs;
}

/** The next question, when it is time for one; the same one again, when whoever asked it has died over it. */
function asked(d: Draft, { timeoutMs }: WebhookSpec, gate: HookGate): Pick<HookGate, 'ask' | 'pendingUntilMs'> {
  const { ask, pendingUntilMs, nextAtMs } = gate;
  const isLost = pendingUntilMs !== null && d.nowMs >= pendingUntilMs;
  if (!isLost && (pendingUntilMs !== null || d.nowMs < nextAtMs)) return { ask, pendingUntilMs };
  return { ask: isLost ? ask : ask + 1, pendingUntilMs: d.nowMs + timeoutMs + LOST_AFTER_MS };
}

/** Nobody could have let it go on meanwhile: hook and approval have their whole time again. */
export function gatesAnew(rollout: Rollout, nowMs: number): Pick<Rollout, 'hook' | 'gate'> {
  const { gate } = rollout;
  return { ...(gate === undefined ? {} : { gate: { ...gate, sinceMs: nowMs } }), ...hookAnew(rollout, nowMs) };
}

/** It is asked at once. */
function hookAnew({ hook }: Rollout, nowMs: number): Pick<Rollout, 'hook'> {
  if (hook === undefined || hook.answer?.kind === 'open') return {};
  const { told: _then, ...gate } = hook;
  return { hook: { ...gate, sinceMs: nowMs, nextAtMs: nowMs, failed: 0 } };
}

/** That its time is over, in words; what it said last stands in them. */
export function shutWords(rollout: Rollout): string {
  const { target = '', withinMs = null } = webhookOf(rollout) ?? {};
  const time = withinMs === null ? 'until the deadline' : `within ${formatDuration(withinMs)}`;
  return `hook ${target} has not opened the gate ${time}${lastWords(gateOf(rollout))}`;
}

function waitsFor({ target }: WebhookSpec, gate: HookGate): string {
  return `hook ${target} to open the gate${lastWords(gate)}`;
}

function lastWords(gate: HookGate | null): string {
  return gate?.answer == null ? '' : ` (${gate.answer.detail})`;
}

/** Once for a step: that it waits, and what becomes of it. */
function tellWait(d: Draft, { target, otherwise }: WebhookSpec, { answer }: HookGate, untilMs: number): void {
  const { deadlineAtMs, spec } = d.rollout;
  const holds = untilMs === deadlineAtMs ? spec.onInconclusive === 'hold' : otherwise === 'hold';
  const then = holds ? 'it is paused' : 'it goes back';
  tell(d, 'webhook', [
    ['Hook', target],
    ['Last answer', answer?.detail ?? 'none yet'],
    ['Otherwise', `${then} at ${new Date(untilMs).toISOString()}`],
  ]);
}
