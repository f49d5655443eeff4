import { unconfirmedNodes } from '../fleet/liveness.ts';
import { assertNever } from '../model/assert-never.ts';
import type { BackendState } from '../model/backend-state.ts';
import { formatDuration } from '../model/duration.ts';
import { nameSome } from '../model/name-some.ts';
import { isTerminal } from '../model/phase.ts';
import { whose } from './approval.ts';
import { armsOf, promotedArm } from './arms.ts';
import { isBaking } from './bake.ts';
import { type Applied, type CommandOutcome, refused, refusedBy, UNCHANGED } from './command-outcome.ts';
import { gatesAnew } from './hook-gate.ts';
import { type GateSeen, gateWords, jump, leaveByPromotion } from './jump.ts';
import { end, endOfWayBack, finishPromotion, promote, revert } from './moves.ts';
import { tell } from './notice.ts';
import { openHook } from './open-hook.ts';
import { newPush, pushTo, withConnected } from './push.ts';
import { canBeSuperseded } from './queued.ts';
import type { Rollout } from './rollout.ts';
import {
  change,
  type Draft,
  draft,
  emit,
  finish,
  type Observations,
  type Settings,
  wait,
  withoutMetrics,
} from './transition.ts';
import { shutWindow } from './window-state.ts';

/** What a person or CI may ask of a rollout. */
export type RolloutCommand =
  | { readonly type: 'pause'; readonly reason: string }
  | { readonly type: 'resume' }
  /** `arm`: which one of a test with variants. @default the canary, which is alone */
  | { readonly type: 'promote'; readonly arm?: string }
  /** `unconfirmed` ends a rollout that is going back although Envoys have not said that they are on stable. */
  | { readonly type: 'abort'; readonly reason: string; readonly unconfirmed?: boolean }
  /**
   * `gate` names the gate that the person saw; a gate that has moved on is refused. `hook`: that of this hook, in its place.
   * @default the one that waits for a person
   */
  | { readonly type: 'approve'; readonly gate: GateSeen; readonly hook?: string; readonly reason?: string }
  /** To the next step, whatever gates of this one are shut; behind the last one to all requests. */
  | { readonly type: 'skip'; readonly gate: GateSeen; readonly reason: string; readonly force?: boolean }
  /** `to`: name of a step, or its number from 1; forward or back. */
  | {
      readonly type: 'jump';
      readonly to: string;
      readonly gate: GateSeen;
      readonly reason: string;
      readonly force?: boolean;
    };

/** Not a person's to say: it comes with the start of the rollout that takes the place of this one. */
export type Supersede = {
  readonly type: 'supersede';
  readonly next: { readonly id: string; readonly revision: string };
};

export interface CommandInput {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** As in `StepInput`. */
  readonly others?: readonly BackendState[];
  readonly command: RolloutCommand | Supersede;
  readonly by: string;
  readonly observed: Pick<Observations, 'fleets'>;
  readonly settings: Settings;
  readonly nowMs: number;
}

/** Decides a command. Pure, and committed like any other decision: the first durable one wins (F31). */
export function decideCommand(input: CommandInput): CommandOutcome {
  const d = draft(input.rollout, input.backend, input.nowMs, {}, input.others);
  const outcome = apply(d, input);
  if (outcome !== 'accepted') return outcome;
  // Look at the rollout at once: a command opens or closes gates.
  const dueAtMs = isTerminal(d.rollout.phase) ? null : d.nowMs;
  return { kind: 'accepted', transition: finish(d, input.rollout, dueAtMs, input.nowMs) };
}

function apply(d: Draft, input: CommandInput): Applied {
  const { command } = input;
  switch (command.type) {
    case 'pause':
      return pause(d, input, command.reason);
    case 'resume':
      return resume(d, input);
    case 'promote':
      return promoteNow(d, input, command.arm);
    case 'abort':
      return command.unconfirmed === true ? endUnconfirmed(d, input, command.reason) : abort(d, input, command.reason);
    case 'approve':
      return command.hook === undefined
        ? approve(d, input, command.gate)
        : openHook(d, input, command.gate, command.hook, command.reason ?? 'by hand');
    case 'skip':
    case 'jump': {
      const { gate, reason, force = false } = command;
      return jump(d, input, { to: command.type === 'skip' ? null : command.to, gate, reason, force });
    }
    case 'supersede':
      return supersede(d, input, command.next);
    default:
      return assertNever(command);
  }
}

