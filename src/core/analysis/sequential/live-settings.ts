import type { JudgeInput } from '../judge.ts';
import { sequentialSettings } from './plan-settings.ts';
import type { SequentialSettings } from './settings.ts';

/** The memory is kept with every look, so it must not grow with the edges. */
export const LIVE_EDGES = 8;

const ANY_STEP = { weight: 0, holdMs: 0, pinned: false, sticky: false, analysis: [] };

/** What a plan asks of a live rollout. Dwell, deadline and what it does are the rollout's own. */
export function liveSettings({
  plan,
  analysis,
  scrapeMs,
  routeTimeoutMs = 0,
}: Pick<JudgeInput, 'plan' | 'analysis' | 'scrapeMs' | 'routeTimeoutMs'>): SequentialSettings {
  const { steps, ...asked } = plan ?? { analysis, judge: {}, steps: [ANY_STEP] };
  const timeless = steps.map((step) => ({ ...step, holdMs: 0 }));
  const gathering = { scrapeMs, routeTimeoutMs, mostEdges: LIVE_EDGES };
  return sequentialSettings({ ...asked, steps: timeless, deadlineMs: null, onInconclusive: 'hold' }, gathering);
}
