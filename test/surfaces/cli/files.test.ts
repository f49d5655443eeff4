import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSources } from '../../../src/surfaces/cli/files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (...names: string[]): string => join(folder, ...names);
const read = (...paths: string[]) => readSources(paths, () => 'piped');

/** What is left of the paths, without the folder; or the refusal. */
function outcome(...paths: string[]): unknown {
  const sources = read(...paths);
  if (sources.kind === 'error') return sources.errors.map(({ code, message }) => [code, message]);
  return sources.value.map(({ file, text }) => [file.replace(`${folder}/`, ''), text]);
}

describe('files', () => {
  it('come in the order they are named in', async () => {
    await writeFile(at('b.yaml'), 'b');
    await writeFile(at('a.txt'), 'a');
    expect(outcome(at('b.yaml'), '-', at('a.txt'))).toEqual([
      ['b.yaml', 'b'],
      ['-', 'piped'],
      ['a.txt', 'a'],
    ]);
  });

  it('of a folder are its YAML files by name, and nothing below', async () => {
    for (const name of ['b.yml', 'a.yaml', 'notes.txt', 'c.yaml.bak', '.yaml']) await writeFile(at(name), name);
    await mkdir(at('more.yaml'));
    await writeFile(at('more.yaml', 'd.yaml'), 'd');
    await symlink(at('notes.txt'), at('z.yaml'));
    expect(outcome(folder)).toEqual([
      ['.yaml', '.yaml'],
      ['a.yaml', 'a.yaml'],
      ['b.yml', 'b.yml'],
      ['z.yaml', 'notes.txt'],
    ]);
  });

  it('of a folder without any are an error', async () => {
    await writeFile(at('notes.txt'), '');
    expect(outcome(folder)).toEqual([['SERIN_REQUEST_INVALID', `there is no YAML file in ${folder}`]]);
  });

  it.each([
    ['that is not there', 'none.yaml', 'there is no file'],
    ['below a file', 'a.yaml/b.yaml', ''],
    ['with an impossible name', 'a\u0000b', 'cannot be read'],
  ])('%s are an error that names the path', async (_, name, said) => {
    await writeFile(at('a.yaml'), '');
    const sources = read(at(name));
    expect(sources).toMatchObject({
      kind: 'error',
      errors: [{ code: 'SERIN_REQUEST_INVALID', message: expect.stringContaining(said), hint: 'Check the path.' }],
    });
    expect(sources.kind === 'error' && sources.errors[0]?.message).toContain(at(name));
  });

  it('that lead nowhere are an error that names the file, not only its folder', async () => {
    await symlink(at('gone'), at('a.yaml'));
    expect(outcome(folder)).toEqual([['SERIN_REQUEST_INVALID', `${at('a.yaml')} cannot be read`]]);
  });

  it('of standard input that is closed are an error', () => {
    const closed = readSources(['-'], () => {
      throw new Error('EAGAIN');
    });
    expect(closed).toMatchObject({ kind: 'error', errors: [{ message: 'standard input cannot be read' }] });
  });

  it('of 10 MB are refused', async () => {
    await writeFile(at('big.yaml'), Buffer.alloc(10 * 1024 * 1024, 'x'));
    expect(outcome(at('big.yaml'))).toEqual([['SERIN_YAML_TOO_LARGE', `${at('big.yaml')} is larger than 256 KiB`]]);
    expect(outcome(folder)).toEqual(outcome(at('big.yaml')));
  });

  it('may be 200 and no more', async () => {
    await writeFile(at('a.yaml'), '');
    const paths = Array.from({ length: 200 }, () => at('a.yaml'));
    expect(read(...paths).kind).toBe('ok');
    expect(outcome(...paths, at('a.yaml'))).toEqual([['SERIN_REQUEST_INVALID', 'more than 200 files']]);
  });

  it('may come from a pipe of the shell', () => {
    const script = `import('./src/surfaces/cli/files.ts').then(({ readSources }) => {
      const read = readSources([process.argv[1]], () => '');
      console.log(read.kind === 'ok' ? read.value[0].text : read.errors[0].message);
    })`;
    const command = `${process.execPath} --import tsx -e "$1" <(echo from a pipe)`;
    expect(execFileSync('bash', ['-c', command, 'bash', script], { encoding: 'utf8' }).trim()).toBe('from a pipe');
  });
});
