import { Option } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { EXIT } from '../exit.ts';
import { junitLines } from './junit.ts';
import {
  counts,
  githubLines,
  jsonReport,
  REPORT_FORMATS,
  type Report,
  type ReportFormat,
  textLines,
} from './report.ts';
import { sarifReport } from './sarif.ts';

export const formatOption = () => new Option('--format <format>', 'how findings are written').choices(REPORT_FORMATS);

/** Prints what was found; errors end with the code of invalid input, warnings only where `strict`. */
export function printReport(
  { terminal }: Pick<CommandContext, 'terminal'>,
  report: Report,
  format: ReportFormat,
  strict: boolean,
): number {
  const lines = (all: readonly string[]) => {
    for (const line of all) terminal.out(line);
  };
  switch (format) {
    case 'text':
      lines(textLines(report));
      break;
    case 'github':
      lines(githubLines(report));
      break;
    case 'junit':
      lines(junitLines(report));
      break;
    case 'json':
      terminal.json(jsonReport(report));
      break;
    case 'sarif':
      terminal.json(sarifReport(report));
      break;
  }
  const { errors, warnings } = counts(report.findings);
  return errors > 0 || (strict && warnings > 0) ? EXIT.invalid : EXIT.done;
}
