import type { ApprovalSpec, StepSpec } from '../model/documents.ts';
import { formatDuration } from '../model/duration.ts';
import { isApproved } from './approval-state.ts';
import type { Notice } from './event.ts';
import { pause } from './gates.ts';
import type { Rollout } from './rollout.ts';
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

/** What whoever is notified needs to know: whose word it is, how to say it, and what comes of saying nothing. */
export function approvalFields({ id, step, attempt }: Rollout, { approval }: StepSpec): Notice['fields'] {
  const { by = [], withinMs = null, otherwise = 'rollback' } = approval ?? {};
  const silence = { rollback: 'it goes back', hold: 'it is paused', advance: 'it goes on' }[otherwise];
  return [
    ['May approve', by.length === 0 ? 'whoever may act' : by.join(', ')],
    [
      'To do',
      `look at it (\`serin rollout explain ${id}\`), then \`serin rollout approve ${id} --gate ${step}/${attempt}\``,
    ],
    ...(withinMs === null
      ? []
      : [['Otherwise', `${silence} ${formatDuration(withinMs)} after nothing else is missing`] as const]),
  ];
}

/** Who may, in words. */
export function whose(approval: ApprovalSpec | undefined): string {
  const names = approval?.by ?? [];
  return names.length === 0 ? 'a person' : names.join(' or ');
}
