import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { counter, type Rig, rig } from './rig.ts';

let r: Rig;
beforeEach(async () => {
  r = await rig();
}, 20_000);
afterEach(async () => {
  await r.close();
}, 20_000);

/** A replica that has begun to run `rollout/a`, and never ends. */
async function hanging(): Promise<{ readonly kill: () => Promise<void> }> {
  const script = fileURLToPath(new URL('hanging-replica.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, r.redis.socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await r.store.due.schedule('rollout/a', 1);
  await expect.poll(() => said, { timeout: 20_000 }).toContain('running rollout/a');
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

it('runs a subject that is due again although a dead replica has its job', {
  timeout: 60_000,
}, async () => {
  const replica = await hanging();
  await replica.kill();
  const { handle, runs } = counter(r.store);
  await r.store.due.schedule('rollout/a', 1);
  // By the lease alone it would come back after a minute, by BullMQ when a lock has run out.
  await r.wakeUps({ leaseMs: 60_000 }).start(handle);
  await expect.poll(() => runs('rollout/a'), { timeout: 6_000 }).toBeGreaterThanOrEqual(1);
});

it('has another replica run the subject within 10 s of a kill in mid-run', { timeout: 60_000 }, async () => {
  const replica = await hanging();
  try {
    const { handle, runs } = counter(r.store);
    await r.wakeUps().start(handle);
    await replica.kill();
    const killedAt = performance.now();
    await expect.poll(() => runs('rollout/a'), { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
    console.log(`takeover after ${Math.round(performance.now() - killedAt)} ms`);
  } finally {
    await replica.kill();
  }
});
