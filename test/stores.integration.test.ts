import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startEmbeddedRedis } from '../src/adapters/store/embedded-redis.ts';
import { SCHEMA } from '../src/core/model/schema.ts';
import { exportText } from '../src/engine/store-export.ts';
import { serin } from './support/cli.ts';
import { freePort } from './support/processes.ts';
import { PROGRAM } from './support/program.ts';
import { quiet } from './support/quiet-logger.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-stores-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const target = { server: 'http://127.0.0.1:1', program: PROGRAM };
const store = (...args: readonly string[]) => serin(target, ['store', ...args]);
const LINES = [{ kind: 'record', key: 'fence/documents', rev: 4, order: 1, body: {}, schema: '2' }] as const;
const EXPORT = exportText({ schema: SCHEMA, epoch: 'e', takenAtMs: 1, lines: LINES, damage: [] }).join('');

it('works on the store of `serin dev`, whether that runs or not', { timeout: 60_000 }, async () => {
  // given
  const data = join(folder, 'store');
  const file = join(folder, 'backup.jsonl');
  await writeFile(file, EXPORT);
  const started = await startEmbeddedRedis({ dir: data, searchFolders: [resolve('.tools/bin')], logger: quiet });
  if (started.kind !== 'started') throw new Error(started.detail);
  // when it runs
  expect((await store('import', '-f', file, '--data', data)).code).toBe(0);
  expect((await store('verify', '--data', data)).code).toBe(0);
  await started.redis.stop();
  // when it does not
  const exported = await store('export', '--data', data);
  expect(exported.code).toBe(0);
  expect(exported.stdout.split('\n')[1]).toBe(EXPORT.split('\n')[1]);
});

it('says so when there is no store', { timeout: 60_000 }, async () => {
  const missing = await store('verify', '--data', join(folder, 'nowhere'));
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('nowhere');
  const config = join(folder, 'serin.yaml');
  await writeFile(config, `redis: { url: "redis://127.0.0.1:${await freePort()}" }\n`);
  const away = await store('export', '--config', config);
  expect(away.code).toBe(6);
  expect(away.stderr).toContain('SERIN_STORE_UNAVAILABLE');
});
