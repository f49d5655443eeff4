import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Ask } from './target.ts';

/** How one input ended. */
export type Ended =
  | ({ readonly kind: 'ran' } & Omit<Answer, 'id'>)
  | { readonly kind: 'silent' }
  | { readonly kind: 'died'; readonly detail: string };

export interface TargetChild {
  run(input: Buffer, patienceMs: number): Promise<Ended>;
  stop(): Promise<void>;
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const OPEN_MS = 60_000;
const MAX_OUTPUT = 4_000;

/** A process that has one target open. What ends it ends nothing else. */
export async function startChild(module: string): Promise<TargetChild> {
  const child = fork(CHILD, [module], {
    execArgv: ['--max-old-space-size=512', '--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT);
    });
  }
  const died = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve({ kind: 'died', detail: `${signal ?? `exit code ${code}`}\n${output}` }),
    );
  });
  const opened = await Promise.race([message(child, (said) => said === 'open'), died, after(OPEN_MS)]);
  if (opened !== 'open') {
    child.kill('SIGKILL');
    throw new Error(`${module} did not open: ${JSON.stringify(opened)}`);
  }
  let id = 0;
  return {
    async run(input, patienceMs) {
      id += 1;
      const ask: Ask = { id, input };
      const mine = id;
      const patience = new AbortController();
      const answered = message(child, (said) => (said as Answer).id === mine);
      child.send(ask, () => {});
      const ended = await Promise.race([answered, died, after(patienceMs, patience.signal)]);
      patience.abort();
      if (ended === null) return { kind: 'silent' };
      if (typeof ended === 'object' && 'kind' in ended) return ended as Ended;
      const { id: _, ...answer } = ended as Answer;
      return { kind: 'ran', ...answer };
    },
    async stop() {
      child.kill('SIGKILL');
      await died;
    },
  };
}

function message(child: ChildProcess, wanted: (said: unknown) => boolean): Promise<unknown> {
  return new Promise((resolve) => {
    const look = (said: unknown) => {
      if (!wanted(said)) return;
      child.off('message', look);
      resolve(said);
    };
    child.on('message', look);
  });
}

function after(ms: number, signal?: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ms);
    signal?.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
