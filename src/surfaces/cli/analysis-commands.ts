import type { Command } from 'commander';
import { compareCommand } from './analysis-compare.ts';
import { goldenCommand } from './analysis-golden.ts';
import { recordCommand } from './analysis-record.ts';
import { replayCommand } from './analysis-replay.ts';
import type { CommandContext, Run } from './command-context.ts';

/** `serin analysis …`: judging what was recorded; only the recording itself needs an engine. */
export function analysisCommands(program: Command, context: CommandContext, run: Run): void {
  const analysis = program.command('analysis').description('judge recorded numbers, without an engine');
  compareCommand(analysis, context, run);
  goldenCommand(analysis, context, run);
  recordCommand(analysis, context, run);
  replayCommand(analysis, context, run);
}
