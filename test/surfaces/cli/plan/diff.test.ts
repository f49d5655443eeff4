import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../../support/command-line.ts';

const plan = (steps: string, more = '') => `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { steps: ${steps} }
${more}---
apiVersion: serin.dev/v1
kind: Backend
metadata: { name: shop }
spec: { endpoints: { dns: "shop-{{ revision }}:8080" }, initial: v41 }
---
apiVersion: serin.dev/v1
kind: Route
metadata: { name: shop }
spec: { fleet: edge, hostnames: [shop.example.com], rules: [{ name: all, backend: shop, timeout: 5s }] }
`;
const STEPS = '[{ name: one, weight: 1, hold: 5m }, { name: ha..lf, weight: 50, hold: 5m, approve: true }]';

let folder: string;
let [old, now, same, other]: readonly [string, string, string, string] = ['', '', '', ''];
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-diff-'));
  old = file('old.yaml', plan(STEPS, '  deadline: 2h\n'));
  same = file('same.yaml', plan(STEPS, '  deadline: 120m\n'));
  now = file(
    'now.yaml',
    plan(
      '[{ name: one, weight: 1, hold: 10m }, { name: ten, weight: 10 }, { name: ha..lf, weight: 40, hold: 5m, approve: true }]',
      '  deadline: 4h\n',
    ),
  );
  other = file('other.yaml', plan(STEPS).replace('name: shop }\nspec:\n', 'name: other }\nspec:\n'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const diff = (...args: readonly string[]) =>
  commandLine('', { readStdin: () => plan(STEPS) }).run('plan', 'diff', ...args);

describe('serin plan diff refuses', () => {
  it.each([
    ['a file that is not there', () => [join(folder, 'none.yaml')], 'there is no file'],
    ['a file that is wrong', () => [file('wrong.yaml', plan('[{ weight: 101 }]'))], 'wrong.yaml:6:'],
    ['a second file that is wrong', () => [old, file('wrong.yaml', plan('[{ weight: 101 }]'))], 'wrong.yaml:6:'],
    ['a second file with another plan', () => [old, other], 'there is no plan shop in these files'],
    ['one step', () => [old, '--step', '1'], '"1" names no two steps'],
    ['a step that there is not', () => [old, '--step', '1..7'], 'the plan has no step "7"'],
    ['steps of two files', () => [old, now, '--step', '1..2'], 'two files are compared in all their steps'],
    ['standard input twice', () => ['-', '-'], 'standard input can be read only once'],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await diff(...args());
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(message)]);
  });
});

describe('serin plan diff of one file', () => {
  it('says what each step changes', async () => {
    const { code, stdout } = await diff(old);
    expect(code).toBe(0);
    expect(stdout).toBe(`shop: 0 (before) → 1 (one)
  step one: weight 0 % → 1 %
  step one: hold nothing → 5m
  step one: approve nothing → no
shop: 1 (one) → 2 (ha..lf)
  step ha..lf: weight 1 % → 50 %
  step ha..lf: approve no → yes
shop: 2 (ha..lf) → promoted
  promoted: weight 50 % → 100 %
  promoted: hold 5m → nothing
  promoted: approve yes → nothing
`);
  });

  it('takes two steps, in any order and by names with dots', async () => {
    const [ahead, back] = [await diff(old, '--step', '1..ha..lf'), await diff(old, '--step', 'ha..lf..1')];
    expect(ahead.stdout).toContain('weight 1 % → 50 %');
    expect(back.stdout).toContain('weight 50 % → 1 %');
    expect((await diff(old, '--step', '2..promoted')).stdout).toContain('weight 50 % → 100 %');
  });

  it('shows in the resources what it says in words', async () => {
    const { stdout } = await diff(old, '--step', '1..2', '--resources');
    expect(stdout).toContain('\n--- fleet edge, 1 (one)\n+++ fleet edge, 2 (ha..lf)\n@@ -');
    expect(stdout).toMatch(/^- +"weight": 9900\n\+ +"weight": 5000$/m);
    expect(stdout.match(/^[-+] /gm)).toHaveLength(4);
  });
});

describe('serin plan diff of two files', () => {
  it('says what differs, with a code for it only where it is asked for', async () => {
    const { code, stdout } = await diff(old, now);
    expect(code).toBe(0);
    expect(stdout).toBe(`shop: ${old} → ${now}
  plan: deadline 2h → 4h
  step one: hold 5m → 10m
  step ten is new: weight 10 %
  step ha..lf: weight 50 % → 40 %
`);
    expect((await diff(old, now, '--exit-code')).code).toBe(9);
  });

  it('says that nothing differs', async () => {
    const { code, stdout } = await diff(old, same, '--exit-code', '--resources');
    expect([code, stdout]).toEqual([0, `shop: ${old} → ${same}: nothing differs\n`]);
  });

  it('finds in the resources what the plan does not say', async () => {
    const route = file('route.yaml', plan(STEPS, '  deadline: 2h\n').replace('timeout: 5s', 'timeout: 7s'));
    expect((await diff(old, route, '--exit-code')).code).toBe(0);
    const { code, stdout } = await diff(old, route, '--exit-code', '--resources');
    expect(code).toBe(9);
    for (const step of ['before', 'step one', 'step ha..lf', 'promoted'])
      expect(stdout).toContain(`--- fleet edge, ${old}, ${step}\n+++ fleet edge, ${route}, ${step}\n`);
  });

  it('tells scripts the same, with a step that one file lacks in full', async () => {
    const { stdout } = await diff(old, now, '--resources', '-o', 'json');
    const told = JSON.parse(stdout) as { changes: unknown[]; resources: { fleet: string; diff: string }[] };
    expect(told).toMatchObject({ plan: 'shop', from: old, to: now });
    expect(told.changes).toContainEqual({ where: 'step one', what: 'hold', from: '5m', to: '10m' });
    expect(told.changes).toContainEqual({ where: 'step ten', what: null, from: null, to: 'weight 10 %' });
    expect(told.resources.map(({ fleet, diff }) => [fleet, diff.split('\n')[1]])).toEqual([
      ['edge', `+++ fleet edge, ${now}, step ha..lf`],
      ['edge', `+++ fleet edge, ${now}, step ten`],
    ]);
    expect(told.resources[1]?.diff).toContain('@@ -0,0 +1,');
  });
});
