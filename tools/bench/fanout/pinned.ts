import { existsSync } from 'node:fs';
import { type RunningProcess, startProcess } from '../../../test/support/processes.ts';

/** Server and clients each on a core of their own, where the system can say so. */
const PIN = existsSync('/usr/bin/taskset');

/** Starts a script on one core; resolves with the first line of JSON that it prints. */
export async function runPinned(
  core: number,
  script: string,
  args: readonly string[],
): Promise<[RunningProcess, unknown]> {
  const node = [process.execPath, '--expose-gc', '--import', 'tsx', script, ...args];
  const [command = '', ...rest] = PIN ? ['taskset', '-c', String(core), ...node] : node;
  let first: unknown = null;
  const running = await startProcess({
    command,
    args: rest,
    readyMs: 120_000,
    ready: (output) => {
      const line = output.split('\n').find((each) => each.startsWith('{') && each.endsWith('}'));
      if (line !== undefined) first = JSON.parse(line);
      return first !== null;
    },
  });
  return [running, first];
}
