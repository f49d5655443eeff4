import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { validateBootstrap } from '../../../src/adapters/envoy/validate-bootstrap.ts';
import { waitFor } from '../../support/processes.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-fake-envoy-'));
  // What is left behind is looked for where no other test leaves anything.
  vi.stubEnv('TMPDIR', folder);
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A program in the place of Envoy; `$4` is the bootstrap. */
function program(name: string, script: string, mode = 0o755): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode });
  return file;
}

const ask = (binary: string, more: { deadlineMs?: number; signal?: AbortSignal } = {}) =>
  validateBootstrap({
    ...{ bootstrap: { node: { id: 'one' } }, binary, path: process.env.PATH ?? '' },
    ...{ signal: new AbortController().signal, ...more },
  });

const left = () => readdirSync(folder).filter((name) => name.startsWith('serin-verify-'));

describe('a program that cannot answer', () => {
  it.each([
    ['is not there', () => join(folder, 'none'), /there is no .*none to ask/],
    ['is not on the PATH', () => 'no-such-envoy', 'there is no no-such-envoy to ask'],
    ['must not be run', () => program('plain', 'exit 0', 0o644), /cannot be run \(EACCES\)/],
    ['is no Envoy', () => program('true', 'exit 0'), 'does not answer as an Envoy does'],
  ])('that %s is refused, with what to do', async (_, binary, message) => {
    const asked = await ask(binary());
    expect(asked).toMatchObject({
      kind: 'error',
      errors: [
        {
          code: 'SERIN_REQUEST_INVALID',
          message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
          hint: 'Put envoy on the PATH, or say where it is by --envoy.',
        },
      ],
    });
  });

  it.each([
    ['the deadline', () => ({ deadlineMs: 500 }), 'has not answered within 0.5 s and was ended'],
    ['an interruption', () => ({ signal: AbortSignal.timeout(500) }), 'was interrupted'],
  ])('ends at %s, with all that it has started', async (name, how, message) => {
    const pids = join(folder, `pids of ${name}`);
    const hanging = program('hanging', `sleep 60 & echo $$ $! > '${pids}'; wait`);
    const asked = await ask(hanging, how());
    expect(asked).toMatchObject({ kind: 'error', errors: [{ message: expect.stringContaining(message) }] });
    const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
    expect(started).toHaveLength(2);
    await waitFor(() => started.every((pid) => !isRunning(pid)));
  });

  it('is not started after an interruption for longer than it takes to end it', async () => {
    const asked = await ask(program('asleep', 'sleep 60'), { signal: AbortSignal.abort() });
    expect(asked).toMatchObject({ kind: 'error', errors: [{ message: expect.stringContaining('was interrupted') }] });
  });
});

describe('a refusal', () => {
  it.each([
    [
      'is told in the words of Envoy, without where the bootstrap was',
      `echo "error initializing configuration '$4': no such field: x in $4" >&2; exit 1`,
      'no such field: x in the bootstrap',
    ],
    ['is told where the words are others', 'echo something else; exit 1', 'something else'],
    ['is told where there are no words', 'exit 7', 'it ended with 7 and gave no reason'],
    ['is told of a crash', 'kill -SEGV $$', 'it ended with SIGSEGV and gave no reason'],
  ])('%s', async (_, script, refusal) => {
    expect(await ask(program('refusing', script))).toEqual({ kind: 'ok', value: { refusal } });
  });

  it('is cut, however much is written', async () => {
    const asked = await ask(
      program('chatty', 'i=0; while [ $i -lt 20000 ]; do echo "long long line $i"; i=$((i+1)); done; exit 1'),
    );
    const refusal = asked.kind === 'ok' ? asked.value.refusal : null;
    expect(refusal).toMatch(/^long long line 0 .*…$/);
    expect(refusal).toHaveLength(600);
  });
});

it('asks with a file that nobody else can read, hands on no secret, and leaves nothing behind', async () => {
  const kept = join(folder, 'kept');
  vi.stubEnv('SERIN_TOKEN', 'hunter2');
  const telling = program(
    'telling',
    `echo "$4" > '${kept}'; stat -c %a "$(dirname "$4")" "$4" >> '${kept}'; cat "$4" >> '${kept}'; env >> '${kept}'; echo "configuration '$4' OK"`,
  );
  const asked = await ask(telling);
  expect(asked).toEqual({ kind: 'ok', value: { refusal: null } });
  const [file = '', folderMode, fileMode, content, ...env] = readFileSync(kept, 'utf8').split('\n');
  expect([folderMode, fileMode]).toEqual(['700', '600']);
  expect(content).toContain('{"node":{"id":"one"}}');
  expect([content, ...env].join('\n')).not.toContain('hunter2');
  expect(existsSync(dirname(file))).toBe(false);
  expect(left()).toEqual([]);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
