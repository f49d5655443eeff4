import { spawn } from 'node:child_process';
import type { EventBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { waitFor } from '../../test/support/processes.ts';
import { CLI, type World } from './world.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
}

/** Runs the command line that users have. Its progress goes to our stderr as it comes. */
export async function serin(world: World, args: readonly string[], show = true): Promise<CliRun> {
  const child = spawn(process.execPath, [CLI, '--server', world.server, '-o', 'json', ...args], {
    stdio: ['ignore', 'pipe', show ? 'inherit' : 'ignore'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  const code = await new Promise<number>((resolve) => child.once('exit', (exit) => resolve(exit ?? 1)));
  return { code, stdout };
}

/** Like `serin`, for commands that have to succeed; gives the JSON they print. */
export async function serinJson<T>(world: World, args: readonly string[]): Promise<T> {
  const { code, stdout } = await serin(world, args);
  if (code !== 0) throw new Error(`serin ${args.join(' ')} ended with ${code}`);
  return JSON.parse(stdout) as T;
}

export async function events(world: World, id: string): Promise<readonly EventBody[]> {
  const read = await serinJson<{ events: EventBody[] }>(world, ['rollout', 'events', id]);
  return read.events;
}

/** Waits until a rollout looks as wanted. */
export async function until(world: World, id: string, wanted: (rollout: RolloutBody) => boolean): Promise<void> {
  await waitFor(
    async () => {
      const response = await fetch(`${world.server}/api/v1/rollouts/${id}`, { signal: AbortSignal.timeout(5_000) });
      return wanted((await response.json()) as RolloutBody);
    },
    { timeoutMs: 120_000, everyMs: 50, what: `rollout ${id} to get there` },
  );
}
