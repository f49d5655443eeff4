import type { Verdict } from '../analysis/judge.ts';
import { nameSome } from '../model/name-some.ts';
import { stepList, stepNamed, unnamedStep } from '../model/step-named.ts';
import { whose } from './approval.ts';
import { isApproved } from './approval-state.ts';
import { armsOf } from './arms.ts';
import { isBaking } from './bake.ts';
import { type Applied, refused, refusedBy, UNCHANGED } from './command-outcome.ts';
import type { Notice } from './event.ts';
import { gatesLeft, gatesOf, isMeasured } from './gates-left.ts';
import { enter } from './moves.ts';
import { currentAnalysis } from './needs.ts';
import { tell } from './notice.ts';
import { pushFor, withConnected } from './push.ts';
import { type JumpRecord, MAX_JUMPS, type Push, type Rollout } from './rollout.ts';
import { change, type Draft, emit, type Observations, withoutMetrics } from './transition.ts';

/**
 * A person takes a rollout to another step. What the plan would have waited for is left out, and said; what keeps Envoys
 * and evidence in step with each other is not: the new step goes out as any other, and begins to be judged anew.
 */

/** `gate` names the step that the person saw; one that has moved on is refused. */
export type GateSeen = { readonly step: number; readonly attempt: number };

/** As people count steps, with the words that `--gate` takes. */
export function gateWords({ step, attempt }: GateSeen): string {
  return `step ${step + 1} (gate ${step}/${attempt})`;
}

export interface Jump {
  /** Name or number of the step; `null`: the next one, which behind the last is the promotion. */
  readonly to: string | null;
  readonly gate: GateSeen;
  readonly reason: string;
  /** Also where nothing is known of the canary, or something is against it. */
  readonly force: boolean;
}

interface JumpInput {
  readonly by: string;
  readonly observed: Pick<Observations, 'fleets'>;
}

/** What a record keeps of a reason; the event has all of it. */
const KEPT_REASON = 120;
const KEPT_GATES = 12;
/** Evidence is there and says nothing against the canary; all it takes is more requests. */
const ONLY_MORE: ReadonlySet<Verdict['reason']> = new Set(['LOW_POWER', 'TOO_FEW_REQUESTS']);

export function jump(d: Draft, input: JumpInput, asked: Jump): Applied {
  const verb = asked.to === null ? 'skip its step' : 'jump';
  if (isBaking(d.rollout)) return refused(d, verb, 'It bakes with all requests: promote ends the bake.');
  const { phase, step: from, spec } = d.rollout;
  if (phase !== 'stepping') return refused(d, verb);
  const { steps } = spec.strategy;
  const found = asked.to === null ? from + 1 : stepNamed(steps, asked.to);
  if (found === null) {
    const message = unnamedStep(steps, asked.to ?? '');
    return refusedBy('SERIN_REQUEST_INVALID', message, `Steps: ${stepList(steps)}.`.slice(0, 600));
  }
  if (found === from) return UNCHANGED;
  const to = found < steps.length ? found : null;
  if (to === null && d.rollout.variants !== undefined) {
    const hint = `Say which: serin rollout promote ${d.rollout.id} --arm ${armsOf(d.rollout)
      .map(({ name }) => name)
      .join('|')}.`;
    return refusedBy('SERIN_REQUEST_INVALID', 'behind the last step of a test one of its arms gets all requests', hint);
  }
  const wrong = moved(d.rollout, asked.gate) ?? unfit(d.rollout) ?? (found < from ? null : early(d, input, asked, to));
  if (wrong !== null) return wrong;
  const push = pushOf(d, withoutMetrics(input.observed), to);
  if (push === null) {
    return refusedBy('SERIN_NOT_READY', `nothing can be moved now: it waits for ${d.rollout.waitingFor}`);
  }
  move(d, input, asked, to, push);
  return 'accepted';
}

function moved({ step, attempt }: Rollout, gate: GateSeen): Applied | null {
  if (gate.step === step && gate.attempt === attempt) return null;
  const message = `it is at ${gateWords({ step, attempt })}, and not at ${gateWords(gate)}`;
  return refusedBy('SERIN_GATE_CONFLICT', message, 'Look where it is with `serin rollout get`, and decide again.');
}

/** Whichever way. */
function unfit({ id, paused, jumps = [] }: Rollout): Applied | null {
  if (paused?.quarantined === true) {
    return refusedBy('SERIN_PHASE_CONFLICT', `rollout ${id} is set aside; nobody would look at the step`);
  }
  if (jumps.length < MAX_JUMPS) return null;
  const message = `rollout ${id} was taken to another step ${MAX_JUMPS} times already`;
  return refusedBy('SERIN_CONFLICT', message, 'Let it go on by its plan, promote it or abort it.');
}

