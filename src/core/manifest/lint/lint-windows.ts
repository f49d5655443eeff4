import { WEEKDAYS, type WindowsSpec } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import { openInWeek } from '../../model/release-windows.ts';
import { type Finding, finding } from './finding.ts';
import { isWritten, type PlanUnderLint } from './plan-under-lint.ts';

const MINUTE_MS = 60_000;

/** Do the holds fit into the windows, and both into the deadline? Of a usual week: freezes and set clocks aside. */
export function lintWindows(plan: PlanUnderLint): Finding[] {
  const { from, spec, steps } = plan;
  if (spec.windows === undefined || spec.windows.open.length === 0) return [];
  const week = openInWeek(spec.windows);
  const holdMs = steps.reduce((sum, step) => sum + step.holdMs, 0);
  const isBelow = holdMs + (spec.bakeMs ?? 0) < spec.deadlineMs;
  // What does not fit into the deadline without windows is told already.
  const late = isBelow ? beyondDeadline(plan, week) : [];
  const longestMs = longestWindowMs(spec.windows);
  if (longestMs >= holdMs || late.some(({ severity }) => severity === 'error')) return late;
  const words = `the holds take ${formatDuration(holdMs)}, the longest window is ${formatDuration(longestMs)}`;
  return [
    ...late,
    finding('windows-below-holds', from, 'spec.windows.open', `${words}: it waits at a part of the requests`),
  ];
}

function beyondDeadline(plan: PlanUnderLint, week: readonly boolean[]): Finding[] {
  const { from, spec } = plan;
  const times = week.map((_, minute) => leastMs(plan, week, minute));
  const [best, worst] = [Math.min(...times), Math.max(...times)];
  const deadline = `the deadline is ${formatDuration(spec.deadlineMs)}`;
  const path = isWritten(plan, 'spec.deadline') ? 'spec.deadline' : 'spec.windows.open';
  if (best >= spec.deadlineMs) {
    const message = `with its windows it takes ${formatDuration(best)} at the least, ${deadline}`;
    return [finding('windows-beyond-deadline', from, path, message)];
  }
  if (worst < spec.deadlineMs) return [];
  const message = `started on ${shown(times.indexOf(worst))} it takes ${formatDuration(worst)} at the least, ${deadline}`;
  return [finding('deadline-below-shut', from, path, message)];
}

/** Of a usual week. */
export function longestWindowMs(windows: WindowsSpec): number {
  return longestStretch(openInWeek(windows)) * MINUTE_MS;
}

/** Minutes; a window that is open all week has no end. */
function longestStretch(week: readonly boolean[]): number {
  if (week.every(Boolean)) return Number.POSITIVE_INFINITY;
  let [longest, current] = [0, 0];
  for (const open of [...week, ...week]) {
    current = open ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

/** From this minute of the week to the end, if nothing but holds, windows and the bake takes time. */
function leastMs({ spec, steps }: PlanUnderLint, week: readonly boolean[], minute: number): number {
  const startMs = minute * MINUTE_MS;
  const opened = (ms: number): number => {
    const first = Math.floor(ms / MINUTE_MS);
    for (let i = 0; i < week.length; i += 1) {
      if (week[(first + i) % week.length] === true) return Math.max(ms, (first + i) * MINUTE_MS);
    }
    return ms;
  };
  const lastMs = steps.reduce((ms, step) => opened(ms + step.holdMs), opened(startMs));
  return lastMs + (spec.bakeMs ?? 0) - startMs;
}

function shown(minute: number): string {
  const [day, rest] = [Math.floor(minute / 1_440), minute % 1_440];
  const two = (number: number) => String(number).padStart(2, '0');
  return `${WEEKDAYS[day] ?? ''} ${two(Math.floor(rest / 60))}:${two(rest % 60)}`;
}
