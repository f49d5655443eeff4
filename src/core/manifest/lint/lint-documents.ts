import { USUAL_SCRAPE_MS } from '../../analysis/sample-health.ts';
import type { Document } from '../../model/documents.ts';
import { backendsOfPlan } from '../../model/joint-spec.ts';
import { targetsOf } from '../../model/route-rule.ts';
import { hooksOf } from '../check-references.ts';
import type { ParsedDocument } from '../parse-documents.ts';
import { type Finding, finding, type LintFacts } from './finding.ts';
import { lintEvidence } from './lint-evidence.ts';
import { lintAgainstConfig, lintPlan } from './lint-plan.ts';
import { lintSkip } from './lint-skip.ts';
import { lintSteps } from './lint-steps.ts';
import { lintWindows } from './lint-windows.ts';
import type { PlanUnderLint } from './plan-under-lint.ts';

/** What is written correctly and makes no sense; in the order of the documents, then of the lines. */
export function lintDocuments(parsed: readonly ParsedDocument[], facts: LintFacts): readonly Finding[] {
  const all = parsed.map(({ document }) => document);
  const found = parsed.flatMap((from) => {
    const { document } = from;
    if (document.kind === 'Backend') {
      const message = `nothing tells whether an endpoint of ${document.name} is healthy`;
      // Clusters of the Envoys' own have health checks of their own.
      const isSerins = document.spec.endpoints?.kind !== 'cluster';
      return document.spec.healthCheck === null && isSerins ? [finding('no-health-check', from, 'spec', message)] : [];
    }
    if (document.kind !== 'Plan') return [];
    const fleets = fleetsOf(all, backendsOfPlan(document.spec));
    const plan = underLint(from, document.spec, fleets, facts);
    return once([
      ...lintPlan(plan),
      ...lintSteps(plan),
      ...lintWindows(plan),
      ...lintSkip(plan),
      ...lintEvidence(plan),
      ...(facts.config === null ? [] : lintAgainstConfig(plan, facts.config, fleets)),
    ]);
  });
  return [...found, ...unsigned(all, facts), ...unsignedHooks(all, facts)];
}

/** Steps that a strategy makes of one line have one fault. */
function once(findings: readonly Finding[]): readonly Finding[] {
  const same = new Map<string, Finding[]>();
  for (const one of findings) {
    const key = `${one.code} ${one.path}`;
    same.set(key, [...(same.get(key) ?? []), one]);
  }
  return [...same.values()]
    .flatMap(([first, ...others]) => {
      if (first === undefined) return [];
      const more = others.length === 0 ? '' : `; so it is with ${others.length} more`;
      return [{ ...first, message: `${first.message}${more}` }];
    })
    .toSorted((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0) || (a.place?.column ?? 0) - (b.place?.column ?? 0));
}

function underLint(
  from: ParsedDocument,
  spec: PlanUnderLint['spec'],
  fleets: readonly string[],
  { config, requestsPerSecond, errorRate }: LintFacts,
): PlanUnderLint {
  // Without a Route it can be any of them.
  const isGuess = fleets.length === 0 && config !== null;
  const among = isGuess ? [...config.scrapeMs.keys()] : fleets;
  const scrapes = among.flatMap((fleet) => config?.scrapeMs.get(fleet) ?? []);
  return {
    from,
    spec,
    steps: spec.strategy.steps,
    scrapeMs: scrapes.length === 0 ? USUAL_SCRAPE_MS : Math.max(...scrapes),
    guesses: isGuess && scrapes.length > 0,
    rps: requestsPerSecond,
    errorRate: errorRate ?? 0,
  };
}

/** Those of a rollout; copies alone make none, as their answers are dropped. */
function fleetsOf(documents: readonly Document[], backends: readonly string[]): readonly string[] {
  const fleets = documents.flatMap((document) =>
    document.kind === 'Route' &&
    document.spec.rules.some((rule) => targetsOf(rule).some((one) => backends.includes(one.backend)))
      ? [document.spec.fleet]
      : [],
  );
  return [...new Set(fleets)].sort();
}

/** Notifiers that some plan uses. */
function unsigned(documents: readonly Document[], { config }: LintFacts): readonly Finding[] {
  const used = new Set(documents.flatMap((document) => (document.kind === 'Plan' ? document.spec.notify : [])));
  return (config?.notifiers ?? [])
    .filter(({ name, signed }) => used.has(name) && !signed)
    .map(({ name, place }) => {
      const message = `messages to notifier ${name} are not signed`;
      return finding('notifier-unsigned', { placeOf: () => place }, 'notifiers', message);
    });
}

/** Hooks that some step asks. */
function unsignedHooks(documents: readonly Document[], { config }: LintFacts): readonly Finding[] {
  const plans = documents.flatMap((document) => (document.kind === 'Plan' ? [document.spec] : []));
  const asked = new Set(plans.flatMap(hooksOf).map(({ target }) => target));
  return (config?.hooks ?? [])
    .filter(({ name, signed }) => asked.has(name) && !signed)
    .map(({ name, place }) => {
      const message = `questions to hook ${name} are not signed`;
      return finding('hook-unsigned', { placeOf: () => place }, 'hooks', message);
    });
}
