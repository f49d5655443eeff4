import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { Result } from '../../core/model/errors.ts';
import type { Client } from '../api/client.ts';
import { IDEMPOTENCY_KEY, type RolloutBody } from '../api/schemas.ts';
import { type CommandContext, durationOption, type Run } from './command-context.ts';
import { EXIT } from './exit.ts';
import { startTargets } from './start-targets.ts';
import { isAway, pause, watchRollout } from './watch.ts';

interface BeginOptions {
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly timeout?: string;
}

interface StartOptions extends BeginOptions {
  readonly revision: readonly string[];
  readonly variant?: readonly string[];
  readonly endpoints?: readonly string[];
  readonly build?: string;
}

interface UndoOptions extends BeginOptions {
  readonly reason?: string;
}

/** `serin rollout start` and `serin rollout undo`: what begins a rollout. */
export function startCommands(rollout: Command, context: CommandContext, run: Run): void {
  const begins = (name: string, text: string, argument: string) =>
    rollout
      .command(name)
      .description(text)
      .argument(argument)
      .option('--idempotency-key <key>', `two calls of ${name} with one key begin one rollout (default: a new key)`)
      .option('--wait', 'follow it to its end; the exit code tells how it ended')
      .option('--timeout <duration>', 'with --wait: stop waiting after this long, as 30m; the rollout goes on');
  begins('start', 'roll out a revision by a plan', '<plan>')
    .requiredOption('-r, --revision <name>', `name of the revision; ${NAMED}`, collected)
    .option('--variant <name=revision>', 'what a variant of the test is, once for each', collected)
    .option('--endpoints <list>', `where it runs: host:port, comma-separated; ${NAMED}`, collected)
    .option('--build <number>', 'number of the build, growing: one older than what was started is refused')
    .action((plan: string, options: StartOptions) =>
      run(async () => {
        const build = buildOf(options);
        if (build === 'none') {
          const hint = 'Give the number that CI counts its builds by, such as 1482.';
          const message = `--build ${options.build} is no whole number`;
          return context.failed([{ code: 'SERIN_REQUEST_INVALID', message, hint }]);
        }
        const what = startTargets(options);
        if (what.kind === 'error') return context.failed(what.errors);
        const request = { plan, ...what.value, ...build };
        return begin(context, options, (client, key) => client.start(request, key));
      })(),
    );
  begins('undo', 'all requests back to the revision that was stable before, in one step', '<backend or id>')
    .option('--reason <text>', 'said in the history and to the notified')
    .action((of: string, options: UndoOptions) =>
      run(() => {
        const request = { of, ...(options.reason === undefined ? {} : { reason: options.reason }) };
        return begin(context, options, (client, key) => client.undo(request, key));
      })(),
    );
}

const NAMED = 'of one of several backends or variants: <name>=…, once for each';

function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function buildOf({ build }: StartOptions): { readonly build?: number } | 'none' {
  if (build === undefined) return {};
  const number = /^\d+$/.test(build) ? Number(build) : Number.NaN;
  return Number.isSafeInteger(number) ? { build: number } : 'none';
}

/** A deploy that waits survives a restart of the engine, ms. The key makes the repeat harmless. */
const START_PATIENCE_MS = 30_000;

async function patiently<T>(
  call: () => Promise<Result<T>>,
  patienceMs: number,
  interrupted: AbortSignal,
  terminal: CommandContext['terminal'],
): Promise<Result<T> | 'interrupted'> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const result = await call();
    if (result.kind === 'ok' || !isAway(result.errors)) return result;
    if (performance.now() >= untilMs) return result;
    terminal.err('the engine does not answer; trying again');
    await pause(1_000, interrupted);
    // Who has left wants no rollout any more.
    if (interrupted.aborted) return 'interrupted';
  }
}

async function begin(
  { client, terminal, json, failed, cli }: CommandContext,
  options: BeginOptions,
  call: (client: Client, key: string) => Promise<Result<RolloutBody>>,
): Promise<number> {
  const timeout = durationOption(options.timeout);
  if (timeout.kind === 'error') return failed(timeout.errors);
  const key = options.idempotencyKey ?? randomUUID();
  if (!IDEMPOTENCY_KEY.test(key)) {
    const hint = 'Write 1 to 200 visible ASCII characters.';
    return failed([{ code: 'SERIN_REQUEST_INVALID', message: 'the idempotency key cannot be sent', hint }]);
  }
  const patienceMs = options.wait === true ? Math.min(START_PATIENCE_MS, timeout.value ?? START_PATIENCE_MS) : 0;
  const begun = await patiently(() => call(client(), key), patienceMs, cli.interrupted, terminal);
  if (begun === 'interrupted') {
    terminal.err('stopped trying; the engine may have started it all the same');
    return EXIT.interrupted;
  }
  if (begun.kind === 'error') return failed(begun.errors);
  const { id } = begun.value;
  if (options.wait !== true) {
    if (json()) terminal.json(begun.value);
    else terminal.out(id);
    return EXIT.done;
  }
  return watchRollout({
    client: client(),
    terminal,
    id,
    known: true,
    timeoutMs: timeout.value,
    json: json() ? 'last' : 'none',
    quiet: false,
    interrupted: cli.interrupted,
  });
}
