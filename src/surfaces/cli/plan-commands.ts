import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ConfigFacts, LintFacts } from '../../core/manifest/lint/finding.ts';
import { lintDocuments } from '../../core/manifest/lint/lint-documents.ts';
import { parseDocuments } from '../../core/manifest/parse-documents.ts';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { configFacts } from '../../platform/config-facts.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { readSources } from './files.ts';
import { formatOption, printReport } from './findings/print-report.ts';
import { findingOf, type ReportFormat } from './findings/report.ts';
import { compileCommand } from './plan/compile-command.ts';
import { diffCommand } from './plan/diff-command.ts';
import { simulateCommand } from './plan/simulate-command.ts';
import { type InitOptions, initPlan } from './plan-init.ts';
import { showPlans } from './plan-show.ts';

interface ValidateOptions {
  readonly format?: ReportFormat;
  readonly config?: string;
}

interface LintOptions {
  readonly format?: ReportFormat;
  readonly strict?: boolean;
  readonly rps?: string;
  readonly errorRate?: string;
  readonly config?: string;
}

/** `serin plan …` */
export function planCommands(program: Command, context: CommandContext, run: Run): void {
  const plan = program.command('plan').description('work with plans');
  plan
    .command('validate')
    .description('check documents without an engine; every error of every file is listed')
    .argument('<file...>')
    .addOption(formatOption())
    .option('-c, --config <file>', 'serin.yaml: whether documents may hold rawEnvoy')
    .action((files: string[], options: ValidateOptions) => run(async () => validate(context, files, options))());
  plan
    .command('lint')
    .description('look for what is written correctly and makes no sense')
    .argument('<file...>')
    .addOption(formatOption())
    .option('--strict', 'warnings count as errors')
    .option('--rps <n>', 'requests a second to the backend, all revisions together')
    .option('--error-rate <fraction>', 'the usual share of errors, from 0 to 1')
    .option('-c, --config <file>', 'serin.yaml: scrape intervals and notifiers')
    .action((files: string[], options: LintOptions) => run(async () => lint(context, files, options))());
  compileCommand(plan, context, run);
  diffCommand(plan, context, run);
  simulateCommand(plan, context, run);
  plan
    .command('show')
    .description('the effective plan: steps of its strategy, every default, how long it takes')
    .argument('<file...>', 'files, folders, or - for standard input')
    .option('--plan <name>', 'this plan alone, where the files have several')
    .action((files: string[], options: { plan?: string }) =>
      run(async () => showPlans(context, files, options.plan))(),
    );
  plan
    .command('init')
    .description('write a first file: Route, Backend and Plan, with what each field is for')
    .option('--backend <name>', 'name of all three (default: shop)')
    .option('--strategy <name>', 'a shipped strategy (default: canary)')
    .option('--fleet <name>', 'the Envoys, as serin.yaml has them (default: edge)')
    .option('--hostname <name>', 'whose requests it is about (default: <backend>.example.com)')
    .option('--out <file>', 'where to (default: <backend>.yaml); - for standard output')
    .option('--force', 'overwrite the file')
    .action((options: InitOptions) => run(() => initPlan(context, options))());
}

function validate(context: CommandContext, files: readonly string[], { format, config }: ValidateOptions): number {
  const { cli, terminal, json, failed } = context;
  const facts = config === undefined ? ok(null) : readConfig(config);
  if (facts.kind === 'error') return failed(facts.errors);
  const raw = facts.value?.allowsRawEnvoy === true ? cli.readRawEnvoy : 'off';
  const sources = readSources(files, cli.readStdin);
  const parsed = sources.kind === 'error' ? sources : parseDocuments(sources.value, cli.strategies(), raw);
  if (format !== undefined) {
    const findings = parsed.kind === 'error' ? parsed.errors.map(findingOf) : [];
    const names = sources.kind === 'error' ? [] : sources.value.map(({ file }) => file);
    return printReport(context, { findings, files: names, version: cli.version }, format, false);
  }
  if (parsed.kind === 'error') {
    if (json()) terminal.json({ valid: false, errors: parsed.errors });
    return failed(parsed.errors);
  }
  const documents = parsed.value.map(({ document }) => ({ kind: document.kind, name: document.name }));
  if (json()) terminal.json({ valid: true, documents });
  else for (const { kind, name } of documents) terminal.out(`${kind} ${name} is valid`);
  return EXIT.done;
}

function lint(context: CommandContext, files: readonly string[], options: LintOptions): number {
  const { cli, json, failed } = context;
  const facts = lintFacts(options);
  if (facts.kind === 'error') return failed(facts.errors);
  const sources = readSources(files, cli.readStdin);
  if (sources.kind === 'error') return failed(sources.errors);
  // Who names serin.yaml wants to know what it takes.
  const raw = facts.value.config?.allowsRawEnvoy === false ? 'off' : cli.readRawEnvoy;
  const parsed = parseDocuments(sources.value, cli.strategies(), raw);
  const findings = parsed.kind === 'error' ? parsed.errors.map(findingOf) : lintDocuments(parsed.value, facts.value);
  const report = { findings, files: sources.value.map(({ file }) => file), version: cli.version };
  return printReport(context, report, options.format ?? (json() ? 'json' : 'text'), options.strict === true);
}

function lintFacts({ rps, errorRate, config }: LintOptions): Result<LintFacts> {
  const requestsPerSecond = number(rps, 1e9);
  if (requestsPerSecond === undefined) return noNumber('--rps', 'a number above 0, like 120');
  const share = number(errorRate, 1);
  if (share === undefined) return noNumber('--error-rate', 'a fraction up to 1, like 0.002');
  const read = config === undefined ? ok(null) : readConfig(config);
  return read.kind === 'error' ? read : ok({ requestsPerSecond, errorRate: share, config: read.value });
}

/** Above 0; `undefined`: it is none. */
function number(text: string | undefined, most: number): number | null | undefined {
  if (text === undefined) return null;
  const value = Number(text);
  return text.trim() !== '' && value > 0 && value <= most ? value : undefined;
}

function noNumber(option: string, expected: string) {
  return fail('SERIN_REQUEST_INVALID', `${option} is not what it should be`, { hint: `Write ${expected}.` });
}

function readConfig(file: string): Result<ConfigFacts> {
  try {
    return configFacts({ file, text: readFileSync(file, 'utf8') });
  } catch {
    return fail('SERIN_CONFIG_INVALID', `the configuration ${file} cannot be read`, { hint: 'Check the path.' });
  }
}
