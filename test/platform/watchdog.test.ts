import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

/** A process with a watchdog of a second that then does what it is told. */
function watched(does: string) {
  const program = `import { startWatchdog } from './src/platform/watchdog.ts';
const dog = startWatchdog(1_000);
${does}`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (part: Buffer) => {
    said += part.toString();
  });
  return { child, ended: once(child, 'exit') as Promise<[number | null, string | null]>, said: () => said };
}

describe('F33: the watchdog', () => {
  it('ends a process whose event loop stands still, and says so', async () => {
    const run = watched('for (;;) {}');
    expect(await run.ended).toEqual([null, 'SIGKILL']);
    expect(JSON.parse(run.said())).toMatchObject({ level: 60, msg: expect.stringContaining('stands still') });
  });

  it('lets one go on that works in pieces, and lets it end', async () => {
    const busy = `const until = performance.now() + 2_500;
const piece = () => {
  const end = performance.now() + 300;
  while (performance.now() < end) {}
  if (performance.now() < until) setImmediate(piece);
  else dog.stop().then(() => console.log('done'));
};
piece();`;
    const run = watched(busy);
    expect(await run.ended).toEqual([0, null]);
    expect(run.said()).toBe('done\n');
  });

  it('does not take a process for stalled that was stopped from outside', async () => {
    const run = watched(
      `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1_000); console.log('here');`,
    );
    await expect.poll(run.said, { timeout: 10_000 }).toBe('here\n');
    run.child.kill('SIGSTOP');
    // Long enough is when another one, begun only now, has been taken for stalled.
    await watched('for (;;) {}').ended;
    run.child.kill('SIGCONT');
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual([7, null]);
  });
});
