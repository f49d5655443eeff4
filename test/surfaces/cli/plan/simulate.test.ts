import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../../../support/command-line.ts';
import { SHOP, shopPlan } from '../../../support/simulated.ts';

const PLAN = shopPlan(`  strategy: { use: canary, with: { weights: [5, 25], hold: 1m } }
  analysis: [{ use: error-rate, with: { max: 0.02, minRequests: 100 } }]
  judge: { name: threshold }
  deadline: 1h
`);
const GOOD = 'requests: 200\nstable: { errors: 0.002 }\n';
const BAD = `${GOOD}canary: { errors: 0.2 }\n`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-simulate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function simulate(planText: string, worldText: string, ...args: readonly string[]) {
  const world = join(folder, 'world.yaml');
  writeFileSync(world, worldText);
  return commandLine('', { readStdin: () => planText }).run('plan', 'simulate', '-', '--world', world, ...args);
}

describe('serin plan simulate refuses', () => {
  it.each([
    ['documents without the backend', PLAN.replace(/---\napiVersion[^-]+kind: Backend[\s\S]*?---/, '---'), 'lack'],
    ['documents without a route to it', PLAN.replace('backend: shop, timeout', 'backend: other, timeout'), 'no Route'],
    ['documents without a plan', SHOP.replace(/---\n$/, ''), 'these files have no plan'],
    ['a plan that is wrong', PLAN.replace('deadline: 1h', 'deadline: 60'), 'expected a duration'],
  ])('%s', async (_, text, words) => {
    const { code, stdout, stderr } = await simulate(text, GOOD);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
  });

  it('a world that is wrong, with its place and the page to read', async () => {
    const { code, stdout, stderr } = await simulate(PLAN, 'requests: many\nstable: { errors: 0.002 }\n');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('world.yaml:1:11');
    expect(stderr).toContain('SERIN_WORLD_INVALID');
    expect(stderr).toContain('docs/plan-simulation.md');
  });

  it('a revision that is stable already', async () => {
    const { code, stderr } = await simulate(PLAN, GOOD, '--stable', 'v1', '--revision', 'v1');
    expect([code, stderr]).toEqual([2, expect.stringContaining('revision v1 of shop is stable already')]);
  });

  it('a world that is not there, or is a folder', async () => {
    for (const world of [join(folder, 'none.yaml'), folder]) {
      const run = await commandLine('', { readStdin: () => PLAN }).run('plan', 'simulate', '-', '--world', world);
      expect(run.code).toBe(2);
      expect(run.stderr).toContain(world);
    }
  });

  it.each([
    ['--seeds', '0'],
    ['--seeds', '1e9'],
    ['--seed', 'x'],
    ['--within', '5'],
    ['--for', 'long'],
  ])('%s %s', async (flag, value) => {
    const { code, stderr } = await simulate(PLAN, GOOD, flag, value);
    expect(code).toBe(2);
    expect(stderr).toMatch(/is no duration|is not what it should be/);
  });
});

describe('serin plan simulate', () => {
  it('tells the first run step by step, and what all of them came to', async () => {
    const { code, stdout, stderr } = await simulate(PLAN, BAD, '--revision', 'v2', '--seeds', '5');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Plan shop: shop from v1 to v2\n {2}200 requests a second, 2 Envoys, scraped every 15s\n/);
    expect(stdout).toMatch(/1\/2 step-1 +5 % +canary is ready/);
    expect(stdout).toMatch(/rolled back after \d+s: error-rate: /);
    expect(stdout).toContain('5 runs (seeds 1 to 5)');
    expect(stdout).toMatch(/rolled back +100\.0 % +56\.6 % – 100\.0 % .+ 5, like seed 1/);
    expect(stdout).toMatch(/failed beyond stable's rate +\d+/);
  });

  it('tells once that its window is shut', async () => {
    const shut = PLAN.replace(
      '  deadline: 1h\n',
      '  deadline: 3d\n  windows: { zone: UTC, open: [{ from: "09:00", to: "17:00" }] }\n',
    );
    const { stdout } = await simulate(shut, `${GOOD}starts: 2026-11-27T20:00:00Z\n`, '--seeds', '1');
    expect(stdout.match(/its window to open/g)).toHaveLength(1);
  });

  it('prints the same again', async () => {
    const [one, two] = [await simulate(PLAN, GOOD, '--seeds', '2'), await simulate(PLAN, GOOD, '--seeds', '2')];
    expect(one.stdout).toContain('promoted');
    expect(two.stdout).toBe(one.stdout);
  });

  it('with one seed tells of that one alone', async () => {
    const { stdout } = await simulate(PLAN, GOOD, '--seeds', '1', '--seed', '7');
    expect(stdout).toContain('Seed 7\n');
    expect(stdout).not.toContain('runs (');
  });

  it('stops when its time is over and says how many it has played', async () => {
    const { code, stdout } = await simulate(PLAN, GOOD, '--seeds', '100000', '--within', '1ms');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d runs? \(seeds? 1( to \d)?; for all 100,000 1ms was too short \(--within\)\)$/m);
  });

  it('prints one JSON document', async () => {
    const { code, stdout } = await simulate(PLAN, BAD, '--seeds', '3', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      plan: 'shop',
      revision: 'canary',
      run: { seed: 1, outcome: 'rolled_back', paused: false },
      seeds: { asked: 3, played: 3 },
      outcomes: [{ outcome: 'rolled_back', count: 3, share: 1, seed: 1 }],
      hurt: { least: expect.any(Number), median: expect.any(Number) },
    });
    expect(JSON.parse(stdout).run.timeline[0]).toMatchObject({ atMs: 0, kind: 'started', phase: 'pending', weight: 0 });
  });

  it('plays no longer than --for', async () => {
    const { stdout } = await simulate(PLAN, GOOD, '--seeds', '1', '--for', '1m');
    expect(stdout).toContain('held after 1m');
  });
});
