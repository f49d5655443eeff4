import { Command, CommanderError, Option } from 'commander';
import { parseDocuments } from '../../core/manifest/parse-documents.ts';
import { type Client, createClient } from '../api/client.ts';
import type { CliContext, CommandContext, Run } from './command-context.ts';
import { EXIT, exitOfErrors } from './exit.ts';
import { readSources } from './files.ts';
import { fleetLines, table } from './render.ts';
import { rolloutCommands } from './rollout-commands.ts';
import { createTerminal } from './terminal.ts';

/** Runs one command line (without `node` and the script) and resolves with its exit code. Never throws. */
export async function runCli(args: readonly string[], cli: CliContext): Promise<number> {
  let code: number = EXIT.done;
  const program = new Command('serin');
  const colour = wantsColour(cli, args);
  const terminal = createTerminal(cli, colour);
  const context: CommandContext = {
    cli,
    terminal,
    client: () => clientOf(program, cli),
    json: () => program.opts<{ output: string }>().output === 'json',
    failed: (errors) => {
      terminal.errors(errors);
      return exitOfErrors(errors);
    },
  };
  const run = (work: () => Promise<number>) => async () => {
    code = await work();
  };
  program
    .description('Progressive delivery for plain Envoy.')
    .version(cli.version)
    .option('--server <url>', 'engine to talk to (SERIN_SERVER)', cli.env.SERIN_SERVER ?? 'http://127.0.0.1:7070')
    .option('--token-file <file>', 'file with the API token (or SERIN_TOKEN)')
    .addOption(new Option('-o, --output <format>', 'what goes to stdout').choices(['table', 'json']).default('table'))
    .option('--no-color', 'plain text (NO_COLOR)')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => void cli.out.write(text), writeErr: (text) => void cli.err.write(text) });
  engineCommands(program, context, run);
  documentCommands(program, context, run);
  rolloutCommands(program, context, run);
  inherit(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.invalid;
    terminal.err(error instanceof Error ? `unexpected: ${error.message}` : 'unexpected failure');
    return EXIT.unexpected;
  }
}

