import { defaultMax } from '../../manifest/analysis-grammar.ts';
import { defined } from '../../manifest/fields.ts';
import type { AnalysisSpec } from '../../model/analysis-spec.ts';
import type { PeerReplayPlan } from '../peer-replay.ts';
import { USUAL_SCRAPE_MS } from '../sample-health.ts';
import { sequentialSettings as settingsOf } from '../sequential/plan-settings.ts';
import { SEQUENTIAL_DEFAULTS, type SequentialSettings } from '../sequential/settings.ts';
import type { RecordingHeader } from './recording-grammar.ts';
import type { LimitedPlan } from './threshold-replay.ts';

type Plan = RecordingHeader['plan'];

const WINDOW_MS = 60_000;

export function sequentialSettings(header: RecordingHeader): SequentialSettings {
  const { plan, scrapeMs, routeTimeoutMs, mostEdges, comesInGroups } = header;
  const { alpha, margin, mde, skipAfter: skipAfterMs } = plan.judge ?? {};
  return settingsOf(
    {
      analysis: analysesOf(plan.analysis),
      steps: stepsOf(plan).map((step) => ({
        weight: step.weight,
        holdMs: step.hold ?? 0,
        analysis: analysesOf(step.analysis),
        pinned: (step.matches ?? []).length > 0,
        sticky: comesInGroups === true || (step.sticky != null && step.sticky !== false),
      })),
      judge: defined({ alpha, margin, mde, skipAfterMs }),
      deadlineMs: plan.deadline ?? null,
      ...defined({ nodataTimeoutMs: plan.nodataTimeout, onInconclusive: plan.onInconclusive ?? undefined }),
    },
    {
      scrapeMs: scrapeMs ?? USUAL_SCRAPE_MS,
      routeTimeoutMs: routeTimeoutMs ?? 0,
      mostEdges: mostEdges ?? SEQUENTIAL_DEFAULTS.mostEdges,
    },
  );
}

/** What the judges of other tools are given: they know neither custom queries nor retries here. */
export function peerPlan({ plan }: RecordingHeader): PeerReplayPlan {
  return {
    steps: stepsOf(plan).map(({ weight, hold }) => ({ weight, holdMs: hold ?? 0 })),
    analysis: analysesOf(plan.analysis).filter((spec) => spec.kind !== 'latency' || spec.objectiveMs !== null),
  };
}

/** What is held against fixed limits. */
export function limitedPlan({ plan }: RecordingHeader): LimitedPlan {
  const steps = stepsOf(plan).map(({ weight, hold, analysis }) => {
    return { weight, holdMs: hold ?? 0, analysis: analysesOf(analysis) };
  });
  return { steps, analysis: analysesOf(plan.analysis) };
}

/** As the grammar of a Plan reads them, but with a limit on nothing else: a recording may be of anywhere. */
function analysesOf(entries: Plan['analysis']): readonly AnalysisSpec[] {
  return (entries ?? []).flatMap(({ use, name, with: asked }): AnalysisSpec[] => {
    const { relative, max, min, minRequests, window, count, floor, objective, warmup } = asked ?? {};
    const share = {
      name: name ?? use ?? '',
      max: max ?? defaultMax(relative),
      minRequests: minRequests ?? null,
      windowMs: window ?? WINDOW_MS,
      ...defined({ ceiling: max, min }),
      ...(relative === undefined ? {} : { relative: { factor: relative.factor ?? 1, offset: relative.offset ?? 0 } }),
    };
    if (use === 'error-rate') return [{ kind: use, ...share, ...defined({ count, floor }) }];
    if (use !== 'latency') return [];
    return [{ kind: use, ...share, objectiveMs: objective ?? null, ...defined({ warmupMs: warmup }) }];
  });
}

function stepsOf(plan: Plan) {
  return plan.steps ?? plan.strategy?.steps ?? [];
}
