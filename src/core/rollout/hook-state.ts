import type { WebhookSpec } from '../model/documents.ts';
import type { HookGate, Rollout } from './rollout.ts';

/** Of the present attempt: what was said before is about another traffic. */
export function gateOf({ hook, attempt }: Rollout): HookGate | null {
  return hook?.attempt === attempt ? hook : null;
}

export function webhookOf({ spec, step }: Rollout): WebhookSpec | undefined {
  return spec.strategy.steps[step]?.webhook;
}

/** Has the hook of the present step not opened its gate? No time that passes does. */
export function isGateShut(rollout: Rollout): boolean {
  return rollout.phase === 'stepping' && webhookOf(rollout) !== undefined && gateOf(rollout)?.answer?.kind !== 'open';
}
