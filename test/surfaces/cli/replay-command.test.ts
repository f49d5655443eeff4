import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { judgeByPlan } from '../../../src/core/analysis/judge-by-plan.ts';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { KeptDecision } from '../../../src/core/replay/decision.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { Recorder } from '../../support/recorder.ts';
import { backendState, fleetAt, node, rollout } from '../../support/rollouts.ts';

let server: ApiServer;
let cli: CommandLine;
afterEach(() => server.close());

async function serve(decisions: readonly KeptDecision[], answers: Partial<Engine> = {}): Promise<void> {
  const page: Engine['decisions'] = async ({ from, limit }) => ok(decisions.slice(from, from + Math.min(limit, 2)));
  server = await apiServer(fakeEngine({ decisions: page, ...answers }));
  cli = commandLine(server.url);
}

/** Five decisions: begun, prepared, looked at, paused, aborted. */
function decided(): KeptDecision[] {
  const fleets = fleetAt(1, [node('a')]);
  const seen = { fleets, counters: null, queries: new Map(), scrapeMs: null };
  const recorder = new Recorder(rollout(), backendState());
  recorder.tick(seen, judgeByPlan).tick(seen, judgeByPlan);
  return recorder.command({ type: 'pause', reason: 'lunch' }, seen).command({ type: 'abort', reason: 'no' }, seen).kept;
}

const altered = () =>
  decided().map(({ looks, text }) => ({ looks, text: text.replace('"phase":"aborted"', '"phase":"failed"') }));

it('decides again page by page, and says so when nothing differs', async () => {
  await serve(decided());
  const { code, stdout, stderr } = await cli.run('rollout', 'replay', 'r1');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe('4 decisions (4 looks): no difference; it is aborted\n');
});

it('lists a difference, and ends with 1', async () => {
  await serve(altered());
  const { code, stdout } = await cli.run('rollout', 'replay', 'r1');
  expect(code).toBe(1);
  expect(stdout).toContain('5: abort at ');
  expect(stdout).toContain('another decision');
  expect(stdout).toContain('then  preparing → failed');
  expect(stdout).toContain('now   preparing → aborted');
  expect(stdout).toContain('phase: "failed" → "aborted"');
});

it('-o json has one shape', async () => {
  await serve(altered());
  const { code, stdout } = await cli.run('rollout', 'replay', 'r1', '-o', 'json');
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    ...{ rollout: 'r1', judge: 'threshold', phase: 'failed', decisions: 4, looks: 4, notReplayed: [] },
    differences: [
      {
        ...{ at: 5, rev: 4, trigger: 'abort', phase: 'preparing', step: -1, kind: 'decision', inputs: ['record'] },
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        was: expect.stringContaining('failed'),
        now: expect.stringContaining('aborted'),
        fields: [{ path: 'phase', was: 'failed', now: 'aborted' }],
      },
    ],
  });
});

it('saves what it was given, and decides again from the file without an engine', async () => {
  await serve(decided());
  const file = join(mkdtempSync(join(tmpdir(), 'serin-replay-')), 'r1.json');
  expect((await cli.run('rollout', 'replay', 'r1', '--save', file)).code).toBe(0);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ replay: 1, rollout: 'r1' });
  const offline = commandLine('http://127.0.0.1:1');
  const { code, stdout } = await offline.run('rollout', 'replay', '--file', file);
  expect([code, stdout]).toEqual([0, '4 decisions (4 looks): no difference; it is aborted\n']);
});

it('refuses what it cannot replay in one clear error', async () => {
  await serve([], { rollout: async () => fail('SERIN_NOT_FOUND', 'there is no rollout r9') });
  const file = join(mkdtempSync(join(tmpdir(), 'serin-replay-')), 'odd.json');
  writeFileSync(file, '{"replay":2}');
  for (const [args, exit, words] of [
    [['r9'], 2, 'there is no rollout r9'],
    [[], 2, 'either a rollout or a file'],
    [['r9', '--file', file], 2, 'either a rollout or a file'],
    [['--file', file], 2, 'holds no saved decisions'],
    [['--file', `${file}x`], 2, 'cannot be read'],
  ] as const) {
    const { code, stdout, stderr } = await cli.run('rollout', 'replay', ...args);
    expect([code, stdout]).toEqual([exit, '']);
    expect(stderr).toContain(words);
  }
});

it('says that nothing is kept', async () => {
  await serve([]);
  const { code, stdout } = await cli.run('rollout', 'replay', 'r1');
  expect([code, stdout]).toEqual([0, 'nothing is kept of what was decided\n']);
});
