#!/usr/bin/env node
// Entry of `npm test` and `npm run demo`: plain Node, because it runs before anything is installed.
import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { BIN, fetchBinaries } from './setup/binaries.mjs';
import { installPackages } from './setup/packages.mjs';

const [task, ...rest] = process.argv.slice(2);
const TASKS = {
  test: ['tools/checks.ts'],
  demo: ['tools/demo/main.ts'],
  'bench:start': ['tools/bench/start.ts'],
  'bench:traffic': ['tools/bench/traffic.ts'],
  'bench:scale': ['tools/bench/scale.ts'],
  'bench:abort': ['tools/bench/abort.ts'],
  'bench:commits': ['tools/bench/commits.ts'],
  'bench:judge': ['tools/bench/judge.ts'],
  'bench:fanout': ['tools/bench/fanout.ts'],
  'bench:steps': ['tools/bench/steps.ts'],
  'bench:fanout-server': ['tools/bench/fanout-server.ts'],
  'bench:streams': ['tools/bench/streams.ts'],
  sim: ['tools/sim/main.ts'],
  'soak:aa': ['tools/bench/aa-soak.ts'],
  'soak:streams': ['tools/bench/soak-streams.ts'],
  fuzz: ['tools/fuzz/main.ts'],
  fault: ['tools/fault/main.ts'],
  soak: ['tools/soak/main.ts'],
};
const script = TASKS[task];
if (script === undefined) {
  console.error(`usage: node tools/run.mjs ${Object.keys(TASKS).join('|')}`);
  process.exit(2);
}
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM']) process.on(signal, () => stopping.abort());
try {
  await installPackages(stopping.signal);
  await fetchBinaries(stopping.signal);
  stopping.signal.throwIfAborted();
} catch (error) {
  if (!stopping.signal.aborted) throw error;
  console.error('\nstopped while setting up; the same command starts over');
  process.exit(130);
}
const child = spawn(process.execPath, ['--import', 'tsx', ...script, ...rest], {
  stdio: 'inherit',
  env: { ...process.env, PATH: `${process.env.PATH}${delimiter}${BIN}` },
});
// A terminal's Ctrl-C, or its end, reaches the child by itself; it ends what it started, and we wait for that.
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('exit', (code) => process.exit(code ?? 1));
