import { resolve } from 'node:path';
import build from '../../test/support/built-program.ts';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { stopAll } from '../../test/support/processes.ts';

/** What a tool that starts processes is given: how to end each of them, and where to speak to people. */
export interface ToolRun {
  readonly undo: Undo[];
  readonly say: (line: string) => void;
  /** The compiled engine. */
  readonly program: string;
}

/** Runs one that finds violations. What it started is ended once, by itself or by the signal that ends it. */
export async function runTool(what: string, work: (run: ToolRun) => Promise<readonly string[]>): Promise<void> {
  const undo: Undo[] = [];
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let ending: Promise<void> | null = null;
  const end = (): Promise<void> => {
    ending ??= undoAll(undo, say).then(stopAll);
    return ending;
  };
  const isEnding = (): boolean => ending !== null;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void end().then(() => process.exit(130)));
  }
  build();
  try {
    const violations = await work({ undo, say, program: resolve('dist/main.js') });
    process.exitCode = violations.length === 0 ? 0 : 1;
  } catch (error) {
    if (!isEnding()) {
      say(`${what} failed: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  } finally {
    await end();
  }
}
