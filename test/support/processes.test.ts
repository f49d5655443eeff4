import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startProcess, stopAll, waitFor } from './processes.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-processes-'));
});
afterEach(async () => {
  await stopAll();
  await rm(folder, { recursive: true });
});

/** Never ready. Asked to end it leaves a file, in the place of an engine that ends its store first. */
function startPolite(readyMs: number): { readonly starting: Promise<unknown>; readonly up: () => boolean } {
  let seen = '';
  const program = `process.on('SIGTERM', () => { require('fs').writeFileSync(process.env.ASKED, ''); process.exit(0); });
    setInterval(() => {}, 1000); console.log('up');`;
  const starting = startProcess({
    command: process.execPath,
    args: ['-e', program],
    env: { ASKED: join(folder, 'asked') },
    ready: (output) => {
      seen = output;
      return false;
    },
    readyMs,
  });
  return { starting, up: () => seen.includes('up') };
}

it('what is still starting is asked to end, so that it ends what it started itself', async () => {
  const { starting, up } = startPolite(20_000);
  const refused = expect(starting).rejects.toThrow('ended early');
  await waitFor(up);

  await stopAll();

  await refused;
  expect(existsSync(join(folder, 'asked'))).toBe(true);
});

it('what never gets ready is asked to end before it is killed', async () => {
  await expect(startPolite(1_500).starting).rejects.toThrow('to be ready');
  expect(existsSync(join(folder, 'asked'))).toBe(true);
});
