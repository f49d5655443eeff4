import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tailFile } from '../../../src/adapters/disk/tail-file.ts';
import { fakeClock } from '../../support/fake-clock.ts';
import { chain } from '../../support/kept-commits.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'serin-tail-'));
  folder = join(root, 'replica');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const clock = fakeClock();
const open = (bytes = 1_000_000) => tailFile({ folder, bytes, clock, logger: quiet });
const path = () => join(folder, 'tail');
const numbers = async (file = open()) => (await file.load()).map(({ n }) => n);

async function kept(words: readonly string[], bytes?: number) {
  const file = open(bytes);
  const commits = chain(words);
  for (const commit of commits) file.keep(commit);
  await file.close();
  return commits;
}

describe('the file of the tail', () => {
  it('F6: the next process has what this one has kept, byte for byte', async () => {
    const commits = await kept(['plain', 'two\nlines', 'Größe \u001e "quoted"', '']);
    const loaded = await open().load();
    expect(loaded.map((commit) => ({ ...commit, content: Buffer.from(commit.content) }))).toEqual(commits);
  });

  it('is for its user alone: it holds what the store holds', async () => {
    await kept(['a']);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    await chmod(path(), 0o644);
    const file = open();
    await file.load();
    file.keep(chain(['a', 'b'])[1] as never);
    await file.close();
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  it('is written at once, then at most four times a second, and nobody waits for it', async () => {
    const file = open();
    const [a, b, c] = chain(['a', 'b', 'c']) as [never, never, never];
    const written = async () => (await readFile(path(), 'utf8').catch(() => '')).match(/^\[\d+,/gm)?.length ?? 0;
    const soon = async (count: number) =>
      waitFor(
        async () => {
          // A disk takes its time, which the clock of the test knows nothing of.
          await clock.advance(0);
          return (await written()) === count;
        },
        { what: `${count} commits` },
      );
    file.keep(a);
    await soon(1);
    file.keep(b);
    file.keep(c);
    await clock.advance(200);
    expect(await written()).toBe(1);
    await clock.advance(50);
    await soon(3);
    await file.close();
  });

  it('goes on behind what is there', async () => {
    await kept(['a', 'b']);
    const file = open();
    await file.load();
    for (const commit of chain(['a', 'b', 'c', 'd']).slice(2)) file.keep(commit);
    await file.close();
    expect(await numbers()).toEqual([1, 2, 3, 4]);
  });

  it.each([
    ['in its first line', (raw: Buffer) => raw.subarray(0, raw.byteLength - 330)],
    ['in what it says', (raw: Buffer) => raw.subarray(0, raw.byteLength - 5)],
    ['before its end', (raw: Buffer) => raw.subarray(0, raw.byteLength - 1)],
  ])('a commit that a crash has torn %s is left out, and does not hide the next one', async (_, tear) => {
    await kept(['a', 'b', 'c'.repeat(200)]);
    await writeFile(path(), tear(await readFile(path())));
    const file = open();
    expect(await numbers(file)).toEqual([1, 2]);
    file.keep(chain(['a', 'b', 'c'])[2] as never);
    await file.close();
    expect(await numbers()).toEqual([1, 2, 3]);
  });

  it('a commit that says something else than it did ends it', async () => {
    await kept(['a', 'bbbbbb', 'c']);
    await writeFile(path(), (await readFile(path(), 'utf8')).replace('bbbbbb', 'bbbbbX'));
    expect(await numbers()).toEqual([1]);
  });

  it('what is no tail is as none', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(path(), 'something\nelse\n');
    expect(await numbers()).toEqual([]);
    await appendFile(path(), Buffer.alloc(40_000_000));
    expect(await numbers()).toEqual([]);
    await rm(path());
    await symlink('/dev/zero', path());
    expect(await numbers()).toEqual([]);
  });

  it('is bounded: at least so much is kept, and not much more than twice as much', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `${i}`.repeat(100));
    const commits = chain(words);
    const bytes = 4_000;
    let file = open(bytes);
    for (const commit of commits) {
      file.keep(commit);
      await file.close();
      file = open(bytes);
      await file.load();
    }
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(3 * bytes);
    const loaded = await numbers(file);
    expect(loaded.at(-1)).toBe(60);
    expect(loaded).toEqual(Array.from({ length: loaded.length }, (_, i) => 61 - loaded.length + i));
  });

  it('F32: a disk that does not take it stops nothing, is counted, and is made up for', async () => {
    await writeFile(folder, 'no folder');
    const file = open();
    let failures = 0;
    file.onFailure(() => {
      failures += 1;
    });
    const [a, b] = chain(['a', 'b']) as [never, never];
    file.keep(a);
    await clock.advance(0);
    await waitFor(() => failures > 0, { what: 'a failure' });
    await rm(folder);
    file.keep(b);
    await file.close();
    expect(await numbers()).toEqual([1, 2]);
  });
});
