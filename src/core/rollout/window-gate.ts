import { formatDuration } from '../model/duration.ts';
import { LOOK_AGAIN_MS } from './await-live.ts';
import { gatesAnew } from './hook-gate.ts';
import type { Rollout } from './rollout.ts';
import { change, type Draft, emit, wait } from './transition.ts';
import { type Shut, shutWindow } from './window-state.ts';

/**
 * The gate that clocks and calendars open. It stands before every move that gives the canary more and before no other:
 * whatever goes back does not ask for it, nor does what is under way.
 */

/**
 * Behind evidence and time, before the hook and the approval: what those say is about traffic that may go on. `open`, or
 * until when to wait at the most.
 */
export function awaitWindow(d: Draft): number | 'open' {
  const shut = shutWindow(d.rollout, d.nowMs);
  const { attempt, window: waits } = d.rollout;
  const isWaiting = waits != null && waits.attempt === attempt;
  if (shut === null) {
    if (isWaiting) goOn(d, waits.sinceMs);
    return 'open';
  }
  const { opensAtMs, freeze } = shut;
  wait(d, words(d.rollout, shut));
  if (!isWaiting) {
    change(d, { window: { attempt, sinceMs: d.nowMs } });
    emit(
      d,
      'window',
      `${freeze === null ? 'its windows are shut' : 'there is a freeze'}: it waits for ${d.rollout.waitingFor}`,
    );
  }
  return Math.min(opensAtMs ?? d.nowMs + LOOK_AGAIN_MS, d.rollout.deadlineAtMs);
}

function goOn(d: Draft, sinceMs: number): void {
  change(d, { window: null, ...gatesAnew(d.rollout, d.nowMs) });
  const time = formatDuration(Math.floor((d.nowMs - sinceMs) / 1_000) * 1_000);
  emit(d, 'window', `the window is open, after ${time}: it goes on`);
}

function words({ spec, deadlineAtMs }: Rollout, { opensAtMs, opensAt, freeze }: Shut): string {
  const zone = spec.windows?.zone ?? '';
  if (opensAtMs === null) return `its window to open (this engine finds no such time in zone ${zone})`;
  const reason = freeze?.reason === undefined ? '' : `, ${freeze.reason}`;
  const frozen = freeze === null ? '' : ` (freeze from ${freeze.from} to ${freeze.to}${reason})`;
  const late = opensAtMs < deadlineAtMs ? '' : '; its deadline comes first';
  return `its window to open, ${opensAt} ${zone}${frozen}${late}`;
}
