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

it('has another replica run the subject within 10 s of a kill in mid-run', { timeout: 60_000 }, async () => {
  const script = fileURLToPath(new URL('hanging-replica.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, r.redis.socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await r.store.due.schedule('rollout/a', 1);
    await expect.poll(() => said, { timeout: 20_000 }).toContain('running rollout/a');

    const { handle, runs } = counter(r.store);
    await r.wakeUps().start(handle);
    child.kill('SIGKILL');
    await exited;
    const killedAt = performance.now();
    await expect.poll(() => runs('rollout/a'), { timeout: 10_000 }).toBeGreaterThanOrEqual(1);
    console.log(`takeover after ${Math.round(performance.now() - killedAt)} ms`);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
});
