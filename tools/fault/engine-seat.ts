import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers, freePort, type RunningProcess, startProcess, waitFor } from '../../test/support/processes.ts';

/** What an engine promises for its end. */
const DRAIN_MS = 26_000;

/** One of the replicas: it is ended and started again, its address stays. */
export interface EngineSeat {
  readonly name: string;
  readonly server: string;
  readonly xdsPort: number;
  /** Ready, and not told to die. */
  isUp(): boolean;
  /** When a process of it ended, whatever the reason, epoch ms. */
  readonly ends: readonly number[];
  /** `null` while it is down. */
  process(): RunningProcess | null;
  /** Starts it with a crash point; resolves when it is ready, or has ended before that. */
  start(crashPoint: string | null): Promise<'ready' | 'ended'>;
  /** SIGTERM; resolves when it has drained and gone. */
  end(): Promise<void>;
  close(): Promise<void>;
}

export async function engineSeat(options: {
  readonly name: string;
  readonly folder: string;
  readonly program: readonly string[];
  /** Lines of `serin.yaml`, all but its own ports. */
  readonly config: string;
  /** An engine that ended, or did not end, of its own accord. */
  readonly onOwnEnd: (words: string) => void;
}): Promise<EngineSeat> {
  const { name, folder, program } = options;
  const [httpPort, xdsPort] = [await freePort(), await freePort()];
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, `${options.config}http: { port: ${httpPort} }\nxds: { port: ${xdsPort} }\n`);
  const server = `http://127.0.0.1:${httpPort}`;
  let running: RunningProcess | null = null;
  let ready = false;
  let told = false;
  const ends: number[] = [];
  const end = async () => {
    told = true;
    const own = running;
    own?.signal('SIGTERM');
    const isGone = () => own?.exited() !== false;
    await waitFor(isGone, { timeoutMs: DRAIN_MS }).catch(() => {
      options.onOwnEnd(`${name} has not drained within ${DRAIN_MS / 1000} s: ${own?.output().slice(-2_000)}`);
    });
    await own?.kill();
  };
  return {
    name,
    server,
    xdsPort,
    ends,
    isUp: () => ready && running?.exited() === false,
    process: () => running,
    async start(crashPoint) {
      ready = false;
      told = false;
      const own = await startProcess({
        command: process.execPath,
        args: [...program, 'serve', '--config', file],
        env: { NODE_ENV: 'test', SERIN_CRASH_POINT: crashPoint ?? '' },
      });
      running = own;
      void own.ended.then((code) => {
        ends.push(Date.now());
        if (code === null || (told && code === 0)) return;
        options.onOwnEnd(`${name} ended by itself with ${code}: ${own.output().slice(-2_000)}`);
      });
      while (!own.exited()) {
        if (await answers(`${server}/readyz`)) {
          ready = true;
          return 'ready';
        }
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      return 'ended';
    },
    end,
    close: end,
  };
}
