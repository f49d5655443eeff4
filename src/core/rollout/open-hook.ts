import { type Applied, refused, refusedBy, UNCHANGED } from './command-outcome.ts';
import { gateOf, webhookOf } from './hook-state.ts';
import { type GateSeen, gateWords } from './jump.ts';
import { tell } from './notice.ts';
import type { HookGate } from './rollout.ts';
import { change, type Draft, emit } from './transition.ts';

/**
 * A person says in the place of a hook that the step may be left: the hook is down, or is wrong. Nothing else of the step
 * is opened by it, and what the hook answers afterwards counts for nothing.
 */
export function openHook(
  d: Draft,
  { by }: { readonly by: string },
  gate: GateSeen,
  hook: string,
  reason: string,
): Applied {
  const { phase, step, attempt } = d.rollout;
  if (phase !== 'stepping') return refused(d, 'approve');
  const target = webhookOf(d.rollout)?.target;
  if (gate.step !== step || gate.attempt !== attempt || target !== hook) {
    const open = target === undefined ? 'it asks no hook' : `it asks hook ${target}`;
    const message = `the gate of hook ${hook.slice(0, 80)} at ${gateWords(gate)} is not the present one: the rollout is at ${gateWords({ step, attempt })}, and ${open}`;
    return refusedBy('SERIN_GATE_CONFLICT', message);
  }
  const asked = gateOf(d.rollout);
  if (asked?.answer?.kind === 'open') return UNCHANGED;
  const begun = { attempt, sinceMs: d.nowMs, ask: 0, nextAtMs: d.nowMs, failed: 0, ...asked };
  const answer: HookGate['answer'] = { kind: 'open', detail: `${by}: ${reason}`, atMs: d.nowMs };
  change(d, { hook: { ...begun, pendingUntilMs: null, answer } });
  emit(d, 'gate', `the gate of hook ${target} is opened by hand: ${reason}`, {}, by);
  tell(d, 'opened', [
    ['Hook', target],
    ['By', by],
    ['Reason', reason],
    ...(asked?.answer == null ? [] : [['Last answer', asked.answer.detail] as const]),
  ]);
  return 'accepted';
}
