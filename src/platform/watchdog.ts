import { Worker } from 'node:worker_threads';

const STALL_MS = 30_000;
const BEATS_PER_STALL = 30;

/**
 * Runs in a thread of its own, so a stalled event loop does not stall it. It counts its own ticks and not the time: a
 * process that was stopped from outside and goes on has missed its ticks here as well, and is not stalled.
 */
const WATCH = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const beats = new Int32Array(workerData.buffer);
let last = -1;
let still = 0;
setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === last ? still + 1 : 0;
  last = now;
  if (still < workerData.limit) return;
  const msg = 'the event loop stands still, the process ends so that it can be started anew';
  writeSync(1, JSON.stringify({ level: 60, time: Date.now(), msg, stalledMs: still * workerData.tickMs }) + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, workerData.tickMs);
`;

/** Ends this process when its event loop has not come round for so long (F33). */
export function startWatchdog(stallMs = STALL_MS): { stop(): Promise<void> } {
  const tickMs = stallMs / BEATS_PER_STALL;
  const buffer = new SharedArrayBuffer(4);
  const beats = new Int32Array(buffer);
  const heart = setInterval(() => Atomics.add(beats, 0, 1), tickMs / 2);
  const worker = new Worker(WATCH, {
    eval: true,
    execArgv: [],
    workerData: { buffer, tickMs, limit: BEATS_PER_STALL },
  });
  heart.unref();
  worker.unref();
  return {
    async stop() {
      clearInterval(heart);
      await worker.terminate();
    },
  };
}
