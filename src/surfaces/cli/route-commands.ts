import type { Command } from 'commander';
import { fail, type Result } from '../../core/model/errors.ts';
import type { FleetTable } from '../../core/model/traffic.ts';
import { explainRequest, type RequestExplanation } from '../../core/traffic/evaluate/explain-request.ts';
import type { SampleRequest } from '../../core/traffic/evaluate/sample-request.ts';
import { previewTables } from '../../core/traffic/preview-table.ts';
import type { CliContext, CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { type PreviewFlags, previewOf } from './plan/preview-flags.ts';
import { choosePlan, parseStep, readDocuments, withoutStep } from './preview-options.ts';
import { requestLines } from './render-request.ts';
import { parseSample } from './sample-request.ts';

interface ExplainOptions extends PreviewFlags {
  readonly request: string;
  readonly header?: readonly string[];
  readonly file: readonly string[];
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
    .requiredOption('-f, --file <path...>', 'documents: files, folders, or - for standard input')
    .option('--fleet <name>', 'the fleet, where the files name several')
    .option('--plan <name>', 'the plan that is rolling out, where the files have several')
    .option('--step <step>', 'number or name of its step; 0: before the first; promoted: behind the last')
    .option('--revision <name>', 'name of the revision that it rolls out (default: canary)')
    .option('--stable <name>', 'name of the revision that is stable (default: initial of the Backend)')
    .action((options: ExplainOptions) => run(async () => explain(context, options))());
}

function explain({ cli, terminal, json, failed }: CommandContext, options: ExplainOptions): number {
  const sample = parseSample(options.request, options.header ?? []);
  if (sample.kind === 'error') return failed(sample.errors);
  const tables = tablesOf(cli, options);
  if (tables.kind === 'error') return failed(tables.errors);
  const told = explainIn(tables.value, options.fleet, sample.value);
  if (told.kind === 'error') return failed(told.errors);
  if (json()) terminal.json(told.value);
  else for (const line of requestLines(sample.value, told.value)) terminal.out(line);
  return EXIT.done;
}

function tablesOf(cli: CliContext, options: ExplainOptions): Result<readonly FleetTable[]> {
  const documents = readDocuments(options.file, cli);
  if (documents.kind === 'error') return documents;
  if (options.step === undefined) {
    if ((options.plan ?? options.revision) !== undefined) return withoutStep(documents.value, options.plan);
    return previewTables({ documents: documents.value, rolling: null, stable: options.stable ?? null });
  }
  const plan = choosePlan(documents.value, options.plan);
  if (plan.kind === 'error') return plan;
  const step = parseStep(plan.value, options.step);
  if (step.kind === 'error') return step;
  const { revision, stable } = previewOf(documents.value, plan.value, options);
  return previewTables({
    documents: documents.value,
    rolling: { plan: plan.value, step: step.value, revision },
    stable,
  });
}

/** In the fleet that is named; else in the only one that takes the request, or in the first one if none does. */
function explainIn(
  tables: readonly FleetTable[],
  fleet: string | undefined,
  sample: SampleRequest,
): Result<RequestExplanation> {
  const names = tables.map((table) => table.fleet).join(', ');
  if (fleet !== undefined) {
    const named = tables.find((table) => table.fleet === fleet);
    return named === undefined
      ? fail('SERIN_NOT_FOUND', `there is no fleet ${fleet.slice(0, 80)}`, { hint: `Fleets: ${names}.` })
      : explainRequest(named, sample);
  }
  const all = tables.map((table) => explainRequest(table, sample));
  const [first] = all;
  if (first === undefined) return fail('SERIN_REQUEST_INVALID', 'there is no Route', { hint: 'Name a file with one.' });
  const taking = all.filter((told) => told.kind === 'ok' && told.value.host !== null);
  return taking.length > 1
    ? fail('SERIN_REQUEST_INVALID', 'several fleets take this request', { hint: `Name one by --fleet: ${names}.` })
    : (taking[0] ?? first);
}
