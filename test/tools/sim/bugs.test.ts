import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BUGS } from '../../../tools/sim/bugs.ts';

it.each(BUGS)('the place of bug $name is in $file once', ({ file, find, replace }) => {
  expect(readFileSync(file, 'utf8').split(find)).toHaveLength(2);
  expect(replace).not.toBe(find);
});

// Each from a seed that shows it soon.
it.each([
  ['no-fence', 1],
  ['due-lost-with-its-lease', 1],
  ['routes-before-clusters', 7],
])(
  'the simulation catches %s',
  (name, seed) => {
    const from = ['--seed', String(seed), '--schedules', '40'];
    const args = ['--import', 'tsx', 'tools/sim/main.ts', '--bug', name, ...from];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ violations: expect.any(Number) });
    expect(status).toBe(1);
  },
  130_000,
);

it('every planted bug is in the documentation', () => {
  const text = readFileSync('docs/simulation.md', 'utf8');
  expect(BUGS.filter(({ name, what }) => !text.includes(`\`${name}\``) || !text.includes(what))).toEqual([]);
});
