import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/errors.ts';

interface Question {
  readonly bootstrap: object;
  /** A path, or a name to look for in `path`. */
  readonly binary: string;
  readonly path: string;
  readonly signal: AbortSignal;
  /** @default 30000 */
  readonly deadlineMs?: number;
}

/** Of what Envoy writes, the first so many characters are read; it may dump whole resources. */
const MAX_OUTPUT = 256 * 1024;
const MAX_REASON = 600;

/**
 * Whether a real Envoy takes a bootstrap (`--mode validate`), and its reason where it does not; `null`: it does. It opens
 * no port and connects to nothing. The bootstrap is in a folder of its own that only this user can read, as long as Envoy
 * runs.
 */
export async function validateBootstrap(question: Question): Promise<Result<{ readonly refusal: string | null }>> {
  const { bootstrap, binary, path, signal, deadlineMs = 30_000 } = question;
  const folder = mkdtempSync(join(tmpdir(), 'serin-verify-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // Also when a second Ctrl-C ends this process at once.
  process.once('exit', remove);
  try {
    const file = join(folder, 'bootstrap.json');
    writeFileSync(file, JSON.stringify(bootstrap), { mode: 0o600 });
    const run = await runToItsEnd(binary, file, { path, signal, deadlineMs });
    if (run.kind === 'not run') return notRun(binary, run.code);
    if (run.kind === 'ended by us') {
      const why = signal.aborted ? 'was interrupted' : `has not answered within ${deadlineMs / 1000} s and was ended`;
      return fail('SERIN_REQUEST_INVALID', `${binary} ${why}`, { hint: 'Try it by hand: envoy --mode validate.' });
    }
    if (run.code === 0) {
      return run.output.includes(`configuration '${file}' OK`)
        ? ok({ refusal: null })
        : fail('SERIN_REQUEST_INVALID', `${binary} does not answer as an Envoy does`, { hint: HINT });
    }
    return ok({ refusal: reasonIn(run.output, file) ?? `it ended with ${run.code} and gave no reason` });
  } finally {
    process.off('exit', remove);
    remove();
  }
}

const HINT = 'Put envoy on the PATH, or say where it is by --envoy.';

function notRun(binary: string, code: string) {
  const message = code === 'ENOENT' ? `there is no ${binary} to ask` : `${binary} cannot be run (${code})`;
  return fail('SERIN_REQUEST_INVALID', message, { hint: HINT });
}

type Run =
  /** `code`: of a crash the name of the signal. */
  | { readonly kind: 'ended'; readonly code: number | string; readonly output: string }
  | { readonly kind: 'ended by us' }
  | { readonly kind: 'not run'; readonly code: string };

function runToItsEnd(
  binary: string,
  file: string,
  { path, signal, deadlineMs }: Required<Pick<Question, 'path' | 'signal' | 'deadlineMs'>>,
): Promise<Run> {
  const args = ['--mode', 'validate', '-c', file, '--concurrency', '1', '-l', 'error', '--log-format', '%v'];
  return new Promise((resolve) => {
    // A process group of its own: if the program is a script, what it has started ends with it. It needs no secret of ours.
    const child = spawn(binary, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: path } });
    let output = '';
    const keep = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT) output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let byUs = false;
    const end = (): void => {
      byUs = true;
      endGroup(child);
    };
    const timer = setTimeout(end, deadlineMs);
    const done = (run: Run): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      process.off('exit', end);
      resolve(run);
    };
    signal.addEventListener('abort', end, { once: true });
    process.once('exit', end);
    child.once('error', (error: NodeJS.ErrnoException) => done({ kind: 'not run', code: error.code ?? error.message }));
    child.once('close', (code, by) =>
      done(byUs ? { kind: 'ended by us' } : { kind: 'ended', code: code ?? by ?? 'nothing', output }),
    );
    if (signal.aborted) end();
  });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Envoy's own words, without where the bootstrap was. */
function reasonIn(output: string, file: string): string | null {
  const intro = `error initializing configuration '${file}': `;
  const at = output.lastIndexOf(intro);
  const text = (at === -1 ? output : output.slice(at + intro.length)).replaceAll(file, 'the bootstrap');
  const clean = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  if (clean === '') return null;
  return clean.length <= MAX_REASON ? clean : `${clean.slice(0, MAX_REASON - 1)}…`;
}
