import { ADVISED_SAMPLES } from '../../analysis/kayenta/live-verdicts.ts';
import { leastSamples } from '../../analysis/kayenta/plan-metrics.ts';
import { isSplit } from '../../model/documents.ts';
import { formatDuration } from '../../model/duration.ts';
import type { KayentaSpec } from '../../model/kayenta-spec.ts';
import { type Finding, finding } from './finding.ts';
import { longestWindowMs } from './lint-windows.ts';
import { inForce, isWritten, type PlanUnderLint, scrapeWords, webhookPath } from './plan-under-lint.ts';

/** Kayenta's judge compares samples, one per stretch of time: are there enough of them to tell anything? */
export function lintSamples(plan: PlanUnderLint): Finding[] {
  const { from, spec, steps, scrapeMs } = plan;
  const { judge } = spec;
  if (judge.name !== 'kayenta' || !steps.some((step) => isCompared(plan, step))) return [];
  const { sampleMs } = judge;
  const said = (field: string): string =>
    isWritten(plan, `spec.judge.${field}`) ? `spec.judge.${field}` : 'spec.judge';
  const long = `a sample spans ${formatDuration(sampleMs)}`;
  const few = tooFew(plan, judge);
  const short =
    sampleMs >= 2 * scrapeMs
      ? []
      : [
          finding(
            'sample-below-scrapes',
            from,
            said('sample'),
            `${long}, ${scrapeWords(plan, 2)}: many would be empty`,
          ),
        ];
  return [
    ...short,
    ...lintInterval(plan, judge),
    ...(few === null ? [] : [finding(few.code, from, few.path ?? said('sample'), `${long}: ${few.words}`)]),
  ];
}

/**
 * It lets a step go on at the looks at which it judges, one per interval: what else opens a gate has to be asked then, or
 * to be open then.
 */
function lintInterval(plan: PlanUnderLint, { intervalMs }: KayentaSpec): Finding[] {
  const { from, spec, steps } = plan;
  const judged = `it is judged every ${formatDuration(intervalMs)}`;
  const hooks = steps.flatMap((step, i) => {
    const withinMs = step.webhook?.withinMs ?? null;
    if (withinMs === null || withinMs >= intervalMs || !isCompared(plan, step)) return [];
    const message = `step ${step.name} gives its hook ${formatDuration(withinMs)}, and ${judged}: a hook that does not open at once is asked once more at the most`;
    return [finding('hook-below-interval', from, webhookPath(plan, i, 'within'), message)];
  });
  const open = spec.windows === undefined || spec.windows.open.length === 0 ? null : longestWindowMs(spec.windows);
  if (open === null || open >= intervalMs) return hooks;
  const message = `the longest window is ${formatDuration(open)}, and ${judged}: it may never be judged while one is open`;
  return [...hooks, finding('windows-below-interval', from, 'spec.windows.open', message)];
}

function tooFew(
  plan: PlanUnderLint,
  { sampleMs, confidence, lookbackMs, lifetimeMs }: KayentaSpec,
): { readonly code: 'samples-out-of-reach' | 'few-samples'; readonly path?: string; readonly words: string } | null {
  const { spec, steps } = plan;
  const least = leastSamples(confidence);
  const needed = `the judge needs ${least} to tell any difference at all`;
  const remembered = Math.floor((lookbackMs ?? Number.POSITIVE_INFINITY) / sampleMs);
  if (remembered < least) {
    const path = 'spec.judge.lookback';
    return { code: 'samples-out-of-reach', path, words: `the last ${counted(remembered)} count, and ${needed}` };
  }
  const inTime = Math.floor(spec.deadlineMs / sampleMs);
  if (inTime < least) {
    const path = isWritten(plan, 'spec.deadline') ? 'spec.deadline' : 'spec.judge';
    return { code: 'samples-out-of-reach', path, words: `${counted(inTime)} fit before the deadline, and ${needed}` };
  }
  const holdsMs = steps.reduce((sum, step) => sum + (isCompared(plan, step) ? step.holdMs : 0), 0);
  const expected = Math.min(Math.floor(Math.max(holdsMs, lifetimeMs ?? 0) / sampleMs), remembered);
  if (expected >= ADVISED_SAMPLES) return null;
  return { code: 'few-samples', words: `there are ${expected} of them when the last comparison is over` };
}

function isCompared(plan: PlanUnderLint, step: PlanUnderLint['steps'][number]): boolean {
  return isSplit(step) && inForce(plan, step).some(({ kind }) => kind !== 'query');
}

function counted(samples: number): string {
  return samples === 1 ? 'one sample' : `${samples} samples`;
}
