import { onTestFinished } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { apiServer } from './api-server.ts';
import { type CommandLine, type CommandLineOptions, commandLine } from './command-line.ts';
import { fakeEngine } from './fake-engine.ts';

export interface ServedCli {
  readonly engine: ReturnType<typeof fakeEngine>;
  readonly cli: CommandLine;
}

/** The command line before the real API of an engine that answers like this, until the test ends. */
export async function servedCli(answers: Partial<Engine> = {}, options: CommandLineOptions = {}): Promise<ServedCli> {
  const engine = fakeEngine(answers);
  const server = await apiServer(engine);
  onTestFinished(() => server.close());
  return { engine, cli: commandLine(server.url, options) };
}
