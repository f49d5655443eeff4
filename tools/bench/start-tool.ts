import { type RunningProcess, startProcess } from '../../test/support/processes.ts';

/** Starts a script of the benchmarks in a process of its own; resolves with the first line of JSON that it prints. */
export async function startTool(
  script: string,
  args: readonly string[],
): Promise<[RunningProcess, Record<string, number>]> {
  let said: Record<string, number> | null = null;
  const running = await startProcess({
    command: process.execPath,
    args: ['--import', 'tsx', script, ...args],
    readyMs: 120_000,
    ready: (output) => {
      const line = output.split('\n').find((each) => each.startsWith('{') && each.endsWith('}'));
      if (line !== undefined) said = JSON.parse(line);
      return said !== null;
    },
  });
  return [running, said ?? {}];
}
