import type { Command } from 'commander';
import type { CommandName } from '../api/command-schemas.ts';
import { type CommandContext, durationOption, type Run } from './command-context.ts';
import { defined } from './defined.ts';
import { EXIT } from './exit.ts';
import { explainLines } from './explain.ts';
import { gateCommands } from './gate-commands.ts';
import { eventLine, rolloutTable } from './render.ts';
import { replayCommand } from './replay-command.ts';
import { showRollout } from './show-rollout.ts';
import { startCommands } from './start-commands.ts';
import { watchRollout } from './watch.ts';

/** `serin rollout …` */
export function rolloutCommands(program: Command, context: CommandContext, run: Run): void {
  const rollout = program.command('rollout').description('start, watch and steer rollouts');
  startCommands(rollout, context, run);
  readCommands(rollout, context, run);
  watchCommands(rollout, context, run);
  steerCommands(rollout, context, run);
  gateCommands(rollout, context, run);
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
    .action((id: string) => run(async () => showRollout(context, await client().rollout(id)))());
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

interface SteerOptions {
  readonly rev?: string;
  readonly reason?: string;
  readonly unconfirmed?: boolean;
  readonly arm?: string;
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
    command.action((id: string, { rev, ...options }: SteerOptions) =>
      run(async () => {
        const body = defined({ ...options, rev: rev === undefined ? undefined : Number(rev) });
        return showRollout(context, await client().command(id, name, body));
      })(),
    );
    return command;
  };
  steer('pause', 'hold it where it is; failing evidence still rolls it back', true);
  steer('resume', 'let it go on', false);
  steer('promote', 'skip the remaining steps and send all traffic to the canary', false).option(
    '--arm <name>',
    'of a test with variants: the arm that gets all traffic',
  );
  steer('abort', 'send all traffic back to stable', true).option(
    '--unconfirmed',
    'end one that is on its way back and waits for Envoys that will never confirm',
  );
}
