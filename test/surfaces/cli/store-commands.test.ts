import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { apiServer } from '../../support/api-server.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { type FakeStore, fakeStore } from '../../support/fake-store.ts';
import { backendState } from '../../support/rollouts.ts';

let folder: string;
let store: FakeStore;
let cli: CommandLine;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-cli-'));
  store = fakeStore(fakeClock());
  const state = backendState({ rolloutId: null });
  await store.records.commit({
    ...EMPTY_COMMIT,
    reads: [{ key: `backend/${state.backend}`, rev: 0 }],
    writes: [{ key: `backend/${state.backend}`, body: state }],
  });
  cli = commandLine('', { withStore: (_options, work) => work(store.archive) });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('serin store export', () => {
  it('writes a file that only its owner can read', async () => {
    const file = join(folder, 'backup.jsonl');
    const ran = await cli.run('store', 'export', '-f', file);
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(4);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  it('writes to standard output what import reads', async () => {
    const { stdout } = await cli.run('store', 'export');
    const other = fakeStore(fakeClock());
    const target = commandLine('', { withStore: (_options, work) => work(other.archive), readStdin: () => stdout });
    expect(await target.run('store', 'import', '-f', '-')).toMatchObject({ code: 0 });
    expect((await target.run('store', 'export')).stdout.split('\n')[1]).toBe(stdout.split('\n')[1]);
  });

  it('writes nothing when a record cannot be read', async () => {
    store.faults.corrupt('backend/checkout');
    const ran = await cli.run('store', 'export');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('record:backend/checkout');
  });

  it('says when the file cannot be written', async () => {
    const ran = await cli.run('store', 'export', '-f', join(folder, 'no', 'such', 'folder'));
    expect(ran.code).toBe(2);
  });

  it('says when the store is away', async () => {
    store.faults.setDown(true);
    expect((await cli.run('store', 'export')).code).toBe(6);
  });
});

describe('serin store import', () => {
  it('refuses a store that is in use, and replaces it when told', async () => {
    const file = join(folder, 'backup.jsonl');
    await cli.run('store', 'export', '-f', file);
    const refused = await cli.run('store', 'import', '-f', file);
    expect(refused.code).toBe(8);
    expect(refused.stderr).toContain('--replace');
    const done = await cli.run('-o', 'json', 'store', 'import', '-f', file, '--replace');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ epoch: expect.any(String), count: { records: 1 } });
  });

  it('changes nothing when the export does not make a sound store', async () => {
    await store.records.commit({
      ...EMPTY_COMMIT,
      reads: [{ key: 'rollout/r9', rev: 0 }],
      writes: [{ key: 'rollout/r9', body: { half: true } }],
    });
    const { stdout } = await cli.run('store', 'export');
    const other = fakeStore(fakeClock());
    const target = commandLine('', { withStore: (_options, work) => work(other.archive), readStdin: () => stdout });
    const ran = await target.run('store', 'import', '-f', '-');
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('record:rollout/r9');
    expect(other.commits()).toBe(0);
  });

  it('needs a file that is there', async () => {
    expect((await cli.run('store', 'import')).code).toBe(2);
    expect((await cli.run('store', 'import', '-f', join(folder, 'none'))).code).toBe(2);
  });
});

describe('serin store verify', () => {
  it('says that a store is sound', async () => {
    expect(await cli.run('store', 'verify')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 records') });
  });

  it('names what is wrong, and ends with 1', async () => {
    store.faults.corrupt('backend/checkout');
    const ran = await cli.run('-o', 'json', 'store', 'verify');
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ sound: false, damage: [{ where: 'record:backend/checkout' }] });
    expect((await cli.run('store', 'verify')).stdout).toContain('record:backend/checkout: the body is not JSON');
  });

  it('checks an export without a store', async () => {
    const file = join(folder, 'backup.jsonl');
    await cli.run('store', 'export', '-f', file);
    expect((await commandLine('').run('store', 'verify', '-f', file)).code).toBe(0);
    await writeFile(file, `${(await readFile(file, 'utf8')).trimEnd()} \n`);
    expect((await commandLine('').run('store', 'verify', '-f', file)).code).toBe(0);
    await writeFile(file, 'cut');
    expect((await commandLine('').run('store', 'verify', '-f', file)).code).toBe(2);
  });
});

describe('serin store reconcile', () => {
  const served = async (engine = fakeEngine()) => {
    const server = await apiServer(engine);
    onTestFinished(() => server.close());
    return { engine, line: commandLine(server.url) };
  };

  it.each([
    ['--adopt', 'adopt'],
    ['--stable', 'stable'],
    ['--replay', 'replay'],
  ])('%s asks the engine', async (flag, mode) => {
    const { engine, line } = await served();
    const ran = await line.run('store', 'reconcile', flag);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('lost commits') });
    expect(engine.calls).toEqual([['reconcileStore', { mode, by: 'local' }]]);
  });

  it('prints what was done, and which documents are missing', async () => {
    const value = {
      ...{ mode: 'stable' as const, freeze: 'why', replayed: null, routes: ['shop'] },
      backends: [{ backend: 'checkout', summary: 'v1 is stable' }],
    };
    const { line } = await served(fakeEngine({ reconcileStore: async () => ok(value) }));
    const ran = await line.run('store', 'reconcile', '--stable');
    expect(ran.stdout).toBe('reconciled: why\ncheckout: v1 is stable\n');
    expect(ran.stderr).toContain('shop');
    const json = await line.run('-o', 'json', 'store', 'reconcile', '--stable');
    expect(JSON.parse(json.stdout)).toEqual(value);
  });

  it('wants one way, not none and not both', async () => {
    const { engine, line } = await served();
    expect((await line.run('store', 'reconcile')).code).toBe(2);
    for (const other of ['--adopt', '--stable']) {
      expect((await line.run('store', 'reconcile', '--replay', other)).code).toBe(2);
    }
    expect((await line.run('store', 'reconcile', '--adopt', '--stable')).code).toBe(2);
    expect(engine.calls).toEqual([]);
  });

  it('says which commits were written again', async () => {
    const value = { mode: 'replay' as const, freeze: 'why', replayed: { from: 12, to: 14 }, backends: [], routes: [] };
    const { line } = await served(fakeEngine({ reconcileStore: async () => ok(value) }));
    const ran = await line.run('store', 'reconcile', '--replay');
    expect(ran.stdout).toBe('reconciled: why\nwritten again: commits 12 to 14\n');
  });

  it('names what is missing, and the other ways', async () => {
    const refused = fail('SERIN_REPLAY_REFUSED', 'this engine has not kept commits 15 to 17, which others have seen');
    const { line } = await served(fakeEngine({ reconcileStore: async () => refused }));
    const ran = await line.run('store', 'reconcile', '--replay');
    expect(ran.code).toBe(8);
    expect(ran.stderr).toMatch(/commits 15 to 17[\s\S]*--adopt or --stable/);
  });

  it('ends with 8 when there is nothing to reconcile', async () => {
    const refused = fail('SERIN_CONFLICT', 'the store is not frozen');
    const { line } = await served(fakeEngine({ reconcileStore: async () => refused }));
    expect((await line.run('store', 'reconcile', '--adopt')).code).toBe(8);
  });
});
