import type { Command } from 'commander';
import type { Result } from '../../core/model/errors.ts';
import type { CommandName, RolloutBody } from '../api/schemas.ts';
import { type CommandContext, durationOption, type Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { explainLines } from './explain.ts';
import { eventLine, rolloutLines, rolloutTable } from './render.ts';
import { replayCommand } from './replay-command.ts';
import { startCommands } from './start-commands.ts';
import { watchRollout } from './watch.ts';

/** `serin rollout …` */
export function rolloutCommands(program: Command, context: CommandContext, run: Run): void {
  const rollout = program.command('rollout').description('start, watch and steer rollouts');
  startCommands(rollout, context, run);
  readCommands(rollout, context, run);
  watchCommands(rollout, context, run);
  steerCommands(rollout, context, run);
  replayCommand(rollout, context, run);
}

function readCommands(rollout: Command, context: CommandContext, run: Run): void {
  const { client, terminal, json, failed } = context;
  rollout
    .command('list')
    .description('list rollouts, newest first')
    .option('--backend <name>', 'those of one backend')
    .option('--phase <phase>', 'those in a phase, or active')
    .option('--limit <n>', 'look at so many, at most 200', '50')
    .action((options: { backend?: string; phase?: string; limit: string }) =>
      run(async () => {
        const listed = await client().rollouts(
          defined({ backend: options.backend, phase: options.phase, limit: options.limit }),
        );
        if (listed.kind === 'error') return failed(listed.errors);
        if (json()) terminal.json(listed.value);
        else for (const line of rolloutTable(listed.value.rollouts)) terminal.out(line);
        return EXIT.done;
      })(),
    );
  rollout
    .command('get')
    .description('show where a rollout stands and what it waits for')
    .argument('<id>')
    .action((id: string) => run(async () => show(context, await client().rollout(id)))());
  rollout
    .command('explain')
    .description('why it stands where it stands: what was compared, how sure it is, what is missing')
    .argument('<id>')
    .action((id: string) =>
      run(async () => {
        const [seen, verdicts] = await Promise.all([client().rollout(id), client().verdicts(id)]);
        if (seen.kind === 'error') return failed(seen.errors);
        if (verdicts.kind === 'error') return failed(verdicts.errors);
        const { points } = verdicts.value;
        if (json()) terminal.json({ rollout: seen.value, points });
        else for (const line of explainLines(seen.value, points)) terminal.out(line);
        return EXIT.done;
      })(),
    );
  rollout
    .command('events')
    .description('everything that happened to a rollout')
    .argument('<id>')
    .action((id: string) =>
      run(async () => {
        const read = await client().events(id, null);
        if (read.kind === 'error') return failed(read.errors);
        if (json()) terminal.json(read.value);
        else for (const event of read.value.events) terminal.out(eventLine(event));
        return EXIT.done;
      })(),
    );
}

function watchCommands(rollout: Command, context: CommandContext, run: Run): void {
  const { client, terminal, json, failed, cli } = context;
  for (const name of ['watch', 'wait'] as const) {
    rollout
      .command(name)
      .description(
        name === 'watch' ? 'show a rollout as it goes' : 'wait for its end; the exit code tells how it ended',
      )
      .argument('<id>')
      .option('--timeout <duration>', 'leave after this long, as 30m; the rollout goes on')
      .action((id: string, options: { timeout?: string }) =>
        run(async () => {
          const timeout = durationOption(options.timeout);
          if (timeout.kind === 'error') return failed(timeout.errors);
          return watchRollout({
            client: client(),
            terminal,
            id,
            known: false,
            timeoutMs: timeout.value,
            json: json() ? (name === 'watch' ? 'every' : 'last') : 'none',
            quiet: name === 'wait',
            interrupted: cli.interrupted,
          });
        })(),
      );
  }
}

function steerCommands(rollout: Command, context: CommandContext, run: Run): void {
  const { client } = context;
  const steer = (name: CommandName, text: string, withReason: boolean) => {
    const command = rollout
      .command(name)
      .description(text)
      .argument('<id>')
      .option('--rev <n>', 'refuse if the rollout has moved on from this rev');
    if (withReason) command.option('--reason <text>', 'said in the history and to the notified');
    command.action((id: string, { rev, ...options }: { rev?: string; reason?: string; unconfirmed?: boolean }) =>
      run(async () => {
        const body = defined({ ...options, rev: rev === undefined ? undefined : Number(rev) });
        return show(context, await client().command(id, name, body));
      })(),
    );
    return command;
  };
  steer('pause', 'hold it where it is; failing evidence still rolls it back', true);
  steer('resume', 'let it go on', false);
  steer('promote', 'skip the remaining steps and send all traffic to the canary', false);
  steer('abort', 'send all traffic back to stable', true).option(
    '--unconfirmed',
    'end one that is on its way back and waits for Envoys that will never confirm',
  );
  rollout
    .command('approve')
    .description('open the gate that you saw')
    .argument('<id>')
    .option('--gate <step/attempt>', 'as shown by rollout get; by default the gate that is open now')
    .action((id: string, options: { gate?: string }) => run(() => approve(context, id, options.gate))());
}

async function approve(context: CommandContext, id: string, text: string | undefined): Promise<number> {
  const { client, failed } = context;
  let gate: { step: number; attempt: number } | null = null;
  if (text === undefined) {
    const seen = await client().rollout(id);
    if (seen.kind === 'error') return failed(seen.errors);
    gate = seen.value.gate;
    if (gate === null) return failed([{ code: 'SERIN_GATE_CONFLICT', message: `rollout ${id} has no open gate` }]);
  } else {
    const match = /^(\d+)\/(\d+)$/.exec(text);
    if (match === null)
      return failed([{ code: 'SERIN_REQUEST_INVALID', message: `"${text}" is no gate`, hint: 'Write it like 0/1.' }]);
    gate = { step: Number(match[1]), attempt: Number(match[2]) };
  }
  return show(context, await client().command(id, 'approve', { gate }));
}

function show({ terminal, json, failed }: CommandContext, result: Result<RolloutBody>): number {
  if (result.kind === 'error') return failed(result.errors);
  if (json()) terminal.json(result.value);
  else for (const line of rolloutLines(result.value, terminal.paint)) terminal.out(line);
  return EXIT.done;
}

/** Without the keys that were not given. */
function defined<T>(given: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, T] => entry[1] !== undefined));
}