/** Subcommands take the settings of their parent for output and exit. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

function engineCommands(program: Command, { cli, failed }: CommandContext, run: Run): void {
  for (const mode of ['dev', 'serve'] as const) {
    const text =
      mode === 'dev'
        ? 'run the engine with a store of its own (one command, nothing else needed)'
        : 'run the engine with the Redis of serin.yaml';
    const command = program
      .command(mode)
      .description(text)
      .option('-c, --config <file>', 'configuration file (SERIN_CONFIG)');
    if (mode === 'dev') command.option('--data <dir>', 'folder of the store', '.serin');
    command.action((options: { config?: string; data?: string }) =>
      run(async () => {
        const ended = await cli.runEngine({ mode, config: options.config ?? null, dataDir: options.data ?? '.serin' });
        return ended.kind === 'ok' ? ended.value : failed(ended.errors);
      })(),
    );
  }
}

function documentCommands(program: Command, context: CommandContext, run: Run): void {
  const { cli, terminal, client, json, failed } = context;
  program
    .command('apply')
    .description('apply documents: all of them or none')
    .requiredOption('-f, --file <path...>', 'files, folders, or - for standard input')
    .option('--dry-run', 'check everything, change nothing')
    .action((options: { file: string[]; dryRun?: boolean }) =>
      run(async () => {
        const sources = readSources(options.file, cli.readStdin);
        if (sources.kind === 'error') return failed(sources.errors);
        const applied = await client().apply(sources.value, options.dryRun === true);
        if (applied.kind === 'error') return failed(applied.errors);
        if (json()) terminal.json(applied.value);
        else for (const { kind, name, action } of applied.value.documents) terminal.out(`${kind} ${name} ${action}`);
        return EXIT.done;
      })(),
    );
  program
    .command('get')
    .description('list documents, or show one as it was written')
    .argument('[kind]', 'Route, Backend, Plan or Strategy')
    .argument('[name]')
    .action((kind: string | undefined, name: string | undefined) => run(() => get(context, kind, name))());
  program
    .command('delete')
    .description('delete a document that nothing uses')
    .argument('<kind>')
    .argument('<name>')
    .action((kind: string, name: string) =>
      run(async () => {
        const removed = await client().remove(kindOf(kind), name);
        if (removed.kind === 'error') return failed(removed.errors);
        if (json()) terminal.json(removed.value);
        else terminal.out(`${kindOf(kind)} ${name} deleted`);
        return EXIT.done;
      })(),
    );
  const plan = program.command('plan').description('work with plans');
  plan
    .command('validate')
    .description('check documents without an engine; every error of every file is listed')
    .argument('<file...>')
    .action((files: string[]) => run(async () => validate(context, files))());
  program
    .command('fleet')
    .description('what the Envoys run')
    .command('get')
    .argument('[name]')
    .action((name: string | undefined) => run(() => fleet(context, name))());
}

function validate({ cli, terminal, json, failed }: CommandContext, files: readonly string[]): number {
  const sources = readSources(files, cli.readStdin);
  if (sources.kind === 'error') return failed(sources.errors);
  const parsed = parseDocuments(sources.value, cli.strategies());
  if (parsed.kind === 'error') {
    if (json()) terminal.json({ valid: false, errors: parsed.errors });
    return failed(parsed.errors);
  }
  const documents = parsed.value.map(({ document }) => ({ kind: document.kind, name: document.name }));
  if (json()) terminal.json({ valid: true, documents });
  else for (const { kind, name } of documents) terminal.out(`${kind} ${name} is valid`);
  return EXIT.done;
}

async function get(
  { terminal, client, json, failed }: CommandContext,
  kind: string | undefined,
  name: string | undefined,
): Promise<number> {
  if (kind !== undefined && name !== undefined) {
    const one = await client().document(kindOf(kind), name);
    if (one.kind === 'error') return failed(one.errors);
    if (json()) terminal.json(one.value);
    else terminal.out(one.value.source.trimEnd());
    return EXIT.done;
  }
  const all = await client().documents(kind === undefined ? null : kindOf(kind));
  if (all.kind === 'error') return failed(all.errors);
  if (json()) terminal.json(all.value);
  else
    for (const line of table([
      ['KIND', 'NAME', 'REV'],
      ...all.value.documents.map((d) => [d.kind, d.name, String(d.rev)]),
    ]))
      terminal.out(line);
  return EXIT.done;
}

async function fleet({ terminal, client, json, failed }: CommandContext, name: string | undefined): Promise<number> {
  const names = name === undefined ? await client().fleets() : { kind: 'ok' as const, value: { fleets: [name] } };
  if (names.kind === 'error') return failed(names.errors);
  for (const one of names.value.fleets) {
    const state = await client().fleet(one);
    if (state.kind === 'error') return failed(state.errors);
    if (json()) terminal.json(state.value);
    else for (const line of fleetLines(state.value, terminal.paint)) terminal.out(line);
  }
  return EXIT.done;
}

/** `plan`, `plans` and `Plan` all mean the kind Plan. */
function kindOf(word: string): string {
  const singular = word.toLowerCase().replace(/s$/, '');
  return (
    ['Route', 'Backend', 'Plan', 'Strategy'].find((kind) => kind.toLowerCase() === singular.replace(/ie$/, 'y')) ?? word
  );
}

function clientOf(program: Command, cli: CliContext): Client {
  const { server, tokenFile } = program.opts<{ server: string; tokenFile?: string }>();
  const token = tokenFile === undefined ? (cli.env.SERIN_TOKEN ?? null) : cli.readToken(tokenFile);
  return createClient({ server, token });
}

function wantsColour({ env, err }: CliContext, args: readonly string[]): boolean {
  if (args.includes('--no-color') || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb') return false;
  return (env.FORCE_COLOR ?? '') !== '' || err.isTTY === true;
}
