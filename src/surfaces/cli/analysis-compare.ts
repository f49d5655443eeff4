import { type Command, Option } from 'commander';
import { compareArgo } from '../../core/analysis/compare/compare-argo.ts';
import { compareFlagger } from '../../core/analysis/compare/compare-flagger.ts';
import {
  ADVISED_SAMPLES,
  compareKayenta,
  type KayentaCompared,
  thinMetrics,
} from '../../core/analysis/compare/compare-kayenta.ts';
import { parseComparison } from '../../core/analysis/compare/comparison-file.ts';
import { KayentaComparison } from '../../core/analysis/compare/kayenta-grammar.ts';
import { ArgoComparison, FlaggerComparison } from '../../core/analysis/compare/threshold-grammar.ts';
import { assertNever } from '../../core/model/assert-never.ts';
import { readAnalysisFile } from './analysis-file.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { table } from './render.ts';

const JUDGES = ['kayenta', 'argo', 'flagger'] as const;
const MAX_MIB = 16;

interface Options {
  readonly judge: (typeof JUDGES)[number];
}

/** `serin analysis compare` */
export function compareCommand(analysis: Command, context: CommandContext, run: Run): void {
  analysis
    .command('compare')
    .description("judge given values the way another tool's judge would")
    .addOption(new Option('--judge <name>', 'whose judge').choices(JUDGES).makeOptionMandatory())
    .argument('<file>', 'values and settings as JSON, or - for standard input')
    .action((file: string, options: Options) => run(async () => compare(context, file, options))());
}

function compare(context: CommandContext, file: string, { judge }: Options): number {
  const { cli, failed } = context;
  const text = readAnalysisFile(file, cli.readStdin, MAX_MIB);
  if (text.kind === 'error') return failed(text.errors);
  switch (judge) {
    case 'kayenta': {
      const parsed = parseComparison(file, text.value, KayentaComparison);
      return parsed.kind === 'error' ? failed(parsed.errors) : showScore(context, parsed.value);
    }
    case 'argo': {
      const parsed = parseComparison(file, text.value, ArgoComparison);
      return parsed.kind === 'error' ? failed(parsed.errors) : showSequence(context, compareArgo(parsed.value));
    }
    case 'flagger': {
      const parsed = parseComparison(file, text.value, FlaggerComparison);
      return parsed.kind === 'error' ? failed(parsed.errors) : showSequence(context, compareFlagger(parsed.value));
    }
    default:
      return assertNever(judge);
  }
}

interface Sequence {
  readonly lines: readonly { readonly measurement: string; readonly phase: string }[];
  readonly outcome: string;
  readonly tick: number | null;
}

function showSequence({ terminal, json }: CommandContext, { lines, outcome, tick }: Sequence): number {
  if (json()) {
    for (const line of lines) terminal.json(line);
    terminal.json({ outcome, tick });
    return EXIT.done;
  }
  const rows = lines.map(({ measurement, phase }, i) => [String(i), measurement, phase]);
  for (const line of table([['TICK', 'MEASUREMENT', 'PHASE'], ...rows])) terminal.out(line);
  terminal.out(tick === null ? `${outcome}, nothing decided` : `${outcome} at tick ${tick}`);
  return EXIT.done;
}

function showScore({ terminal, json }: CommandContext, given: KayentaComparison): number {
  const compared = compareKayenta(given);
  const thin = thinMetrics(given);
  if (thin.length > 0) {
    const names = `${thin.slice(0, 5).join(', ')}${thin.length > 5 ? ' and more' : ''}`;
    terminal.err(`fewer than ${ADVISED_SAMPLES} samples in an arm, which says little: ${names}`);
  }
  if (json()) terminal.json(compared);
  else for (const line of scoreLines(compared)) terminal.out(line);
  return EXIT.done;
}

function scoreLines({ metrics, groups, score, classification }: KayentaCompared): readonly string[] {
  const short = (value: number | null) => (value === null ? '-' : String(Number(value.toPrecision(4))));
  return [
    ...table([
      ['METRIC', 'CLASSIFICATION', 'INTERVAL', 'ESTIMATE', 'EFFECT', 'REASON'],
      ...metrics.map(({ name, classification: label, critical, interval, estimate, effect, reason }) => [
        name,
        critical ? `${label} (critical)` : label,
        interval === null ? '-' : `${short(interval[0])} to ${short(interval[1])}`,
        ...[short(estimate), short(effect), reason],
      ]),
    ]),
    ...table([
      ['GROUP', 'SCORE', 'WEIGHT'],
      ...groups.map(({ name, score: own, weight }) => [name, short(own), short(weight)]),
    ]),
    `${classification}, score ${score}`,
  ];
}
