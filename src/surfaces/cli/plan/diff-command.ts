import type { Command } from 'commander';
import { planChanges, stepChanges } from '../../../core/manifest/compare/plan-changes.ts';
import type { Document, PlanDocument } from '../../../core/model/documents.ts';
import { fail, ok, type Result } from '../../../core/model/errors.ts';
import { allSteps } from '../../../core/traffic/compile-plan.ts';
import { type PreviewStep, parsePreviewStep } from '../../../core/traffic/preview-step.ts';
import type { CliContext, CommandContext, Run } from '../command-context.ts';
import { EXIT } from '../exit.ts';
import { choosePlan, readDocuments } from '../preview-options.ts';
import { type Comparison, differenceLines, differs } from './difference-lines.ts';
import { type PreviewFlags, previewFlags, previewOf, stepName, stepNumber, stepText } from './preview-flags.ts';
import { diffFleets, resourceTexts } from './resource-texts.ts';

interface DiffOptions extends PreviewFlags {
  readonly step?: string;
  readonly resources?: boolean;
  readonly exitCode?: boolean;
}

/** `serin plan diff` */
export function diffCommand(plan: Command, context: CommandContext, run: Run): void {
  previewFlags(
    plan
      .command('diff')
      .description('what differs between the steps of a plan, or between two versions of it')
      .argument('<file>')
      .argument('[other]'),
  )
    .option('--step <a..b>', 'two steps of the one file (default: each step and its next)')
    .option('--resources', 'also what Envoys get, as a unified diff')
    .option('--exit-code', `end with ${EXIT.differs} if something differs`)
    .action((file: string, other: string | undefined, options: DiffOptions) =>
      run(async () => diff(context, file, other, options))(),
    );
}

function diff(context: CommandContext, file: string, other: string | undefined, options: DiffOptions): number {
  const { cli, terminal, json, failed } = context;
  const compared = other === undefined ? betweenSteps(cli, file, options) : betweenFiles(cli, [file, other], options);
  if (compared.kind === 'error') return failed(compared.errors);
  if (json()) for (const one of compared.value) terminal.json(one);
  else for (const line of compared.value.flatMap(differenceLines)) terminal.out(line);
  return options.exitCode === true && compared.value.some(differs) ? EXIT.differs : EXIT.done;
}

interface Version {
  readonly documents: readonly Document[];
  readonly plan: PlanDocument;
}

function readVersion(cli: CliContext, file: string, name: string | undefined): Result<Version> {
  const documents = readDocuments([file], cli);
  if (documents.kind === 'error') return documents;
  const plan = choosePlan(documents.value, name);
  return plan.kind === 'error' ? plan : ok({ documents: documents.value, plan: plan.value });
}

function betweenSteps(cli: CliContext, file: string, options: DiffOptions): Result<readonly Comparison[]> {
  const read = readVersion(cli, file, options.plan);
  if (read.kind === 'error') return read;
  const { documents, plan } = read.value;
  const pairs = options.step === undefined ? ok(pairsOf(allSteps(plan))) : namedPair(plan, options.step);
  if (pairs.kind === 'error') return pairs;
  const wanted = options.resources === true ? [...new Set(pairs.value.flat())] : [];
  const texts = resourceTexts(cli, previewOf(documents, plan, options), wanted);
  if (texts.kind === 'error') return texts;
  return ok(
    pairs.value.map(([from, to]) => ({
      plan: plan.name,
      from: stepText(plan, from),
      to: stepText(plan, to),
      changes: stepChanges(plan.spec, from, to),
      ...(options.resources === true
        ? {
            resources: diffFleets(
              { label: stepText(plan, from), fleets: texts.value.get(from) },
              { label: stepText(plan, to), fleets: texts.value.get(to) },
            ),
          }
        : {}),
    })),
  );
}

function pairsOf(steps: readonly PreviewStep[]): readonly (readonly [PreviewStep, PreviewStep])[] {
  return steps.slice(1).map((to, i) => [steps[i] ?? 'preparing', to]);
}

/** A name may hold dots, too. */
function namedPair(plan: PlanDocument, text: string): Result<readonly (readonly [PreviewStep, PreviewStep])[]> {
  const places = [...text.matchAll(/(?=\.\.)/g)].map(({ index }) => index);
  if (places.length === 0) {
    const hint = 'Write the two with two dots, like 1..2 or testers..promoted.';
    return fail('SERIN_REQUEST_INVALID', `"${text.slice(0, 80)}" names no two steps`, { hint });
  }
  const tries = places.map(
    (at) => [parsePreviewStep(plan.spec, text.slice(0, at)), parsePreviewStep(plan.spec, text.slice(at + 2))] as const,
  );
  const [from, to] = tries.find((pair) => pair.every(({ kind }) => kind === 'ok')) ?? tries[0] ?? [];
  if (from === undefined || to === undefined) throw new Error('two dots were found');
  if (from.kind === 'error') return from;
  return to.kind === 'error' ? to : ok([[from.value, to.value]]);
}

function betweenFiles(
  cli: CliContext,
  [file, other]: readonly [string, string],
  options: DiffOptions,
): Result<readonly Comparison[]> {
  if (options.step !== undefined) {
    const hint = 'Leave --step out, or one of the files.';
    return fail('SERIN_REQUEST_INVALID', 'two files are compared in all their steps', { hint });
  }
  if (file === '-' && other === '-') return fail('SERIN_REQUEST_INVALID', 'standard input can be read only once');
  const before = readVersion(cli, file, options.plan);
  if (before.kind === 'error') return before;
  const after = readVersion(cli, other, before.value.plan.name);
  if (after.kind === 'error') return after;
  const changes = planChanges(before.value.plan.spec, after.value.plan.spec);
  const common = { plan: before.value.plan.name, from: file, to: other, changes };
  if (options.resources !== true) return ok([common]);
  const sides: ReadonlyMap<string, ReadonlyMap<string, string>>[] = [];
  for (const { documents, plan } of [before.value, after.value]) {
    const steps = allSteps(plan);
    const texts = resourceTexts(cli, previewOf(documents, plan, options), steps);
    if (texts.kind === 'error') return texts;
    sides.push(new Map(steps.map((step) => [keyOf(plan, step), texts.value.get(step) ?? new Map()])));
  }
  const [old = new Map(), now = new Map()] = sides;
  const resources = [...new Set([...old.keys(), ...now.keys()])].flatMap((key) =>
    diffFleets({ label: `${file}, ${key}`, fleets: old.get(key) }, { label: `${other}, ${key}`, fleets: now.get(key) }),
  );
  return ok([{ ...common, resources }]);
}

/** By name: a step that came in between leaves the others what they were. */
function keyOf(plan: PlanDocument, step: PreviewStep): string {
  const name = stepName(plan, step);
  if (name !== null) return `step ${name}`;
  return stepNumber(step) === 0 ? 'before' : 'promoted';
}