/** What keeps a person from going forward; back, to less, they may at any moment. */
function early(d: Draft, { by }: JumpInput, { force }: Jump, to: number | null): Applied | null {
  const { id, paused, push, spec, step: from } = d.rollout;
  if (paused !== null) {
    const message = `rollout ${id} is paused by ${paused.by} (${paused.reason.slice(0, 200)})`;
    return refusedBy('SERIN_PHASE_CONFLICT', message, 'Resume it first; a jump back is possible.');
  }
  if (push?.liveAtMs == null) {
    const message = `its step is not in force everywhere yet: it waits for ${d.rollout.waitingFor}`;
    return refusedBy('SERIN_NOT_READY', message);
  }
  const { steps } = spec.strategy;
  const other = steps.findIndex(
    ({ approve, approval }, i) =>
      i >= from && i < (to ?? steps.length) && approve && !mayApprove(approval?.by ?? [], by) && !isOpen(d.rollout, i),
  );
  if (other !== -1) {
    const message = `step ${other + 1} waits for the approval of ${whose(steps[other]?.approval)}; ${by} is none of them`;
    return refusedBy('SERIN_FORBIDDEN', message, 'Let one of them skip it.');
  }
  const lack = force ? null : lackOfEvidence(d.rollout);
  if (lack === null) return null;
  return refusedBy('SERIN_NOT_READY', lack, 'Wait for it, or say --force to go on without it.');
}

function mayApprove(names: readonly string[], by: string): boolean {
  return names.length === 0 || names.includes(by);
}

function isOpen(rollout: Rollout, step: number): boolean {
  return step === rollout.step && isApproved(rollout);
}

/** That time is short is a reason to skip; that nobody knows how the canary does is none. */
function lackOfEvidence(rollout: Rollout): string | null {
  if (currentAnalysis(rollout).length === 0) return null;
  const { evidence } = rollout;
  if (evidence === null || !isMeasured(rollout)) return 'nothing was measured yet since every Envoy has this step';
  const open = evidence.verdicts.find(({ verdict, reason }) => verdict !== 'pass' && !ONLY_MORE.has(reason));
  if (open === undefined) return evidence.blind === true ? 'nothing that Prometheus has reaches it' : null;
  return `evidence is missing, or against it: ${open.metric} (${open.reason}: ${open.detail})`;
}

/** Who is to confirm the step before and has not must confirm this one, wherever it is. */
function pushOf(d: Draft, observed: Observations, to: number | null): Push | null {
  const before = d.rollout.push;
  const push = pushFor(d, observed, to === null ? { phase: 'promoting' } : { phase: 'stepping', step: to });
  if (push === null || before === null || before.liveAtMs !== null) return push;
  return { ...push, counted: withConnected(before, observed) };
}

function move(d: Draft, { by }: JumpInput, { reason }: Jump, to: number | null, push: Push): void {
  const { step: from, readout } = d.rollout;
  const isBack = to !== null && to < from;
  const left = leave(d, { by, reason, to, gates: isBack ? [] : passed(d, to) });
  // Users are drawn anew on the way back, so what the arms did is not theirs any more.
  if (isBack && readout !== undefined) change(d, { readout: [] });
  enter(d, push, to, by);
  tell(d, 'jumped', left);
}

/** What the record says of a promotion that was not waited for: it has no reason of its own. */
export const PROMOTED_BY_HAND = 'promoted by hand';

/** A promotion leaves the gates of every step behind it; `null`: none was shut. The fields are for the notified. */
export function leaveByPromotion(d: Draft, by: string): Notice['fields'] | null {
  const gates = passed(d, null);
  return gates.length === 0 ? null : leave(d, { by, reason: PROMOTED_BY_HAND, to: null, gates });
}

/** Keeps in event and record what was not waited for, and says it to the notified. */
function leave(
  d: Draft,
  { by, reason, to, gates }: Pick<JumpRecord, 'by' | 'reason' | 'to' | 'gates'>,
): Notice['fields'] {
  const { step: from, spec, jumps = [] } = d.rollout;
  const { steps } = spec.strategy;
  const { name = '' } = steps[from] ?? {};
  const where = to === null ? 'to all requests' : `to step ${to + 1} (${steps[to]?.name})`;
  const left = gates.length === 0 ? '' : `; not passed: ${gates.join(', ')}`;
  emit(d, 'jump', `from step ${from + 1} (${name}) ${where}: ${reason}${left}`, { gates }, by);
  const kept = { by, atMs: d.nowMs, from, to, reason: reason.slice(0, KEPT_REASON), gates: gates.slice(0, KEPT_GATES) };
  change(d, { jumps: [...jumps, kept].slice(-MAX_JUMPS) });
  return [
    ['By', by],
    ['Reason', reason],
    ['From', `step ${from + 1} of ${steps.length} (${name})`],
    ...(gates.length === 0 ? [] : [['Not passed', nameSome(gates)] as const]),
  ];
}

/** Gates that stay shut behind it: of the present step, and of every step in between. */
function passed({ rollout, nowMs }: Draft, to: number | null): readonly string[] {
  const { steps } = rollout.spec.strategy;
  const between = steps.slice(rollout.step + 1, to ?? steps.length).flatMap((step, i) => {
    const gates = gatesOf(rollout, step);
    const words = gates.length === 0 ? 'all of it' : gates.join(' and ');
    return [`step ${rollout.step + i + 2} (${step.name}): ${words}`];
  });
  return [...gatesLeft(rollout, to, nowMs), ...between];
}
