import { expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

const header = {
  plan: { analysis: [{ use: 'error-rate' }], steps: [{ weight: 5 }], judge: { name: 'argo' } },
};
const scrape = (i: number, bad: number) => ({
  t: 1_767_225_600_000 + i * 60_000,
  weight: 5,
  proxies: { p1: { canary: { rq_xx: { 2: 100 * i, 5: bad } } } },
});
const recording = [header, scrape(0, 0), scrape(1, 50)].map((line) => JSON.stringify(line)).join('\n');
const cli = commandLine('', { readStdin: () => recording });

it('prints a line per tick and one for the outcome, by the judge that the plan names', async () => {
  const { code, stdout } = await cli.run('analysis', 'replay', '-', '-o', 'json');
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { t: 1_767_225_600_000, lnE: {}, decision: 'hold', reason: 'started' },
    { t: 1_767_225_660_000, lnE: {}, decision: 'rollback', reason: 'error-rate is Failed' },
    { outcome: 'rollback', t: 1_767_225_660_000 },
  ]);
});

it('or by another one, and then says what its evidence is', async () => {
  const { code, stdout } = await cli.run('analysis', 'replay', '-', '--judge', 'sequential', '-o', 'json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout.split('\n')[0] ?? '')).toMatchObject({
    lnE: { 'error-rate': 0, 'retried-5xx': 0, 'resets-timeouts': 0, srm: expect.any(Number) },
    decision: 'hold',
  });
});

it('tells people what is decided and why', async () => {
  const { stdout } = await cli.run('analysis', 'replay', '-', '--judge', 'flagger');
  expect(stdout).toMatch(/2026-01-01T00:01:00.000Z +hold +error-rate: 0.3333 is above 0.01/);
  expect(stdout).toContain('outcome: hold');
});

it('ends with 2 and the line of a mistake', async () => {
  const bad = commandLine('', { readStdin: () => `${recording}\n{}` });
  const ran = await bad.run('analysis', 'replay', '-', '-o', 'json');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain('-:4:1: SERIN_ANALYSIS_FILE_INVALID t: expected epoch ms');
});

it('knows the strategies that come with Serin', async () => {
  const strategy = { use: 'canary', with: { weights: [5], hold: '1m' } };
  const named = [{ plan: { ...header.plan, steps: undefined, strategy } }, scrape(0, 0), scrape(1, 0), scrape(2, 0)];
  const lines = named.map((line) => JSON.stringify(line)).join('\n');
  const { code, stdout } = await commandLine('', { readStdin: () => lines }).run(
    'analysis',
    'replay',
    '-',
    '-o',
    'json',
  );
  expect(code).toBe(0);
  expect(stdout).toContain('"outcome":"promote"');
});