function pause(d: Draft, { by }: CommandInput, reason: string): Applied {
  const { phase, paused } = d.rollout;
  const canPause = phase === 'pending' || phase === 'preparing' || phase === 'stepping' || isBaking(d.rollout);
  if (!canPause) return refused(d, 'pause');
  if (paused !== null) return UNCHANGED;
  change(d, { paused: { by, reason, atMs: d.nowMs } });
  emit(d, 'paused', reason, {}, by);
  tell(d, 'paused', [
    ['Reason', reason],
    ['By', by],
  ]);
  wait(d, `a person to resume it (${reason})`);
  return 'accepted';
}

function resume(d: Draft, { by }: CommandInput): Applied {
  if (isTerminal(d.rollout.phase)) return refused(d, 'resume');
  if (d.rollout.paused === null) return UNCHANGED;
  const evidence = d.rollout.evidence;
  // The missing evidence gets its full time again; otherwise the resume would be undone at the next look.
  const again = evidence?.inconclusiveSinceMs == null ? evidence : { ...evidence, inconclusiveSinceMs: d.nowMs };
  // So does whatever else ran out while it waited, or had it paused.
  const { deadlineAtMs, spec } = d.rollout;
  const isLate = d.nowMs >= deadlineAtMs;
  change(d, {
    ...{ paused: null, evidence: again, resumedAtMs: d.nowMs, waitingFor: 'the next look at it' },
    ...gatesAnew(d.rollout, d.nowMs),
    ...(isLate ? { deadlineAtMs: d.nowMs + spec.deadlineMs } : {}),
  });
  const anew = isLate ? `, with another ${formatDuration(spec.deadlineMs)} until its deadline` : '';
  emit(d, 'resumed', `resumed${anew}`, {}, by);
  tell(d, 'resumed', [['By', by], ...(isLate ? [['Deadline', `in ${formatDuration(spec.deadlineMs)}`] as const] : [])]);
  return 'accepted';
}

function promoteNow(d: Draft, { by, observed, settings }: CommandInput, arm: string | undefined): Applied {
  const { phase } = d.rollout;
  const wrong = wrongArm(d.rollout, arm);
  if (wrong !== null) return wrong;
  if (isBaking(d.rollout)) {
    finishPromotion(d, settings, by);
    return 'accepted';
  }
  if (phase === 'promoting' || phase === 'promoted') return UNCHANGED;
  if (phase !== 'stepping') return refused(d, 'promote');
  const seen = withoutMetrics(observed);
  if (newPush(d, seen) === null) {
    return {
      kind: 'refused',
      error: { code: 'SERIN_NOT_READY', message: `nothing can be promoted now: it waits for ${d.rollout.waitingFor}` },
    };
  }
  const outside = shutWindow(d.rollout, d.nowMs, null) !== null;
  const left = leaveByPromotion(d, by);
  // At any moment of a step, so also while one of its Envoys is away for a second: that one has to take 100 % too.
  const won = d.rollout.variants === undefined || arm === undefined ? {} : { winner: arm };
  promote(d, pushTo(d, withConnected(d.rollout.push, seen), { routesOnly: true }), by, won);
  if (outside) emit(d, 'window', `${by} promotes it outside its windows`, {}, by);
  if (left !== null) tell(d, 'jumped', left);
  wait(d, 'the ACKs of the counted Envoys');
  return 'accepted';
}

/** Of several arms a person names the one that they mean; one that has all requests already is not taken for another. */
function wrongArm({ id, variants, phase, ...rest }: Rollout, arm: string | undefined): Applied | null {
  const winner = promotedArm({ ...rest, phase });
  const names = armsOf({ ...rest, ...(variants === undefined ? {} : { variants }) }).map(({ name }) => name);
  if (arm !== undefined && !names.includes(arm)) {
    return refusedBy(
      'SERIN_REQUEST_INVALID',
      `rollout ${id} has no arm "${arm.slice(0, 80)}"`,
      `Arms: ${names.join(', ')}.`,
    );
  }
  if (variants === undefined || isTerminal(phase)) return null;
  if (winner !== undefined && (arm ?? winner) !== winner) {
    return refusedBy(
      'SERIN_PHASE_CONFLICT',
      `rollout ${id} promotes ${winner} already`,
      `Abort it to go back to stable.`,
    );
  }
  if (winner !== undefined || arm !== undefined) return null;
  const hint = `Say which: serin rollout promote ${id} --arm ${names.join('|')}.`;
  return refusedBy(
    'SERIN_REQUEST_INVALID',
    `rollout ${id} tests ${names.join(', ')}: one of them gets all requests`,
    hint,
  );
}

