import type { Command } from 'commander';
import { fail, type Result } from '../../core/model/errors.ts';
import type { FleetTable } from '../../core/model/traffic.ts';
import { explainInFleets } from '../../core/traffic/evaluate/explain-in-fleets.ts';
import type { RequestExplanation } from '../../core/traffic/evaluate/explain-request.ts';
import type { SampleRequest } from '../../core/traffic/evaluate/sample-request.ts';
import { parsePreviewStep } from '../../core/traffic/preview-step.ts';
import { previewTables } from '../../core/traffic/preview-table.ts';
import type { CliContext, CommandContext, Run } from './command-context.ts';
import { defined } from './defined.ts';
import { EXIT } from './exit.ts';
import { type PreviewFlags, previewOf } from './plan/preview-flags.ts';
import { choosePlan, readDocuments, withoutStep } from './preview-options.ts';
import { requestLines } from './render-request.ts';
import { parseSample } from './sample-request.ts';

interface ExplainOptions extends PreviewFlags {
  readonly request: string;
  readonly header?: readonly string[];
  /** Not given: the engine is asked. */
  readonly file?: readonly string[];
  readonly rollout?: string;
  readonly fleet?: string;
  readonly step?: string;
}

/** `serin route …` */
export function routeCommands(program: Command, context: CommandContext, run: Run): void {
  const route = program.command('route').description('work with routes');
  route
    .command('explain')
    .description('which rule takes a request, which revision with which chance, and why')
    .requiredOption('--request <text>', "like 'GET https://shop.example.com/checkout'")
    .option('-H, --header <text...>', "a header of it, like 'x-canary: always'")
    .option('-f, --file <path...>', 'documents: files, folders, or - for standard input (default: what the engine has)')
    .option('--fleet <name>', 'the fleet, where several take the request')
    .option('--rollout <id>', 'without files: the rollout that --step is of')
    .option('--plan <name>', 'the plan that is rolling out, where the files have several')
    .option(
      '--step <step>',
      'number or name of a step; 0: before the first; promoted: behind the last (default with --rollout: the present one)',
    )
    .option('--revision <name>', 'name of the revision that it rolls out (default: canary)')
    .option('--stable <name>', 'name of the revision that is stable (default: initial of the Backend)')
    .action((options: ExplainOptions) => run(async () => explain(context, options))());
}

async function explain(context: CommandContext, options: ExplainOptions): Promise<number> {
  const { cli, terminal, json, failed } = context;
  const sample = parseSample(options.request, options.header ?? []);
  if (sample.kind === 'error') return failed(sample.errors);
  const { file } = options;
  const told =
    file === undefined ? await askEngine(context, options, sample.value) : inFiles(cli, file, options, sample.value);
  if (told.kind === 'error') return failed(told.errors);
  if (json()) terminal.json(told.value);
  else for (const line of requestLines(sample.value, told.value)) terminal.out(line);
  return EXIT.done;
}

/** What rolls there and what is stable it knows itself. */
async function askEngine(
  { client }: CommandContext,
  { fleet, rollout, step, plan, revision, stable }: ExplainOptions,
  request: SampleRequest,
): Promise<Result<RequestExplanation>> {
  if ((plan ?? revision ?? stable) !== undefined) {
    return fail('SERIN_REQUEST_INVALID', '--plan, --revision and --stable are for files, and none is named', {
      hint: 'Name them by -f, or a rollout of the engine by --rollout.',
    });
  }
  return client().explain({ request, ...defined({ fleet, rollout, step }) });
}

function inFiles(
  cli: CliContext,
  files: readonly string[],
  options: ExplainOptions,
  sample: SampleRequest,
): Result<RequestExplanation> {
  if (options.rollout !== undefined) {
    return fail('SERIN_REQUEST_INVALID', '--rollout is one of an engine, and files are named', {
      hint: 'Leave out one of them; a plan of the files is named by --plan.',
    });
  }
  const tables = tablesOf(cli, files, options);
  return tables.kind === 'error' ? tables : explainInFleets(tables.value, options.fleet, sample);
}

function tablesOf(cli: CliContext, files: readonly string[], options: ExplainOptions): Result<readonly FleetTable[]> {
  const documents = readDocuments(files, cli);
  if (documents.kind === 'error') return documents;
  if (options.step === undefined) {
    if ((options.plan ?? options.revision) !== undefined) return withoutStep(documents.value, options.plan);
    return previewTables({ documents: documents.value, rolling: null, stable: options.stable ?? null });
  }
  const plan = choosePlan(documents.value, options.plan);
  if (plan.kind === 'error') return plan;
  const step = parsePreviewStep(plan.value.spec, options.step);
  if (step.kind === 'error') return step;
  const { revision, stable } = previewOf(documents.value, plan.value, options);
  return previewTables({
    documents: documents.value,
    rolling: { plan: plan.value, step: step.value, revision },
    stable,
  });
}
