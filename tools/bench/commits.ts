import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { binaryPath } from '../../test/support/binaries.ts';
import { type Undo, undoAll } from '../../test/support/installation.ts';
import { freePort, startProcess } from '../../test/support/processes.ts';
import { percentile } from './percentile.ts';
import { startTool } from './start-tool.ts';

/**
 * `npm run bench:commits [-- --seconds 10]`: how many commits of a rollout's tick (two records read, one of some 3 KB
 * written, an event, a due time) a Redis takes, with each write on disk before its answer (`appendfsync always`) and
 * once a second (`everysec`). From 1 and 3 clients, each a process with a store of its own as a replica has it and 16
 * rollouts under way; all look after the same 64 rollouts, so that some lose their race and read again, which is the
 * conflict rate. Replicas that share work by leases lose far fewer.
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const SECONDS = Number(values.seconds);

async function measure(appendfsync: 'always' | 'everysec', clients: number, folder: string, undo: Undo[]) {
  const port = await freePort();
  const redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
      ...['--appendfsync', appendfsync, '--maxmemory-policy', 'noeviction'],
    ],
    ready: (output) => output.includes('Ready to accept connections'),
  });
  undo.push(() => redis.stop());
  const untilMs = Date.now() + 3_000 + SECONDS * 1_000;
  const running = await Promise.all(
    Array.from({ length: clients }, async () => {
      const [client, said] = await startTool('tools/bench/commits/client.ts', [
        ...[String(port), String(untilMs - SECONDS * 1_000), String(untilMs)],
      ]);
      undo.push(() => client.stop());
      return said;
    }),
  );
  const sum = (name: string) => running.reduce((total, said) => total + (said[name] ?? 0), 0);
  const [committed, conflicts] = [sum('committed'), sum('conflicts')];
  return {
    appendfsync,
    clients,
    commitsPerS: Math.round(committed / SECONDS),
    conflictPct: Math.round((conflicts / (committed + conflicts)) * 1_000) / 10,
    commitMsP50: percentile(
      running.map(({ p50Ms }) => p50Ms ?? Number.NaN),
      0.5,
    ),
    commitMsP99: Math.max(...running.map(({ p99Ms }) => p99Ms ?? Number.NaN)),
  };
}

const runs: Awaited<ReturnType<typeof measure>>[] = [];
for (const appendfsync of ['always', 'everysec'] as const) {
  for (const clients of [1, 3]) {
    const undo: Undo[] = [];
    const folder = mkdtempSync(join(tmpdir(), 'serin-commits-'));
    undo.push(async () => rmSync(folder, { recursive: true, force: true }));
    try {
      runs.push(await measure(appendfsync, clients, folder, undo));
    } finally {
      await undoAll(undo, (line) => console.error(line));
    }
  }
}
console.table(runs);
console.log(JSON.stringify({ runs }));
