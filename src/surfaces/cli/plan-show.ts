import { type EffectivePlan, effectivePlans } from '../../core/manifest/effective/effective-plan.ts';
import { analysesOf, planSummary } from '../../core/manifest/effective/plan-summary.ts';
import { planYaml } from '../../core/manifest/effective/plan-yaml.ts';
import { treeJson } from '../../core/manifest/effective/tree.ts';
import { type ParsedDocument, parseDocuments } from '../../core/manifest/parse-documents.ts';
import { formatDuration } from '../../core/model/duration.ts';
import type { Result } from '../../core/model/errors.ts';
import { ok } from '../../core/model/errors.ts';
import type { CommandContext } from './command-context.ts';
import { EXIT } from './exit.ts';
import { readSources } from './files.ts';
import { choosePlan, planNames } from './preview-options.ts';
import { planLines } from './render-plan.ts';

/** `serin plan show`: what a plan says, with all that it leaves to others. */
export function showPlans(context: CommandContext, files: readonly string[], name: string | undefined): number {
  const { cli, terminal, output, failed } = context;
  const sources = readSources(files, cli.readStdin);
  const parsed = sources.kind === 'error' ? sources : parseDocuments(sources.value, cli.strategies(), cli.readRawEnvoy);
  if (parsed.kind === 'error') {
    // As `plan validate` answers.
    if (output() === 'json') terminal.json({ valid: false, errors: parsed.errors });
    return failed(parsed.errors);
  }
  const chosen = chosenNames(parsed.value, name);
  if (chosen.kind === 'error') return failed(chosen.errors);
  const plans = effectivePlans(parsed.value, cli.strategies()).filter((plan) => chosen.value.includes(plan.name));
  switch (output()) {
    case 'json':
      terminal.json({ plans: plans.map(planBody) });
      break;
    case 'yaml':
      for (const line of joined(plans.map(planYaml), '---')) terminal.out(line);
      break;
    default:
      for (const line of joined(
        plans.map((plan) => planLines(plan, terminal.paint)),
        '',
      ))
        terminal.out(line);
  }
  return EXIT.done;
}

/** The one that is named, or all of them; none at all is a mistake. */
function chosenNames(parsed: readonly ParsedDocument[], name: string | undefined): Result<readonly string[]> {
  const documents = parsed.map(({ document }) => document);
  const names = planNames(documents);
  if (name === undefined && names.length > 0) return ok(names);
  const one = choosePlan(documents, name);
  return one.kind === 'error' ? one : ok([one.value.name]);
}

function joined(parts: readonly (readonly string[])[], between: string): string[] {
  return parts.flatMap((lines, i) => (i === 0 ? lines : [between, ...lines]));
}

function planBody({ name, spec, strategy, written, defaults }: EffectivePlan): object {
  const { leastMs, steps, largestWeight, approvals, webhooks } = planSummary(spec);
  return {
    name,
    strategy:
      strategy === null
        ? null
        : {
            name: strategy.name,
            parameters: strategy.parameters.map(({ name: parameter, value, isDefault }) => ({
              ...{ name: parameter, value, default: isDefault },
            })),
          },
    spec: treeJson(written),
    defaults: [...defaults],
    steps: spec.strategy.steps.map((step) => ({ name: step.name, analyses: analysesOf(spec, step) })),
    summary: { least: formatDuration(leastMs), steps, largestWeight: largestWeight / 100, approvals, webhooks },
  };
}
