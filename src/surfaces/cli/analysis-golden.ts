import type { Command } from 'commander';
import { parseComparison } from '../../core/analysis/compare/comparison-file.ts';
import { GoldenTable } from '../../core/analysis/golden/golden-table.ts';
import { readAnalysisFile } from './analysis-file.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';

const MAX_MIB = 16;

/** `serin analysis golden` */
export function goldenCommand(analysis: Command, context: CommandContext, run: Run): void {
  analysis
    .command('golden')
    .description("print what the judges' mathematics makes of a table of inputs")
    .argument('<file>', 'groups with their inputs as JSON, or - for standard input')
    .action((file: string) => run(async () => golden(context, file))());
}

function golden({ cli, terminal, json, failed }: CommandContext, file: string): number {
  const text = readAnalysisFile(file, cli.readStdin, MAX_MIB);
  if (text.kind === 'error') return failed(text.errors);
  const answered = parseComparison(file, text.value, GoldenTable);
  if (answered.kind === 'error') return failed(answered.errors);
  if (json()) terminal.json(answered.value);
  else
    for (const [name, value] of Object.entries(answered.value.groups)) terminal.out(`${name} ${JSON.stringify(value)}`);
  return EXIT.done;
}
