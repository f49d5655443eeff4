import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from './support/processes.ts';

let folder: string;
let engine: RunningProcess | null = null;
let server: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-main-'));
  const [http, xds] = [await freePort(), await freePort()];
  server = `http://127.0.0.1:${http}`;
  await writeFile(join(folder, 'serin.yaml'), `http: { port: ${http} }\nxds: { port: ${xds} }\n`);
});
afterEach(async () => {
  await engine?.kill();
  engine = null;
  await rm(folder, { recursive: true, force: true });
});

async function dev(): Promise<RunningProcess> {
  const args = ['dev', '--config', join(folder, 'serin.yaml'), '--data', join(folder, 'store')];
  engine = await startProcess({ command: process.execPath, args: ['--import', 'tsx', 'src/main.ts', ...args] });
  return engine;
}

/** Process id of the embedded store; `null` before it is there. */
function storePid(): number | null {
  const note = join(folder, 'store', 'server.json');
  if (!existsSync(note)) return null;
  return (JSON.parse(readFileSync(note, 'utf8')) as { pid: number }).pid;
}

function gone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

async function storeOf(): Promise<number> {
  await waitFor(() => storePid() !== null, { what: 'the embedded store' });
  return storePid() ?? -1;
}

describe('serin dev leaves no store behind', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('when %s ends it', async (signal) => {
    const running = await dev();
    await waitFor(() => answers(`${server}/readyz`), { what: 'readiness' });
    const pid = await storeOf();
    running.signal(signal);
    expect(await running.ended).toBe(0);
    expect(gone(pid)).toBe(true);
  });

  it('when a second signal ends it at once', async () => {
    const running = await dev();
    await waitFor(() => answers(`${server}/readyz`), { what: 'readiness' });
    const pid = await storeOf();
    running.signal('SIGINT');
    running.signal('SIGTERM');
    await running.ended;
    await waitFor(() => gone(pid), { what: 'the end of the store' });
  });

  it('when a signal comes before it is ready', async () => {
    const running = await dev();
    const pid = await storeOf();
    running.signal('SIGTERM');
    await running.ended;
    await waitFor(() => gone(pid), { what: 'the end of the store' });
  });
});
