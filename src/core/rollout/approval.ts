import type { ApprovalSpec, StepSpec } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { isApproved } from './approval-state.ts';
import { pause } from './gates.ts';
import { change, type Draft, emit, type Settings, wait } from './transition.ts';

/**
 * The last gate of a step, behind that of a hook: nothing but a person's word is missing. `lapsed`: nobody has said it in
 * time, and then it goes back; else until when to wait.
 */
export function awaitApproval(
  d: Draft,
  { approve, approval }: StepSpec,
  settings: Settings,
): number | 'open' | 'lapsed' {
  if (!approve || isApproved(d.rollout)) return 'open';
  if (d.rollout.gate?.attempt !== d.rollout.attempt) {
    change(d, { gate: { attempt: d.rollout.attempt, sinceMs: d.nowMs } });
  }
  wait(d, `the approval of ${whose(approval)}`);
  const { withinMs = null, otherwise = 'rollback' } = approval ?? {};
  const untilMs = withinMs === null ? null : (d.rollout.gate?.sinceMs ?? d.nowMs) + withinMs;
  if (withinMs === null || untilMs === null || d.nowMs < untilMs) return untilMs ?? d.rollout.deadlineAtMs;
  const reason = `nobody has approved within ${formatDuration(withinMs)}`;
  switch (otherwise) {
    case 'rollback':
      return 'lapsed';
    case 'hold':
      pause(d, reason, settings);
      return d.rollout.deadlineAtMs;
    case 'advance':
      emit(d, 'held', `${reason}; the plan goes on all the same`);
      return 'open';
  }
}

/** Who may, in words. */
export function whose(approval: ApprovalSpec | undefined): string {
  const names = approval?.by ?? [];
  return names.length === 0 ? 'a person' : names.join(' or ');
}
