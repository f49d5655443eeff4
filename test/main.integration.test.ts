import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { binaryPath } from './support/binaries.ts';
import { serin } from './support/cli.ts';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from './support/processes.ts';
import { PROGRAM } from './support/program.ts';

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
  engine = await startProcess({ command: process.execPath, args: [...PROGRAM, ...args] });
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

it('`npm run serin -- dev` ends with npm, and its store too', async () => {
  const args = ['run', '-s', 'serin', '--', 'dev'];
  const files = ['--config', join(folder, 'serin.yaml'), '--data', join(folder, 'store')];
  engine = await startProcess({ command: 'npm', args: [...args, ...files] });
  await waitFor(() => answers(`${server}/readyz`), { what: 'readiness' });
  const pid = await storeOf();
  const pidOfEngine = (JSON.parse(readFileSync(join(folder, 'store', 'server.json'), 'utf8')) as { engine: number })
    .engine;
  engine.signal('SIGTERM');
  try {
    await engine.ended;
    await waitFor(() => gone(pidOfEngine) && gone(pid), { what: 'the end of engine and store' });
  } finally {
    if (!gone(pidOfEngine)) process.kill(pidOfEngine, 'SIGTERM');
  }
});

describe('SIGTERM in the midst of work', () => {
  const route = (name: string) => `apiVersion: serin.dev/v1
kind: Backend
metadata: { name: ${name} }
spec: { initial: { revision: v1, endpoints: { static: ["127.0.0.1:9"] } } }
---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: ${name} }
spec: { fleet: edge, hostnames: [${name}.example.com], rules: [{ name: all, backend: ${name} }] }
`;

  it('answers what it has taken, keeps all of it, and leaves a sound store', { timeout: 60_000 }, async () => {
    // given
    const running = await dev();
    await waitFor(() => answers(`${server}/readyz`), { what: 'readiness' });
    let first = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      first = resolve;
    });
    const apply = async (name: string): Promise<readonly [string, number]> => {
      const body = JSON.stringify({ files: [{ file: `${name}.yaml`, text: route(name) }] });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server}/api/v1/apply`, { method: 'POST', headers, body }).catch(
        (error: unknown) => String((error as { cause?: { code?: string } }).cause?.code),
      );
      first();
      return [name, typeof response === 'string' ? -1 : response.status];
    };
    const applied = Promise.all(Array.from({ length: 40 }, (_, i) => apply(`shop-${i}`)));
    // when
    await begun;
    running.signal('SIGTERM');
    expect(await running.ended).toBe(0);
    // then
    const done = (await applied).filter(([, status]) => status === 200).map(([name]) => name);
    expect(done.length).toBeGreaterThan(0);
    const target = { server, program: PROGRAM };
    const data = ['--data', join(folder, 'store')];
    const verified = await serin(target, ['store', 'verify', ...data]);
    expect(verified.stderr).toBe('');
    expect(verified.code).toBe(0);
    const { stdout } = await serin(target, ['store', 'export', ...data]);
    for (const name of done) expect(stdout).toContain(`"key":"document/Route/${name}"`);
  });
});

describe('two engines on one Redis', () => {
  it('serve at the same time, and each goes without the other', async () => {
    // given
    const port = await freePort();
    const redis = await startProcess({
      command: binaryPath('valkey-server'),
      args: ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
      ready: (output) => output.includes('Ready to accept connections'),
    });
    const serve = async (name: string): Promise<{ readonly server: string; readonly process: RunningProcess }> => {
      const [http, xds] = [await freePort(), await freePort()];
      const config = join(folder, `${name}.yaml`);
      const text = `redis: { url: "redis://127.0.0.1:${port}" }\nhttp: { port: ${http} }\nxds: { port: ${xds} }\n`;
      await writeFile(config, text);
      const args = [...PROGRAM, 'serve', '--config', config];
      return { server: `http://127.0.0.1:${http}`, process: await startProcess({ command: process.execPath, args }) };
    };
    const first = await serve('first');
    const running = [redis, first.process];
    try {
      await waitFor(() => answers(`${first.server}/readyz`), { what: 'the first engine' });
      // when
      const second = await serve('second');
      running.push(second.process);
      await waitFor(() => answers(`${second.server}/readyz`), { what: 'the second engine' });
      // then
      expect(await answers(`${first.server}/readyz`)).toBe(true);
      first.process.signal('SIGTERM');
      await first.process.ended;
      expect(await answers(`${second.server}/readyz`)).toBe(true);
    } finally {
      for (const one of running.reverse()) await one.kill();
    }
  });
});
