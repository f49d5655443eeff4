import { envoyJson, readRawEnvoy } from '../../src/envoy-resources.ts';
import { shippedStrategies } from '../../src/platform/strategy-files.ts';
import { runCli } from '../../src/surfaces/cli/cli.ts';
import type { CliContext } from '../../src/surfaces/cli/command-context.ts';
import type { CliRun } from './cli.ts';

export interface CommandLine {
  /** Runs one command line in this process, to its end. */
  run(...args: readonly string[]): Promise<CliRun>;
  /** What the command under way has written so far. */
  stdout(): string;
  stderr(): string;
  /** Ctrl-C. */
  interrupt(): void;
}

export interface CommandLineOptions extends Partial<Omit<CliContext, 'out' | 'err' | 'interrupted'>> {
  /** Both streams are a terminal of this size. */
  readonly screen?: { readonly columns: number; readonly rows: number };
}

/** The command line without a process around it: its streams, environment and files are the test's. */
export function commandLine(server: string, options: CommandLineOptions = {}): CommandLine {
  const { screen, env = {}, ...context } = options;
  const interrupted = new AbortController();
  let written = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    write: (text: string) => {
      written[name] += text;
    },
    ...(screen === undefined ? {} : { isTTY: true, ...screen }),
  });
  return {
    run: async (...args) => {
      written = { out: '', err: '' };
      const code = await runCli(args, {
        out: stream('out'),
        err: stream('err'),
        env: { SERIN_SERVER: server, ...env },
        version: '1.2.3',
        readStdin: () => '',
        ask: null,
        readToken: () => '',
        interrupted: interrupted.signal,
        strategies: shippedStrategies,
        withStore: async () => ({
          kind: 'error',
          errors: [{ code: 'SERIN_STORE_UNAVAILABLE', message: 'this test has no store' }],
        }),
        pastMetrics: async () => ({
          kind: 'error',
          errors: [{ code: 'SERIN_METRICS_UNAVAILABLE', message: 'this test has no Prometheus' }],
        }),
        envoyJson,
        readRawEnvoy: readRawEnvoy(),
        askEnvoy: async () => ({
          kind: 'error',
          errors: [{ code: 'SERIN_REQUEST_INVALID', message: 'this test has no Envoy' }],
        }),
        runEngine: async () => ({ kind: 'ok', value: 0 }),
        ...context,
      });
      return { code, stdout: written.out, stderr: written.err };
    },
    stdout: () => written.out,
    stderr: () => written.err,
    interrupt: () => interrupted.abort(),
  };
}
