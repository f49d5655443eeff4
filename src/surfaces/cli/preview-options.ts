import { parseDocuments } from '../../core/manifest/parse-documents.ts';
import type { Document, PlanDocument } from '../../core/model/documents.ts';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { didYouMean } from '../../core/model/suggest.ts';
import { previewStepNames } from '../../core/traffic/preview-step.ts';
import type { CliContext } from './command-context.ts';
import { readSources } from './files.ts';

/** The documents of files, as a command takes them that only looks: what an operator allows matters to the engine. */
export function readDocuments(files: readonly string[], cli: CliContext): Result<readonly Document[]> {
  const sources = readSources(files, cli.readStdin);
  if (sources.kind === 'error') return sources;
  const parsed = parseDocuments(sources.value, cli.strategies(), cli.readRawEnvoy);
  return parsed.kind === 'error' ? parsed : ok(parsed.value.map(({ document }) => document));
}

export function planNames(documents: readonly Document[]): readonly string[] {
  return documents.flatMap(({ kind, name }) => (kind === 'Plan' ? [name] : []));
}

/** The plan that is meant: the one named, or the only one. */
export function choosePlan(documents: readonly Document[], name: string | undefined): Result<PlanDocument> {
  const plans = documents.filter((document): document is PlanDocument => document.kind === 'Plan');
  const names = planNames(documents);
  const [only] = plans;
  const found = name === undefined ? (plans.length === 1 ? only : undefined) : plans.find((plan) => plan.name === name);
  if (found !== undefined) return ok(found);
  const hint = names.length === 0 ? 'Name a file with a Plan.' : `Name one by --plan: ${names.join(', ')}.`;
  const message =
    name !== undefined
      ? `there is no plan ${name.slice(0, 80)} in these files.${didYouMean(name, names)}`
      : `these files have ${plans.length === 0 ? 'no plan' : `${plans.length} plans`}`;
  return fail('SERIN_REQUEST_INVALID', message, { hint });
}

/** Without a step nothing rolls, and what is said of the rollout would be read by nobody. */
export function withoutStep(documents: readonly Document[], plan: string | undefined): Result<never> {
  const chosen = choosePlan(documents, plan);
  if (chosen.kind === 'error') return chosen;
  const hint = `Name a step by --step: ${previewStepNames(chosen.value.spec)}`.slice(0, 600);
  return fail('SERIN_REQUEST_INVALID', '--plan and --revision are for what rolls out, and no step of it is named', {
    hint,
  });
}
