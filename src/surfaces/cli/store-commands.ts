import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { fail, ok, type Result } from '../../core/model/errors.ts';
import { exportStore, importStore, type StoreCount, verify } from '../../engine/store-admin.ts';
import type { CommandContext, Run, StoreOptions } from './command-context.ts';
import { EXIT } from './exit.ts';

/** Beyond it the text would not fit into one string. */
const MAX_BYTES = 400 * 1024 * 1024;

interface Options {
  readonly config?: string;
  readonly data: string;
  readonly file?: string;
  readonly replace?: boolean;
}

/** `serin store …`: on Redis itself, whether an engine runs or not; `reconcile` needs one. */
export function storeCommands(program: Command, context: CommandContext, run: Run): void {
  const store = program.command('store').description('back up, check and repair what Redis holds');
  const command = (name: string, description: string, work: (options: Options) => Promise<number>) =>
    store
      .command(name)
      .description(description)
      .option('-c, --config <file>', 'configuration that names the Redis (SERIN_CONFIG)')
      .option('--data <dir>', 'folder of the store of `serin dev`, if no Redis is configured', '.serin')
      .action((options: Options) => run(() => work(options))());
  command('export', 'write a consistent copy of the store as JSON lines', (options) =>
    exportTo(context, options),
  ).option('-f, --file <path>', 'where to; standard output without it');
  command('import', 'fill an empty store from an export', (options) => importFrom(context, options))
    .requiredOption('-f, --file <path>', 'the export, or - for standard input')
    .option('--replace', 'throw away what the store holds; engines that run freeze until `serin store reconcile`');
  command('verify', 'check every record, index, due time and table; says what is wrong', (options) =>
    check(context, options),
  ).option('-f, --file <path>', 'an export instead of the store; - for standard input');
  store
    .command('reconcile')
    .description('end the freeze of a store that is not what it was; asks the engine, which knows what Envoys run')
    .addOption(new Option('--adopt', 'the records follow what the Envoys run').conflicts(['stable', 'replay']))
    .addOption(
      new Option('--stable', 'rollouts end as aborted, every backend goes to its stable revision').conflicts('replay'),
    )
    .option(
      '--replay',
      'what was lost is written again, from what the engine has kept; refused unless that is all of it',
    )
    .action((options: Ways) => run(() => reconcile(context, options))());
}

interface Ways {
  readonly adopt?: boolean;
  readonly stable?: boolean;
  readonly replay?: boolean;
}

async function reconcile(
  { terminal, client, json, failed }: CommandContext,
  { adopt = false, stable = false, replay = false }: Ways,
): Promise<number> {
  if (!adopt && !stable && !replay) {
    const hint =
      '--replay writes again what was lost; --adopt keeps what the Envoys run; --stable sends everything to the stable revisions.';
    return failed([{ code: 'SERIN_REQUEST_INVALID', message: 'say --replay, --adopt or --stable', hint }]);
  }
  const done = await client().reconcileStore(replay ? 'replay' : adopt ? 'adopt' : 'stable');
  if (done.kind === 'error') return failed(done.errors);
  const { freeze, replayed, backends, routes } = done.value;
  if (json()) terminal.json(done.value);
  else {
    terminal.out(`reconciled: ${freeze}`);
    if (replayed !== null) terminal.out(`written again: commits ${replayed.from} to ${replayed.to}`);
    for (const { backend, summary } of backends) terminal.out(`${backend}: ${summary}`);
  }
  if (routes.length > 0) terminal.err(`apply again, the store has no such document: ${routes.join(', ')}`);
  return EXIT.done;
}

async function exportTo(context: CommandContext, options: Options): Promise<number> {
  const { cli, terminal, failed } = context;
  const text = await cli.withStore(where(options), (archive) => exportStore(archive));
  if (text.kind === 'error') return failed(text.errors);
  if (options.file === undefined) {
    for (const line of text.value) cli.out.write(line);
    return EXIT.done;
  }
  const written = writeWhole(options.file, text.value);
  if (written.kind === 'error') return failed(written.errors);
  terminal.err(`${text.value.length - 2} lines written to ${options.file}`);
  return EXIT.done;
}

async function importFrom(context: CommandContext, options: Options): Promise<number> {
  const { cli, terminal, json, failed } = context;
  const text = readText(options.file ?? '-', cli.readStdin);
  if (text.kind === 'error') return failed(text.errors);
  const done = await cli.withStore(where(options), (archive) =>
    importStore(archive, text.value, { replace: options.replace === true }),
  );
  if (done.kind === 'error') return failed(done.errors);
  if (json()) terminal.json(done.value);
  else terminal.out(`imported ${counted(done.value.count)}`);
  return EXIT.done;
}

async function check(context: CommandContext, options: Options): Promise<number> {
  const { cli, terminal, json, failed } = context;
  const text = options.file === undefined ? ok(null) : readText(options.file, cli.readStdin);
  if (text.kind === 'error') return failed(text.errors);
  const checked =
    text.value === null
      ? await cli.withStore(where(options), (archive) => verify(archive, null))
      : await verify(null, text.value);
  if (checked.kind === 'error') return failed(checked.errors);
  const { damage, count } = checked.value;
  if (json()) terminal.json({ sound: damage.length === 0, damage, count });
  else if (damage.length === 0) terminal.out(`sound: ${counted(count)}`);
  else for (const { where: place, detail } of damage) terminal.out(`${place}: ${detail}`);
  if (damage.length === 0) return EXIT.done;
  return failed([{ code: 'SERIN_STORE_DAMAGED', message: `${damage.length} things are not as Serin writes them` }]);
}

function where({ config, data }: Options): StoreOptions {
  return { config: config ?? null, dataDir: data };
}

function counted({ records, rollouts, fleets, events, messages, audit }: StoreCount): string {
  const rest = `${events} events, ${messages} waiting messages, ${audit} lines of the audit log`;
  return `${records} records (${rollouts} rollouts), ${fleets} fleets, ${rest}`;
}

function readText(file: string, readStdin: () => string): Result<string> {
  try {
    if (file === '-') return ok(readStdin());
    if (statSync(file).size > MAX_BYTES) return fail('SERIN_EXPORT_INVALID', `${file} is larger than 400 MiB`);
    return ok(readFileSync(file, 'utf8'));
  } catch {
    const message = `${file === '-' ? 'standard input' : file} cannot be read`;
    return fail('SERIN_REQUEST_INVALID', message, { hint: 'Check the path.' });
  }
}

/** Whole and on the disk, or not at all: half a backup is worse than none. */
function writeWhole(file: string, lines: readonly string[]): Result<null> {
  try {
    const draft = `${file}.new`;
    const to = openSync(draft, 'w', 0o600);
    for (const line of lines) writeSync(to, line);
    fsyncSync(to);
    closeSync(to);
    renameSync(draft, file);
    return ok(null);
  } catch {
    return fail('SERIN_REQUEST_INVALID', `${file} cannot be written`, { hint: 'Check the path.' });
  }
}