function abort(d: Draft, { by, observed, settings }: CommandInput, reason: string): Applied {
  const { phase } = d.rollout;
  if (phase === 'aborting' || phase === 'aborted') return UNCHANGED;
  if (isTerminal(phase) || phase === 'rolling_back') return refused(d, 'abort');
  revert(d, withoutMetrics(observed), { kind: 'person', by, summary: reason, verdict: null, node: null }, settings);
  if (!isTerminal(d.rollout.phase)) wait(d, 'the ACKs of the counted Envoys');
  return 'accepted';
}

/**
 * All requests go back to stable, and the newer rollout is named behind this one in the same commit: whoever dies
 * afterwards, it begins. One that has not begun itself gives its place away.
 */
function supersede(d: Draft, { by, observed, settings }: CommandInput, next: Supersede['next']): Applied {
  if (!canBeSuperseded(d.rollout)) return refused(d, 'be superseded');
  d.backend = { ...d.backend, next: next.id };
  const summary = `${next.revision} takes its place (rollout ${next.id}, started by ${by})`;
  const cause = { kind: 'superseded', by, summary, verdict: null, node: null } as const;
  revert(d, withoutMetrics(observed), cause, settings);
  if (!isTerminal(d.rollout.phase)) wait(d, 'the ACKs of the counted Envoys');
  return 'accepted';
}

/**
 * The way out when the confirmation can never come (a fleet that was taken down, an Envoy that refuses everything).
 * All traffic went back to stable in an earlier commit; this one names who has not said so and frees the backend.
 */
function endUnconfirmed(d: Draft, { by, observed, settings }: CommandInput, reason: string): Applied {
  const { id, phase, push } = d.rollout;
  if (phase === 'aborted' || phase === 'rolled_back' || phase === 'superseded') return UNCHANGED;
  if (phase !== 'aborting' && phase !== 'rolling_back') {
    const message = `rollout ${id} is ${phase.replace('_', ' ')}; it is not on its way back`;
    return { kind: 'refused', error: { code: 'SERIN_PHASE_CONFLICT', message, hint: 'Abort it first.' } };
  }
  const open = unconfirmedNodes(push?.counted ?? {}, observed.fleets);
  const who = open.length === 0 ? 'every counted Envoy had confirmed' : `without the confirmation of ${nameSome(open)}`;
  end(d, endOfWayBack(d.rollout), `ended by ${by}, ${who}: ${reason}`, settings, by, [
    ['Not confirmed', nameSome(open) || 'none'],
  ]);
  return 'accepted';
}

function approve(d: Draft, { by }: CommandInput, gate: GateSeen): Applied {
  const { phase, step, attempt, approval } = d.rollout;
  if (phase !== 'stepping') return refused(d, 'approve');
  const spec = d.rollout.spec.strategy.steps[step]?.approval;
  if (spec !== undefined && spec.by.length > 0 && !spec.by.includes(by)) {
    const message = `step ${step + 1} waits for the approval of ${whose(spec)}; ${by} is none of them`;
    return { kind: 'refused', error: { code: 'SERIN_FORBIDDEN', message } };
  }
  if (gate.step !== step || gate.attempt !== attempt || d.rollout.spec.strategy.steps[step]?.approve !== true) {
    const open =
      d.rollout.spec.strategy.steps[step]?.approve === true
        ? `the open gate is that of ${gateWords({ step, attempt })}`
        : 'the present step needs no approval';
    return {
      kind: 'refused',
      error: {
        code: 'SERIN_GATE_CONFLICT',
        message: `the gate of ${gateWords(gate)} is not open: ${open}`,
      },
    };
  }
  if (approval !== null && approval.step === step && approval.attempt === attempt) return UNCHANGED;
  change(d, { approval: { step, attempt, by, atMs: d.nowMs } });
  emit(d, 'approved', `step ${step + 1} approved`, {}, by);
  return 'accepted';
}
