import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

export interface RunningProcess {
  readonly pid: number;
  /** Everything it wrote, newest 64 KiB. */
  output(): string;
  exited(): boolean;
  /** Resolves with the exit code; `null` when a signal ended it. */
  readonly ended: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL when it does not end in time. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const STOP_MS = 10_000;
const living = new Map<ChildProcess, RunningProcess>();
process.once('exit', () => {
  for (const child of living.keys()) child.kill('SIGKILL');
});
// A test run that is interrupted ends its workers without their exit hooks, and one that is killed not even that:
// then the channel to it closes. Processes get the chance to end what they started themselves.
if (process.env.VITEST !== undefined) {
  const leave = () => {
    for (const child of living.keys()) for (const signal of ['SIGCONT', 'SIGTERM'] as const) child.kill(signal);
    living.clear();
    process.exit(143);
  };
  for (const event of ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect']) process.once(event, leave);
}

/** Stops what is still starting, too. SIGKILL alone would leave behind what a process has started itself. */
export async function stopAll(): Promise<void> {
  while (living.size > 0) await Promise.all([...living.values()].map((running) => running.stop()));
}

/** Starts a program; resolves when `ready` says so. What it wrote is in the error when it never gets there. */
export async function startProcess(options: {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly ready?: (output: string) => boolean | Promise<boolean>;
  readonly readyMs?: number;
}): Promise<RunningProcess> {
  const child = spawn(options.command, options.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk.toString()}`.slice(-65_536);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      living.delete(child);
      reject(error);
    });
    child.once('exit', (code) => {
      living.delete(child);
      resolve(code);
    });
  });
  const exited = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (first: NodeJS.Signals) => {
    if (exited()) return;
    child.kill(first);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  const running: RunningProcess = {
    pid: child.pid ?? -1,
    output: () => output,
    exited,
    ended,
    signal: (signal) => void child.kill(signal),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  living.set(child, running);
  const { ready, readyMs = 20_000 } = options;
  if (ready === undefined) return running;
  await waitFor(
    async () => {
      if (exited()) throw new Error(`${options.command} ended early:\n${output}`);
      return ready(output);
    },
    { timeoutMs: readyMs, what: () => `${options.command} to be ready:\n${output}` },
  ).catch(async (error: unknown) => {
    await running.stop();
    throw error;
  });
  return running;
}

/** Waits for a condition; never for a time. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  options: { readonly timeoutMs?: number; readonly what?: string | (() => string); readonly everyMs?: number } = {},
): Promise<void> {
  const { timeoutMs = 20_000, what = 'a condition', everyMs = 20 } = options;
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs)
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Below the ports that the system hands out by itself (32768 and above): none of those takes one that was given here. */
const FIRST_PORT = 10_000;
const PORTS_EACH = 7_000;
const given = new Set<number>();

/**
 * A port that nobody listens on, for a process that is yet to start, and may start anew on it. Each worker of vitest
 * chooses from a range of its own, the tools from a third: what one was given and has not bound yet, no other gets.
 */
export async function freePort(): Promise<number> {
  const from = FIRST_PORT + PORTS_EACH * (Number(process.env.VITEST_POOL_ID ?? 0) % 3);
  for (;;) {
    const port = from + Math.floor(Math.random() * PORTS_EACH);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Whether an HTTP address answers 200 now. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
