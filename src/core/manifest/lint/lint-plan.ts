import { formatDuration } from '../../model/duration.ts';
import { didYouMean } from '../../model/suggest.ts';
import { hooksOf } from '../check-references.ts';
import { heldWithoutAnalysis } from '../effective/plan-summary.ts';
import { type ConfigFacts, type Finding, finding } from './finding.ts';
import { lintSamples } from './lint-samples.ts';
import {
  allPlaced,
  fourScrapesMs,
  isJudged,
  isWritten,
  type PlanUnderLint,
  scrapeWords,
  under,
} from './plan-under-lint.ts';

export function lintPlan(plan: PlanUnderLint): Finding[] {
  return [...lintAnalysis(plan), ...lintDeadline(plan), ...lintSamples(plan)];
}

function lintAnalysis(plan: PlanUnderLint): Finding[] {
  const { from } = plan;
  const least = fourScrapesMs(plan);
  if (!isJudged(plan))
    return [finding('no-analysis', from, 'spec', `nothing is measured: ${heldWithoutAnalysis(plan.spec)}`)];
  const windows = allPlaced(plan).flatMap(({ analysis, path }) => {
    if (analysis.kind !== 'query' || analysis.windowMs >= least) return [];
    const words = `${analysis.name} looks back ${formatDuration(analysis.windowMs)}`;
    const message = `${words}, ${scrapeWords(plan, 4)}: it may find nothing`;
    return [finding('window-below-scrapes', from, under(path, 'window'), message)];
  });
  return [...windows, ...lintPatience(plan)];
}

/**
 * Looks are a scrape apart, and what each says holds until the next one. While a step settles no time counts, so it is
 * not the first comparison that patience has to last for, but a look or two that see nothing.
 */
function lintPatience(plan: PlanUnderLint): Finding[] {
  const { from, spec, scrapeMs } = plan;
  const { inconclusiveAfterMs: givenMs } = spec;
  if (givenMs >= 2 * scrapeMs) return [];
  const words = `it is paused after ${formatDuration(givenMs)} without evidence, ${scrapeWords(plan, 2)}`;
  return [
    finding('patience-below-scrapes', from, 'spec.inconclusiveAfter', `${words}: two looks that see nothing can do it`),
  ];
}

function lintDeadline(plan: PlanUnderLint): Finding[] {
  const { from, spec, steps } = plan;
  const asksPeople = steps.some(({ approve }) => approve);
  if (!isWritten(plan, 'spec.deadline')) {
    const words = `is rolled back after ${formatDuration(spec.deadlineMs)}, which nobody has said`;
    return asksPeople
      ? [finding('approve-without-deadline', from, 'spec', `a rollout that nobody approves ${words}`)]
      : [finding('no-deadline', from, 'spec', `a rollout that gets nowhere ${words}`)];
  }
  const holdMs = steps.reduce((sum, step) => sum + step.holdMs, spec.bakeMs ?? 0);
  if (holdMs < spec.deadlineMs) return [];
  const message = `the holds take ${formatDuration(holdMs)}, the deadline is ${formatDuration(spec.deadlineMs)}`;
  return [finding('deadline-below-holds', from, 'spec.deadline', message)];
}

/** What the plan needs of serin.yaml. `fleets` are those that the backend is known to be in. */
export function lintAgainstConfig(plan: PlanUnderLint, config: ConfigFacts, fleets: readonly string[]): Finding[] {
  const { from, spec } = plan;
  const names = config.notifiers.map(({ name }) => name);
  const unknown = spec.notify.flatMap((name, i) =>
    names.includes(name)
      ? []
      : [
          finding(
            'unknown-notifier',
            from,
            `spec.notify[${i}]`,
            `there is no notifier ${name}.${didYouMean(name, names)}`,
          ),
        ],
  );
  const hooks = config.hooks.map(({ name }) => name);
  for (const { path, target } of hooksOf(spec)) {
    if (hooks.includes(target)) continue;
    unknown.push(finding('unknown-hook', from, path, `there is no hook ${target}.${didYouMean(target, hooks)}`));
  }
  const blind = fleets.filter((fleet) => (config.scrapeMs.get(fleet) ?? null) === null);
  if (!isJudged(plan) || blind.length === 0) return unknown;
  const message = `the plan has analyses, and fleet ${blind.join(', ')} has no metrics`;
  return [...unknown, finding('no-metrics', from, 'spec.analysis', message)];
}
