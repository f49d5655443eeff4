import { readFileSync, statSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { judgeByPlan } from '../../core/analysis/judge-by-plan.ts';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { type Difference, type Replay, replay } from '../../core/replay/replay.ts';
import { DecisionPage } from '../api/decision-schemas.ts';
import type { CommandContext, Run } from './command-context.ts';
import { EXIT } from './exit.ts';

interface Options {
  readonly save?: string;
  readonly file?: string;
}

/** What `--save` writes. Loose and versioned: it outlives the Serin that wrote it. */
const Saved = z.looseObject({
  replay: z.literal(1),
  rollout: z.string(),
  decisions: DecisionPage.shape.decisions,
});
type Saved = z.infer<typeof Saved>;

const MAX_SAVED_BYTES = 64 * 1024 * 1024;
/** Bounds a server that never says that it was the last page. */
const MAX_PAGES = 1_000;

/** `serin rollout replay`: the decisions are made again in this process, by the version that runs here. */
export function replayCommand(rollout: Command, context: CommandContext, run: Run): void {
  rollout
    .command('replay')
    .description(
      'decide again, with this version, what was decided about a rollout; the exit code is 1 on a difference',
    )
    .argument('[id]')
    .option('--save <file>', 'also write what was decided, and from what, to a file')
    .option('-f, --file <file>', 'take it from such a file; no engine is asked')
    .action((id: string | undefined, options: Options) => run(() => replayRollout(context, id, options))());
}

async function replayRollout(context: CommandContext, id: string | undefined, options: Options): Promise<number> {
  const { terminal, json, failed } = context;
  const saved = await source(context, id, options);
  if (saved.kind === 'error') return failed(saved.errors);
  if (options.save !== undefined) {
    const written = save(options.save, saved.value);
    if (written.kind === 'error') return failed(written.errors);
  }
  const { rollout, decisions } = saved.value;
  const again = replay(decisions, { judge: judgeByPlan });
  if (json()) terminal.json(body(rollout, again));
  else for (const line of lines(again)) terminal.out(line);
  return again.differences.some(({ kind }) => kind === 'decision') ? EXIT.unexpected : EXIT.done;
}

async function source({ client }: CommandContext, id: string | undefined, { file }: Options): Promise<Result<Saved>> {
  if (file !== undefined && id === undefined) return read(file);
  if (file !== undefined || id === undefined) {
    const hint = 'Name a rollout, or a file with --file.';
    return fail('SERIN_REQUEST_INVALID', 'either a rollout or a file is needed', { hint });
  }
  const decisions: Saved['decisions'][number][] = [];
  let from: number | null = 0;
  for (let page = 0; from !== null && page < MAX_PAGES; page += 1) {
    const got: Result<DecisionPage> = await client().decisions(id, from);
    if (got.kind === 'error') return got;
    decisions.push(...got.value.decisions);
    from = got.value.next;
  }
  return ok({ replay: 1, rollout: id, decisions });
}

function read(file: string): Result<Saved> {
  const hint = 'Write one with `serin rollout replay <id> --save <file>`.';
  try {
    if (statSync(file).size > MAX_SAVED_BYTES) return fail('SERIN_REQUEST_INVALID', `${file} is larger than 64 MiB`);
    const parsed = Saved.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    if (parsed.success) return ok(parsed.data);
    return fail('SERIN_REQUEST_INVALID', `${file} holds no saved decisions`, { hint });
  } catch {
    return fail('SERIN_REQUEST_INVALID', `${file} cannot be read as saved decisions`, { hint });
  }
}

function save(file: string, saved: Saved): Result<'done'> {
  try {
    writeFileSync(file, `${JSON.stringify(saved, null, 1)}\n`);
    return ok('done');
  } catch {
    return fail('SERIN_REQUEST_INVALID', `${file} cannot be written`, { hint: 'Check the path.' });
  }
}

/** The one shape of `-o json`. */
function body(rollout: string, { decisions, looks, differences, notReplayed, rollout: end }: Replay) {
  return {
    rollout,
    judge: end?.spec.judge.name ?? null,
    phase: end?.phase ?? null,
    decisions,
    looks,
    differences: differences.map(({ atMs, ...rest }) => ({ ...rest, time: new Date(atMs).toISOString() })),
    notReplayed,
  };
}

function lines({ decisions, looks, differences, notReplayed, rollout }: Replay): readonly string[] {
  const same = differences.length === 0 ? 'no difference' : `${differences.length} differences`;
  const ended = rollout === null ? '' : `; it is ${rollout.phase.replaceAll('_', ' ')}`;
  return [
    ...differences.flatMap(differenceLines),
    ...notReplayed.map(({ at, reason }) => `${at}: not decided again: ${reason}`),
    decisions === 0 && notReplayed.length === 0
      ? 'nothing is kept of what was decided'
      : `${decisions} decisions (${looks} looks): ${same}${ended}`,
  ];
}

function differenceLines({ at, atMs, trigger, phase, step, kind, was, now, fields, inputs }: Difference): string[] {
  const where = step < 0 ? phase : `${phase}, step ${step + 1}`;
  const because = inputs.length === 0 ? '' : ` (by ${inputs.join(', ')})`;
  return [
    `${at}: ${trigger} at ${new Date(atMs).toISOString()}, ${where}: ${kind === 'words' ? 'other words' : 'another decision'}`,
    `   then  ${was}`,
    `   now   ${now}${because}`,
    ...fields.map((field) => `   ${field.path}: ${short(field.was)} → ${short(field.now)}`),
  ];
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
