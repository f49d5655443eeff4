import { Command, CommanderError, Option } from 'commander';
import { parseRoles, ROLES } from '../../core/model/roles.ts';
import { type Client, createClient } from '../api/client.ts';
import { analysisCommands } from './analysis-commands.ts';
import { auditCommand } from './audit-command.ts';
import { backendCommands } from './backend-commands.ts';
import { type CliContext, type CommandContext, OUTPUTS, type Output, type Run } from './command-context.ts';
import { documentCommands } from './document-commands.ts';
import { emergencyCommands } from './emergency-commands.ts';
import { EXIT, exitOfErrors } from './exit.ts';
import { fleetCommands } from './fleet-commands.ts';
import { planCommands } from './plan-commands.ts';
import { rolloutCommands } from './rollout-commands.ts';
import { routeCommands } from './route-commands.ts';
import { schemaCommand } from './schema-command.ts';
import { storeCommands } from './store-commands.ts';
import { createTerminal } from './terminal.ts';

/** Runs one command line (without `node` and the script) and resolves with its exit code. Never throws. */
export async function runCli(args: readonly string[], cli: CliContext): Promise<number> {
  let code: number = EXIT.done;
  const program = new Command('serin');
  const colour = wantsColour(cli, args);
  const terminal = createTerminal(cli, colour);
  let told = false;
  /** Who leaves hears it once, and nothing of what comes to light later. */
  const left = () => {
    if (!told) terminal.err('interrupted; what the engine was asked for may happen all the same');
    told = true;
    return EXIT.interrupted;
  };
  const context: CommandContext = {
    cli,
    terminal,
    client: () => clientOf(program, cli),
    clientAt: (server) => clientOf(program, cli, server),
    json: () => outputOf(program) === 'json',
    output: () => outputOf(program),
    failed: (errors) => {
      if (cli.interrupted.aborted) return left();
      terminal.errors(errors);
      return exitOfErrors(errors);
    },
  };
  const run = (work: () => Promise<number>) => async () => {
    const ended = await Promise.race([work(), interruption(cli.interrupted)]);
    code = ended === 'interrupted' ? left() : ended;
  };
  program
    .description('Progressive delivery for plain Envoy.')
    .version(cli.version)
    .option('--server <url>', 'engine to talk to (SERIN_SERVER)', cli.env.SERIN_SERVER || 'http://127.0.0.1:7070')
    .option('--token-file <file>', 'file with the API token (or SERIN_TOKEN)')
    .addOption(
      new Option('-o, --output <format>', 'table or json; of plan show and plan compile more')
        .choices(OUTPUTS)
        .default('table'),
    )
    .option('--no-color', 'plain text (NO_COLOR)')
    .exitOverride()
    .hook('preAction', (_, command) => refuseOutput(outputOf(program), command))
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => void cli.out.write(text), writeErr: (text) => void cli.err.write(text) });
  engineCommands(program, context, run);
  documentCommands(program, context, run);
  backendCommands(program, context, run);
  planCommands(program, context, run);
  fleetCommands(program, context, run);
  rolloutCommands(program, context, run);
  routeCommands(program, context, run);
  schemaCommand(program, context, run);
  storeCommands(program, context, run);
  emergencyCommands(program, context, run);
  auditCommand(program, context, run);
  analysisCommands(program, context, run);
  inherit(program);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.errors([{ code: 'SERIN_REQUEST_INVALID', message: error.message, hint: error.hint }]);
      return EXIT.invalid;
    }
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.invalid;
    terminal.err(error instanceof Error ? `unexpected: ${error.message}` : 'unexpected failure');
    return EXIT.unexpected;
  }
}

function outputOf(program: Command): Output {
  return program.opts<{ output: Output }>().output;
}

/** What only some commands print: what Envoy reads is written in YAML, and so is a plan. */
const MORE: Readonly<Record<string, readonly Output[]>> = { 'plan show': ['yaml', 'text'], 'plan compile': ['yaml'] };

/** The option is of all commands: nobody gets a table for YAML. */
function refuseOutput(output: Output, command: Command): void {
  const name = `${command.parent?.name()} ${command.name()}`;
  if (output === 'table' || output === 'json' || MORE[name]?.includes(output) === true) return;
  const others = Object.keys(MORE).filter((one) => MORE[one]?.includes(output));
  throw new UsageError(`-o ${output} is for ${others.join(' and ')} alone`, 'Allowed choices are table, json.');
}

/** Subcommands take the settings of their parent for output and exit. */
function inherit(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inherit(child);
  }
}

interface EngineFlags {
  readonly config?: string;
  readonly data?: string;
  readonly roles?: string;
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
    else command.option('--roles <list>', 'what this replica does: any of api,scheduler,xds (default: all)');
    command.action(({ config, data = '.serin', roles: list }: EngineFlags) =>
      run(async () => {
        const roles = list === undefined ? null : parseRoles(list);
        if (list !== undefined && roles === null)
          throw new UsageError('--roles names no role of a replica', `Write some of ${ROLES.join(',')}.`);
        const ended = await cli.runEngine({ mode, config: config ?? null, dataDir: data, roles });
        return ended.kind === 'ok' ? ended.value : failed(ended.errors);
      })(),
    );
  }
}

function clientOf(program: Command, cli: CliContext, replica?: string): Client {
  const { server, tokenFile } = program.opts<{ server: string; tokenFile?: string }>();
  return createClient({
    server: serverUrl(replica ?? server),
    token: tokenOf(tokenFile, cli),
    signal: cli.interrupted,
  });
}

/** What the options or the environment of this process say is wrong. */
class UsageError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** Never quoted when it is wrong: it may hold a password. */
function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  const more = url === null ? '' : url.username + url.password + url.search + url.hash;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || more !== '') {
    const hint = 'Write --server, SERIN_SERVER or --replica like http://127.0.0.1:7070; a token goes into SERIN_TOKEN.';
    throw new UsageError('the server is no plain http:// or https:// URL', hint);
  }
  return `${url.origin}${url.pathname}`;
}

/** `null`: none. What could not stand in a header is refused here; `fetch` would quote it. */
function tokenOf(file: string | undefined, cli: CliContext): string | null {
  const token = (file === undefined ? (cli.env.SERIN_TOKEN ?? '') : tokenIn(file, cli)).trim();
  if (file !== undefined && token === '') throw new UsageError(`the token file ${file} is empty`, 'Check the path.');
  if (!/^[\x21-\x7e]*$/.test(token))
    throw new UsageError('the token has characters that no token has', 'Look at SERIN_TOKEN or the token file.');
  return token === '' ? null : token;
}

function tokenIn(file: string, { readToken }: CliContext): string {
  try {
    return readToken(file);
  } catch {
    throw new UsageError(`the token file ${file} cannot be read`, 'Check the path.');
  }
}

/** Comes after those who handle an interruption themselves. */
function interruption(signal: AbortSignal): Promise<'interrupted'> {
  return new Promise((resolve) => {
    const leave = () => setImmediate(() => resolve('interrupted'));
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
}

function wantsColour({ env, err }: CliContext, args: readonly string[]): boolean {
  if (args.includes('--no-color') || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb') return false;
  return (env.FORCE_COLOR ?? '') !== '' || err.isTTY === true;
}
