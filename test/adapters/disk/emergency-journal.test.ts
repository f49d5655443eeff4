import { execFile } from 'node:child_process';
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { emergencyJournal } from '../../../src/adapters/disk/emergency-journal.ts';
import type { EmergencyDecision } from '../../../src/engine/ports/emergency-journal.ts';

let root: string;
let folder: string;
let file: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'serin-journal-'));
  folder = join(root, 'replica');
  file = join(folder, 'emergency.jsonl');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const decision = (id: string, reason = 'it burns'): EmergencyDecision => ({
  ...{ id, backend: 'shop', cluster: 'shop--v1', by: 'ops', reason, atMs: 1_000 },
});
const decided = (id: string, reason?: string) => ({ kind: 'decided', decision: decision(id, reason) }) as const;
const done = (id: string) => ({ kind: 'done', id, atMs: 2_000, outcome: 'aborted' }) as const;
const reload = () => emergencyJournal(folder).load();
const ids = ({ open }: Awaited<ReturnType<typeof reload>>) => open.map(({ id }) => id);

describe('the journal of emergencies', () => {
  it('F5: remembers over a restart what is not done, for nobody but its own user', async () => {
    const journal = emergencyJournal(folder);
    expect(await journal.load()).toEqual({ open: [], damage: [] });
    for (const line of [decided('a'), decided('b'), done('a')]) {
      expect(await journal.append(line)).toEqual({ kind: 'durable' });
    }
    expect(await reload()).toEqual({ open: [decision('b')], damage: [] });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  it('takes the rights away from others when somebody has given them', async () => {
    await emergencyJournal(folder).append(decided('a'));
    await chmod(file, 0o644);
    await emergencyJournal(folder).append(decided('b'));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('F1: a torn last line is as if it had never been written, and the next one stands by itself', async () => {
    const journal = emergencyJournal(folder);
    await journal.append(decided('a'));
    await journal.append(decided('b'));
    await truncate(file, (await stat(file)).size - 5);
    const after = emergencyJournal(folder);
    expect(await after.load()).toEqual({ open: [decision('a')], damage: [] });
    await after.append(decided('c'));
    expect(ids(await reload())).toEqual(['a', 'c']);
  });

  it('of many damaged lines the first are named and the rest counted: each is an entry of the log', async () => {
    await emergencyJournal(folder).append(decided('a'));
    await writeFile(file, `${await readFile(file, 'utf8')}${'no line of ours\n'.repeat(200_000)}`);
    const { damage, ...loaded } = await reload();
    expect(ids({ ...loaded, damage })).toEqual(['a']);
    expect(damage).toHaveLength(21);
    expect(damage.at(-1)).toContain('199980 more lines are damaged');
  });

  it('a damaged line is named and kept for people; the others count', async () => {
    const journal = emergencyJournal(folder);
    for (const id of ['a', 'b', 'c']) await journal.append(decided(id));
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"id":"b"', '"id":"x"'));
    const loaded = await reload();
    expect(ids(loaded)).toEqual(['a', 'c']);
    expect(loaded.damage).toEqual([expect.stringContaining('emergency.jsonl:2 ')]);
    expect(await readFile(`${file}.damaged`, 'utf8')).toContain('"id":"x"');
    expect(await reload()).toMatchObject({ damage: [] });
  });

  it('stays small: what is done is thrown away, what is open is not', async () => {
    const journal = emergencyJournal(folder);
    await journal.append(decided('open'));
    const long = 'x'.repeat(4_000);
    for (let i = 0; i < 80; i += 1) {
      await journal.append(decided(`n${i}`, long));
      await journal.append(done(`n${i}`));
    }
    expect((await stat(file)).size).toBeLessThan(270_000);
    expect(ids(await reload())).toEqual(['open']);
  });

  it('F32: a full disk is an answer, and the journal goes on when there is room', async () => {
    const journal = emergencyJournal(folder);
    await journal.append(decided('a'));
    const kept = await readFile(file);
    await rm(file);
    await symlink('/dev/full', file);
    expect(await journal.append(decided('b'))).toEqual({ kind: 'lost', detail: 'the disk is full' });
    expect((await emergencyJournal(folder).load()).damage).toEqual([expect.stringContaining('it is no file')]);
    await rm(file);
    await writeFile(file, kept);
    expect(await journal.append(decided('c'))).toEqual({ kind: 'durable' });
    expect(ids(await reload())).toEqual(['a', 'c']);
  });

  it('F32: so is a folder that cannot be made', async () => {
    await writeFile(join(root, 'in the way'), '');
    const journal = emergencyJournal(join(root, 'in the way', 'replica'));
    expect((await journal.append(decided('a'))).kind).toBe('lost');
    expect((await journal.load()).open).toEqual([]);
  });

  it('F32: half a line that still fitted is taken back, so that the next one is whole', async () => {
    const path = join(root, 'limited');
    const script = 'ulimit -f 1; exec "$0" --import tsx test/adapters/disk/append-under-limit.ts "$1"';
    const env = { ...process.env, TSX_DISABLE_CACHE: '1' };
    const ran = await promisify(execFile)('/bin/sh', ['-c', script, process.execPath, path], { env });
    expect(ran.stdout).toBe('the file may not grow');
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.slice(-2)).toEqual(['short', '']);
    expect(lines.slice(0, -2).every((line) => line.length > 200)).toBe(true);
    expect(lines.length).toBeGreaterThan(3);
  });

  it('reads nothing that is too large to be its own', async () => {
    await emergencyJournal(folder).append(decided('a'));
    await appendFile(file, Buffer.alloc(5_000_000, 'x'));
    expect((await reload()).damage).toEqual([expect.stringContaining('larger')]);
    expect(await readdir(folder)).toEqual(['emergency.jsonl']);
  });
});
