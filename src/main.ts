#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { askEnvoy, envoyJson, readRawEnvoy } from './envoy-resources.ts';
import { askTerminal } from './platform/ask-terminal.ts';
import { shippedStrategies } from './platform/strategy-files.ts';
import { packageVersion } from './platform/version.ts';
import { runCli } from './surfaces/cli/cli.ts';

/** Runs the command line of this process. */
async function main(): Promise<void> {
  const interrupted = new AbortController();
  const args = process.argv.slice(2);
  let isEngine = false;
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  };
  process.on('SIGINT', interrupt);
  // Whoever reads may have had enough (`| head`); what was asked for goes on, and so does its exit code.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  const code = await runCli(args, {
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    version: packageVersion(),
    readStdin: () => readFileSync(0, 'utf8'),
    // The answer is data, the question is not.
    ask: isatty(0)
      ? askTerminal(() => ({ input: process.stdin, output: process.stderr }), interrupted.signal, interrupt)
      : null,
    readToken: (file) => readFileSync(file, 'utf8').trim(),
    interrupted: interrupted.signal,
    strategies: shippedStrategies,
    // A command asks a server, as a rule: what an engine is made of is loaded by who needs it, not at each start.
    withStore: async (options, work) => (await import('./stores.ts')).withStore(options, work),
    pastMetrics: async (options) => (await import('./metrics-source.ts')).pastMetrics(options),
    envoyJson,
    readRawEnvoy: readRawEnvoy(),
    askEnvoy,
    runEngine: async (options) => {
      const { runEngine } = await import('./run-engine.ts');
      // An engine drains.
      isEngine = true;
      process.off('SIGINT', interrupt);
      return runEngine(options);
    },
  });
  process.exitCode = code;
  // What a drain could not end in time must not keep the process.
  if (isEngine) setTimeout(() => process.exit(code), 1_000).unref();
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
