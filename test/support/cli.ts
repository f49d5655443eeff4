import { spawn } from 'node:child_process';
import type { EventBody, RolloutBody } from '../../src/surfaces/api/schemas.ts';
import { waitFor } from './processes.ts';

interface Target {
  readonly server: string;
  readonly program: readonly string[];
}

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line that users have, with `-o json`. `show` passes its progress on as it comes. */
export async function serin({ server, program }: Target, args: readonly string[], show = false): Promise<CliRun> {
  const child = spawn(process.execPath, [...program, '--server', server, '-o', 'json', ...args], {
    stdio: ['ignore', 'pipe', show ? 'inherit' : 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 1)));
  return { code, stdout, stderr };
}

/** Like `serin`, for commands that have to succeed; gives the JSON they print. */
export async function serinJson<T>(target: Target, args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await serin(target, args);
  if (code !== 0) throw new Error(`serin ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

export async function rolloutEvents(target: Target, id: string): Promise<readonly EventBody[]> {
  const read = await serinJson<{ events: EventBody[] }>(target, ['rollout', 'events', id]);
  return read.events;
}

/** Waits until a rollout looks as wanted; an engine that is away meanwhile is asked again. */
export async function until(
  target: Target,
  id: string,
  wanted: (rollout: RolloutBody) => boolean,
  timeoutMs = 40_000,
): Promise<RolloutBody> {
  let last: RolloutBody | null = null;
  await waitFor(
    async () => {
      const response = await fetch(`${target.server}/api/v1/rollouts/${id}`, {
        signal: AbortSignal.timeout(5_000),
      }).catch(() => null);
      if (response?.status !== 200) return false;
      last = (await response.json()) as RolloutBody;
      return wanted(last);
    },
    { timeoutMs, everyMs: 50, what: () => `rollout ${id} to get there; it is ${JSON.stringify(last)}` },
  );
  if (last === null) throw new Error('unreachable');
  return last;
}
