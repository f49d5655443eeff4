import type { Command } from 'commander';
import { dump } from 'js-yaml';
import type { PlanDocument } from '../../../core/model/documents.ts';
import { ok, type Result, type SerinError } from '../../../core/model/errors.ts';
import { allSteps, type CompiledStep, compilePlan } from '../../../core/traffic/compile-plan.ts';
import { type PreviewStep, parsePreviewStep } from '../../../core/traffic/preview-step.ts';
import { probeListener, type ResourcesJson, staticBootstrap } from '../../../core/traffic/static-bootstrap.ts';
import type { CommandContext, Run } from '../command-context.ts';
import { EXIT } from '../exit.ts';
import { choosePlan, readDocuments } from '../preview-options.ts';
import { compiledLines } from './compiled-lines.ts';
import { type PreviewFlags, previewFlags, previewOf, stepName, stepNumber, stepText } from './preview-flags.ts';

interface CompileOptions extends PreviewFlags {
  readonly step: string;
  readonly verify?: boolean;
  readonly envoy?: string;
}

/** `null`: not asked. */
type Verdict = { readonly refusal: string | null } | null;

/** `serin plan compile` */
export function compileCommand(plan: Command, context: CommandContext, run: Run): void {
  previewFlags(
    plan
      .command('compile')
      .description('the resources that Envoys get at each step of a plan, as they get them')
      .argument('<file...>'),
  )
    .option('--step <step>', 'number or name of a step; 0: before the first; promoted: behind the last; all', 'all')
    .option('--verify', 'asks a real Envoy whether it takes them')
    .option('--envoy <path>', 'which one (default: envoy of the PATH)')
    .action((files: string[], options: CompileOptions) => run(() => compile(context, files, options))());
}

async function compile(context: CommandContext, files: readonly string[], options: CompileOptions): Promise<number> {
  const { cli, terminal, json, output, failed } = context;
  const documents = readDocuments(files, cli);
  if (documents.kind === 'error') return failed(documents.errors);
  const chosen = choosePlan(documents.value, options.plan);
  if (chosen.kind === 'error') return failed(chosen.errors);
  const plan = chosen.value;
  const steps = stepsOf(plan, options.step);
  if (steps.kind === 'error') return failed(steps.errors);
  const preview = previewOf(documents.value, plan, options);
  const compiled = compilePlan(preview, steps.value);
  if (compiled.kind === 'error') return failed(compiled.errors);
  const toJson = cli.envoyJson();
  const verdicts = options.verify === true ? await verify(context, options, compiled.value, toJson) : ok(null);
  if (verdicts.kind === 'error') return failed(verdicts.errors);
  const verdictOf = (at: CompiledStep): Verdict => verdicts.value?.get(at) ?? null;
  if (json() || output() === 'yaml') {
    for (const at of compiled.value) {
      const document = documentOf(plan, preview.revision, at, toJson(at.resources), verdictOf(at));
      if (json()) terminal.json(document);
      else for (const line of yamlLines(document)) terminal.out(line);
    }
  } else for (const line of compiledLines(plan, compiled.value, verdictOf)) terminal.out(line);
  const refused = compiled.value.flatMap((at) => refusalError(plan, at, verdictOf(at)));
  return refused.length > 0 ? failed(refused) : EXIT.done;
}

function stepsOf(plan: PlanDocument, text: string): Result<readonly PreviewStep[]> {
  // A step may have this name, too.
  if (text === 'all' && !plan.spec.strategy.steps.some(({ name }) => name === text)) return ok(allSteps(plan));
  const step = parsePreviewStep(plan.spec, text);
  return step.kind === 'error' ? step : ok([step.value]);
}

type ToJson = (resources: CompiledStep['resources']) => ResourcesJson;

async function verify(
  { cli }: CommandContext,
  { envoy }: CompileOptions,
  compiled: readonly CompiledStep[],
  toJson: ToJson,
): Promise<Result<ReadonlyMap<CompiledStep, Verdict>>> {
  const verdicts = new Map<CompiledStep, Verdict>();
  for (const at of compiled) {
    const listeners = [probeListener(at.fleet)];
    const bootstrap = staticBootstrap(at.table, toJson({ ...at.resources, listeners }));
    const asked = await cli.askEnvoy(bootstrap, { binary: envoy ?? null, signal: cli.interrupted });
    if (asked.kind === 'error') return asked;
    verdicts.set(at, asked.value);
  }
  return ok(verdicts);
}

function documentOf(
  plan: PlanDocument,
  revision: string,
  { step, fleet, patched }: CompiledStep,
  { clusters, endpoints, routes }: ResourcesJson,
  verdict: Verdict,
) {
  return {
    ...{ plan: plan.name, revision, step: stepNumber(step), name: stepName(plan, step), fleet },
    ...(verdict === null ? {} : { verify: { ok: verdict.refusal === null, reason: verdict.refusal } }),
    ...(patched.length === 0 ? {} : { patched }),
    resources: { clusters, endpoints, routes },
  };
}

/** Every text is quoted: to Envoy, which reads YAML 1.1, a bare `yes` is true. */
function yamlLines(document: object): readonly string[] {
  const text = dump(document, { forceQuotes: true, quoteStyle: 'double', noRefs: true, lineWidth: -1 });
  return ['---', ...text.trimEnd().split('\n')];
}

function refusalError(plan: PlanDocument, { step, fleet }: CompiledStep, verdict: Verdict): readonly SerinError[] {
  if (verdict === null || verdict.refusal === null) return [];
  const message = `step ${stepText(plan, step)}, fleet ${fleet}: ${verdict.refusal}`;
  return [
    {
      code: 'SERIN_ENVOY_REJECTED',
      message,
      hint: 'Correct the documents; files that they name have to be on this machine, too.',
    },
  ];
}
