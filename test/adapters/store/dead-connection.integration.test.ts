import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { createWakeUps } from '../../../src/adapters/scheduler/wake-ups.ts';
import { createRedisStore } from '../../../src/adapters/store/redis-store.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { binaryPath } from '../../support/binaries.ts';
import { type CutProxy, cutProxy } from '../../support/cut-proxy.ts';
import { freePort, type RunningProcess, startProcess, waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

let folder: string;
let redis: RunningProcess;
let port: number;
let proxy: CutProxy;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-dead-'));
  port = await freePort();
  redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ready: (output) => output.includes('Ready to accept connections'),
  });
}, 30_000);
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await cutProxy(port);
  onTestFinished(() => proxy.close());
});

it('a store whose connection carries nothing any more takes a new one', { timeout: 30_000 }, async () => {
  const store = createRedisStore({
    connection: { url: `redis://127.0.0.1:${proxy.port}` },
    deadlineMs: 300,
    logger: quiet,
  });
  onTestFinished(() => store.close());
  expect((await store.records.time()).kind).toBe('ok');
  proxy.hang();
  expect((await store.records.time()).kind).toBe('unavailable');
  await waitFor(async () => (await store.records.time()).kind === 'ok', { what: 'an answer' });
});

it('a worker whose connections carry nothing any more is replaced, and takes jobs again', {
  timeout: 60_000,
}, async () => {
  // given: due times by a connection of their own, jobs through the proxy
  const store = createRedisStore({ connection: { url: `redis://127.0.0.1:${port}` }, logger: quiet });
  onTestFinished(() => store.close());
  const runs: string[] = [];
  const wakeUps = createWakeUps({
    redis: { host: '127.0.0.1', port: proxy.port },
    ...{ due: store.due, suspects: store.suspects, clock: createSystemClock(), logger: quiet },
    // Long enough that only a worker can be as fast as below.
    ...{ sweepMs: 60_000, leaseMs: 1_000, silentMs: 1_500, stopDeadlineMs: 500 },
  });
  onTestFinished(() => wakeUps.stop());
  await wakeUps.start(async (subject) => void runs.push(subject));
  wakeUps.kick('rollout/before');
  await waitFor(() => runs.includes('rollout/before'), { what: 'a job' });
  // when
  proxy.hang();
  // then: kicks for one subject after another, each of which a working worker takes at once
  let count = 0;
  await waitFor(
    async () => {
      wakeUps.kick('rollout/stuck');
      count += 1;
      const subject = `rollout/after-${count}` as const;
      wakeUps.kick(subject);
      return waitFor(() => runs.includes(subject), { what: 'a job', timeoutMs: 500 }).then(
        () => true,
        () => false,
      );
    },
    { what: 'a worker that works', timeoutMs: 40_000 },
  );
});
