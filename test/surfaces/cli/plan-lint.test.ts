import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

const PLAN = `apiVersion: serin.dev/v1
kind: Plan
metadata: { name: shop }
spec:
  backend: shop
  strategy: { use: canary }
  analysis: [{ use: error-rate }]
  notify: [deploys]
`;
let folder: string;
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-lint-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (text: string, ...args: readonly string[]) =>
  commandLine('', { readStdin: () => text }).run('plan', ...args);

describe('serin plan lint', () => {
  it.each([
    [['--rps', '0'], '--rps is not what it should be'],
    [['--error-rate', '2'], '--error-rate is not what it should be'],
    [['-c', 'no-such.yaml'], 'no-such.yaml cannot be read'],
    [['--format', 'xml'], 'Allowed choices are text, json, github, junit, sarif'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run(PLAN, 'lint', '-', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('ends well with warnings, and badly where they count', async () => {
    const { code, stdout } = await run(PLAN, 'lint', '-');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^-:5:3: warning no-deadline spec: .*\n0 errors, 1 warning\n$/),
    ]);
    expect((await run(PLAN, 'lint', '-', '--strict')).code).toBe(2);
  });

  it('ends badly with errors, of the documents themselves too', async () => {
    const config = file('serin.yaml', 'fleets: [{ name: edge }]\nnotifiers: [{ name: chat, url: "https://x" }]\n');
    const { code, stdout } = await run(`${PLAN}  deadline: 2h\n`, 'lint', '-', '-c', config, '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ errors: 1, findings: [{ code: 'unknown-notifier', line: 8 }] });
    const broken = await run(`${PLAN}  deadlin: 2h\n`, 'lint', '-', '--format', 'github');
    expect(broken).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/^::error file=-,line=9,col=3,title=SERIN_/),
    });
  });

  it('needs no secret of serin.yaml, and says that a receiver cannot know the sender', async () => {
    const config = file('secret.yaml', 'notifiers: [{ name: deploys, type: generic, url: "${env:NO_SUCH}" }]\n');
    const { stdout } = await run(`${PLAN}  deadline: 2h\n`, 'lint', '-', '-c', config);
    expect(stdout).toContain('secret.yaml:1:13: warning notifier-unsigned');
  });
});

describe('serin plan validate --format', () => {
  it('writes what is wrong like any finding, and nothing where nothing is', async () => {
    const bad = await run(`${PLAN}  deadlin: 2h\n`, 'validate', '-', '--format', 'sarif');
    expect([bad.code, JSON.parse(bad.stdout).runs[0].results[0].level]).toEqual([2, 'error']);
    const good = await run(PLAN, 'validate', '-', '--format', 'junit');
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('failures="0"') });
  });
});
