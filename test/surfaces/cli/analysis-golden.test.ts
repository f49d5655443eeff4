import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-golden-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(text: string, ...flags: string[]) {
  const path = join(folder, 'table.json');
  await writeFile(path, text);
  return commandLine('').run('analysis', 'golden', path, ...flags);
}

const tilt = (x: unknown) => ({ judge: 'tilt', cases: [{ input: { x, n: 10, q: 0.05, d: 1.6 } }] });

describe('serin analysis golden', () => {
  it('prints one object with a value per group, or one per case', async () => {
    const srm = { judge: 'srm', input: { canary: 700, total: 12_000, w: 0.05, tolerance: 1.1 } };
    const table = { version: 1, tolerance: {}, groups: { tilt_kernel: tilt(3), srm_tolerance_10pct: srm } };
    const { code, stdout, stderr } = await run(JSON.stringify(table), '-o', 'json');
    expect([code, stderr]).toEqual([0, '']);
    const { groups } = JSON.parse(stdout) as { groups: Record<string, unknown> };
    expect(groups.tilt_kernel).toEqual([expect.closeTo(2.996373429147529, 12)]);
    expect(groups.srm_tolerance_10pct).toMatchObject({ logE: expect.closeTo(-2.2110844282714854, 12) });
  });

  it('answers the whole published table', async () => {
    const published = await readFile(new URL('../../fixtures/golden/golden.json', import.meta.url), 'utf8');
    const { code, stdout } = await run(published, '-o', 'json');
    expect(code).toBe(0);
    const wanted = JSON.parse(published) as { groups: object };
    expect(Object.keys((JSON.parse(stdout) as { groups: object }).groups)).toEqual(Object.keys(wanted.groups));
  });

  it('shows people a line per group', async () => {
    const { code, stdout } = await run(JSON.stringify({ groups: { tilt_kernel: tilt(0) } }));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tilt_kernel \[-1\.8/);
  });

  it('refuses a bad table with the place of the mistake, and prints nothing', async () => {
    const { code, stdout, stderr } = await run(
      JSON.stringify({ groups: { tilt_kernel: tilt('three') } }, null, 2),
      '-o',
      'json',
    );
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/table\.json:8:18: SERIN_ANALYSIS_FILE_INVALID groups\.tilt_kernel\.cases\[0\]\.input\.x: /);
  });

  it.each([
    ['what is no JSON', '{"groups": {', /no JSON/],
    ['a table without groups', '{"version": 1}', /groups/],
    ['a list', '[]', /expected an object/],
    ['an unknown group', '{"groups": {"elsewhere": {"input": {}}}}', /elsewhere/],
  ])('refuses %s', async (_, text, words) => {
    const { code, stdout, stderr } = await run(text);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(words);
  });
});
