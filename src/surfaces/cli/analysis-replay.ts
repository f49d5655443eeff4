import { type Command, Option } from 'commander';
import { parseRecording, type Recording } from '../../core/analysis/recording/parse-recording.ts';
import { REPLAY_JUDGES, type ReplayJudge, replay } from '../../core/analysis/recording/replay.ts';
import { fail, type Result } from '../../core/model/errors.ts';
import { readAnalysisFile } from './analysis-file.ts';
import { type PastOptions, recordingOfPast } from './analysis-replay-past.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';

const MAX_MIB = 256;

interface Options extends Omit<PastOptions, 'prometheus'> {
  readonly judge?: ReplayJudge;
  readonly prometheus?: string;
}

/** `serin analysis replay` */
export function replayCommand(analysis: Command, context: CommandContext, run: Run): void {
  const each = (value: string, before: readonly string[]) => [...before, value];
  analysis
    .command('replay')
    .description('judge a recording of Envoy counters, or a release of the past, scrape by scrape')
    .addOption(new Option('--judge <name>', "who judges; default: the plan's").choices(REPLAY_JUDGES))
    .option('--prometheus <url>', 'judge what this Prometheus still knows, instead of a file')
    .option('--plan <file>', 'with --prometheus: the plan to judge it by')
    .option('--backend <name>', 'whose plan, if there are several in the file')
    .option('--from <time>', 'the release began after this: 2026-01-31T14:00:00Z or -3h')
    .option('--to <time>', 'and had ended by then', 'now')
    .option('--stable <name>', 'cluster or revision; default: the one that had the requests before')
    .option('--canary <name>', 'cluster or revision; default: the other one that had requests')
    .option('--weights <list>', "percentages that the release went through; default: those of the plan's steps")
    .option('-c, --config <file>', 'serin.yaml that says how its fleets are found in Prometheus')
    .option('--fleet <name>', 'of that configuration; may be repeated; default: all', each, [])
    .option('--selector <label=value>', 'without --config: label of the Envoys; may be repeated', each, [])
    .option('--node-label <name>', 'label that names one Envoy (default: instance)')
    .option('--scrape-interval <duration>', 'how often they are scraped (default: 15s)')
    .option('--route-timeout <duration>', "longest timeout of its routes; default: of the file's Routes")
    .option('--save <file>', 'also write the recording that is judged')
    .argument('[file]', 'a plan and its scrapes as lines of JSON, or - for standard input')
    .action((file: string | undefined, options: Options) => run(async () => replayOne(context, file, options))());
}

async function replayOne(context: CommandContext, file: string | undefined, options: Options): Promise<number> {
  const read = await source(context, file, options);
  return read.kind === 'error' ? context.failed(read.errors) : judge(context, read.value, options);
}

async function source(context: CommandContext, file: string | undefined, options: Options): Promise<Result<Recording>> {
  const { prometheus } = options;
  if (prometheus !== undefined && file === undefined) return recordingOfPast(context, { ...options, prometheus });
  if (prometheus !== undefined || file === undefined) {
    const hint = 'Name a file, or a Prometheus with --prometheus.';
    return fail('SERIN_REQUEST_INVALID', 'either a file or a Prometheus is needed', { hint });
  }
  const text = readAnalysisFile(file, context.cli.readStdin, MAX_MIB);
  return text.kind === 'error' ? text : parseRecording(file, text.value, context.cli.strategies());
}

function judge(context: CommandContext, recording: Recording, options: Options): number {
  const { terminal, json } = context;
  const who = options.judge ?? recording.header.plan.judge?.name ?? 'sequential';
  if (json()) return showJson(context, recording, who);
  let before = '';
  const ticks = replay(recording, who);
  for (let next = ticks.next(); ; next = ticks.next()) {
    if (next.done === true) {
      terminal.out(`${time(next.value.t)}  outcome: ${next.value.outcome}`);
      return EXIT.done;
    }
    const { t, decision, reason } = next.value;
    // Numbers in a reason change with every scrape; only what is decided is worth a line.
    const words = `${decision} ${reason.replaceAll(/\d+/g, '')}`;
    if (words !== before) terminal.out(`${time(t)}  ${decision.padEnd(8)}  ${reason}`);
    before = words;
  }
}

function showJson({ terminal }: CommandContext, recording: Recording, judge: ReplayJudge): number {
  const ticks = replay(recording, judge);
  for (let next = ticks.next(); ; next = ticks.next()) {
    terminal.json(next.value);
    if (next.done === true) return EXIT.done;
  }
}

function time(t: number): string {
  const date = new Date(t);
  return Number.isNaN(date.getTime()) ? String(t) : date.toISOString();
}
