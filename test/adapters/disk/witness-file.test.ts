import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { witnessFile } from '../../../src/adapters/disk/witness-file.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'serin-witness-'));
  folder = join(root, 'replica');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const clock = fakeClock();
const open = (store = 'redis-1:6379/0') => witnessFile({ folder, store, clock, logger: quiet });
const point = (n: number, epoch = 'e') => ({ epoch, n, hash: `h${n}` });
const file = () => readFile(join(folder, 'witness'), 'utf8');

describe('the witness file', () => {
  it('F6: the next process knows what this one has seen', async () => {
    const one = open();
    expect(await one.load()).toEqual({ kind: 'ok', value: null });
    one.saw(point(7));
    await one.close();
    expect(await open().load()).toEqual({ kind: 'ok', value: point(7) });
    expect((await stat(join(folder, 'witness'))).mode & 0o777).toBe(0o600);
  });

  it('is written at once, then at most once a second, with the newest', async () => {
    const one = open();
    one.saw(point(1));
    await clock.advance(0);
    await waitFor(async () => (await file().catch(() => '')).includes('"n":1,'), { what: 'the first' });
    one.saw(point(2));
    one.saw(point(3));
    await clock.advance(900);
    expect(await file()).toContain('"n":1,');
    await clock.advance(100);
    await waitFor(async () => (await file()).includes('"n":3,'), { what: 'the newest' });
    await one.close();
  });

  it('F6: another store is not held against this one, and not frozen by it', async () => {
    const one = open();
    one.saw(point(7));
    await one.close();
    const other = await open('redis-2:6379/0').load();
    expect(other).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_CONFIG_INVALID', message: expect.stringMatching(/redis-1:6379\/0.*redis-2:6379\/0/) }],
    });
  });

  it('one that is damaged or no file is as none', async () => {
    const one = open();
    one.saw(point(7));
    await one.close();
    const path = join(folder, 'witness');
    await writeFile(path, (await file()).replace('"n":7', '"n":6'));
    expect(await open().load()).toEqual({ kind: 'ok', value: null });
    await rm(path);
    await symlink('/dev/zero', path);
    expect(await open().load()).toEqual({ kind: 'ok', value: null });
  });

  it('F32: a full disk stops nothing; it is counted, and written when there is room', async () => {
    await mkdir(folder);
    await symlink('/dev/full', join(folder, 'witness.new'));
    const one = open();
    let failures = 0;
    one.onFailure(() => {
      failures += 1;
    });
    one.saw(point(7));
    await clock.advance(0);
    await waitFor(() => failures === 1, { what: 'the failure' });
    await rm(join(folder, 'witness.new'));
    await clock.settle();
    await clock.advance(1_000);
    await waitFor(async () => (await file().catch(() => '')).includes('"n":7,'), { what: 'the witness' });
    await one.close();
    expect(failures).toBe(1);
  });
});
