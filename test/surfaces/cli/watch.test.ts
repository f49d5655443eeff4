import { afterEach, describe, expect, it } from 'vitest';
import { type ErrorCode, fail } from '../../../src/core/model/errors.ts';
import type { Phase } from '../../../src/core/model/phase.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { RolloutBody } from '../../../src/surfaces/api/schemas.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import type { CliRun } from '../../support/cli.ts';
import { type CommandLine, commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { type MovingRollout, movingRollout } from '../../support/moving-rollout.ts';
import { freePort } from '../../support/processes.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';

let server: ApiServer | null = null;
let rollout: MovingRollout;
let cli: CommandLine;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function serve(fields: Partial<Rollout> = {}, answers: Partial<Engine> = {}): Promise<void> {
  rollout = movingRollout(fields);
  server = await apiServer(fakeEngine({ ...rollout.answers, ...answers }), rollout.options);
  cli = commandLine(server.url);
}

/** Runs the command; every phase comes as soon as the command waits for it. */
async function through(args: readonly string[], ...phases: readonly Phase[]): Promise<CliRun> {
  const run = cli.run(...args);
  for (const phase of phases) {
    await poll(rollout.waiting).toBe(1);
    rollout.move({ phase });
  }
  return run;
}

/** Tells how often the engine was asked. */
async function secondLookFails(code: ErrorCode): Promise<() => number> {
  let asked = 0;
  await serve(
    { phase: 'stepping' },
    {
      rollout: async (id) => {
        asked += 1;
        return asked === 2 ? fail(code, 'so it is') : rollout.answers.rollout(id);
      },
    },
  );
  return () => asked;
}

const documents = (stdout: string): RolloutBody[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RolloutBody);

const poll = (look: () => unknown) => expect.poll(look, { timeout: 4_000 });

const occurrences = (text: string, part: string): number => text.split(part).length - 1;

const ENDS: readonly (readonly [Phase, number])[] = [
  ['promoted', 0],
  ['rolled_back', 3],
  ['failed', 3],
  ['aborted', 4],
  ['superseded', 8],
];

describe('the exit code tells how it ended', () => {
  it.each(ENDS)('wait on one that is %s already: %i', async (phase, code) => {
    await serve({ phase });
    expect(await cli.run('rollout', 'wait', 'r1')).toEqual({ code, stdout: '', stderr: '' });
  });

  it.each(ENDS)('wait until it is %s: %i', async (phase, code) => {
    await serve({ phase: 'stepping' });
    expect(await through(['rollout', 'wait', 'r1'], 'promoting', phase)).toEqual({ code, stdout: '', stderr: '' });
  });

  it.each(ENDS)('watch until it is %s: %i', async (phase, code) => {
    await serve({ phase: 'stepping' });
    expect((await through(['rollout', 'watch', 'r1'], phase)).code).toBe(code);
  });

  it.each(ENDS)('start --wait until it is %s: %i', async (phase, code) => {
    await serve({ phase: 'pending' });
    const run = await through(['rollout', 'start', 'checkout', '-r', 'v2', '--wait'], phase);
    expect(run).toMatchObject({ code, stdout: '' });
  });

  it('5 when the time is over; the rollout goes on', async () => {
    await serve({ phase: 'stepping' });
    const run = await cli.run('rollout', 'wait', 'r1', '--timeout', '50ms');
    expect(run).toMatchObject({ code: 5, stdout: '' });
    expect(run.stderr).toMatch(/^SERIN_TIMEOUT rollout r1 is still stepping \(.+\)\n$/);
  });

  it('5 at once when there is no time at all', async () => {
    await serve({ phase: 'stepping' });
    expect(await cli.run('rollout', 'wait', 'r1', '--timeout', '0s')).toMatchObject({ code: 5 });
  });

  it('2 for a rollout that does not exist, and for a duration that is none', async () => {
    await serve({}, { rollout: async () => fail('SERIN_NOT_FOUND', 'there is no rollout r9') });
    const unknown = await cli.run('rollout', 'wait', 'r9');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no rollout r9') });
    const banana = await cli.run('rollout', 'wait', 'r1', '--timeout', 'banana');
    expect(banana).toMatchObject({ code: 2, stderr: expect.stringContaining('"banana" is no duration') });
  });

  it('6 when nobody answers the first look', async () => {
    cli = commandLine(`http://127.0.0.1:${await freePort()}`);
    expect(await cli.run('rollout', 'wait', 'r1')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('SERIN_UNREACHABLE'),
    });
  });

  it('130 when a person leaves; the rollout goes on', async () => {
    await serve({ phase: 'stepping' });
    const run = cli.run('rollout', 'wait', 'r1');
    await poll(rollout.waiting).toBe(1);
    cli.interrupt();
    expect(await run).toEqual({ code: 130, stdout: '', stderr: 'stopped watching; rollout r1 goes on\n' });
  });
});

describe('an engine that is away for a while', () => {
  it('is waited for: a restart in the middle costs nothing', async () => {
    await serve({ phase: 'stepping' });
    const run = cli.run('rollout', 'wait', 'r1');
    await poll(rollout.waiting).toBe(1);
    const port = server?.port ?? 0;
    await server?.close();
    server = null;
    rollout.move({ phase: 'promoted' });
    server = await apiServer(fakeEngine(rollout.answers), { ...rollout.options, port });
    expect(await run).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('counts as away while its store is', async () => {
    const asked = await secondLookFails('SERIN_STORE_UNAVAILABLE');
    const run = cli.run('rollout', 'wait', 'r1');
    await poll(asked).toBe(2);
    rollout.move({ phase: 'promoted' });
    expect(await run).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('is given up at once for any other answer', async () => {
    const asked = await secondLookFails('SERIN_NOT_FOUND');
    expect(await cli.run('rollout', 'wait', 'r1')).toMatchObject({ code: 2 });
    expect(asked()).toBe(2);
  });
});

describe('what it prints', () => {
  const steps = [planStep({ name: 'small', weight: 500 }), planStep({ name: 'half', weight: 5_000 })];
  const spec = planSpec({ strategy: { name: 'any', steps } });

  it('watch: every change once, on stderr', async () => {
    await serve({ phase: 'pending', spec });
    const run = cli.run('rollout', 'watch', 'r1');
    for (const fields of [
      { phase: 'stepping', step: 0, waitingFor: 'its hold' },
      { phase: 'stepping', step: 1, waitingFor: 'its hold' },
      { phase: 'promoted', step: 1 },
    ] satisfies Partial<Rollout>[]) {
      await poll(rollout.waiting).toBe(1);
      rollout.move(fields);
    }
    const { code, stdout, stderr } = await run;
    expect([code, stdout]).toEqual([0, '']);
    expect(occurrences(stderr, 'checkout: v1 → v2   pending')).toBe(1);
    expect(occurrences(stderr, 'checkout: v1 → v2   stepping')).toBe(1);
    expect(occurrences(stderr, 'checkout: v1 → v2   promoted')).toBe(1);
    expect(occurrences(stderr, 'step 1 of 2 (small): 5 %')).toBe(1);
    expect(occurrences(stderr, 'step 2 of 2 (half): 50 %')).toBe(1);
    expect(occurrences(stderr, 'waits for its hold')).toBe(1);
  });

  it('watch: nothing for an answer that has no news', async () => {
    await serve({ phase: 'stepping' });
    const { stdout, stderr } = await cli.run('rollout', 'watch', 'r1', '--timeout', '60ms', '-o', 'json');
    expect(documents(stdout)).toHaveLength(1);
    expect(occurrences(stderr, 'checkout:')).toBe(1);
  });

  it('watch -o json: one document per change on stdout', async () => {
    await serve({ phase: 'pending' });
    const { stdout } = await through(['rollout', 'watch', 'r1', '-o', 'json'], 'stepping', 'promoted');
    expect(documents(stdout).map(({ rev, phase }) => [rev, phase])).toEqual([
      [1, 'pending'],
      [2, 'stepping'],
      [3, 'promoted'],
    ]);
  });

  it.each([
    ['wait', ['rollout', 'wait', 'r1', '-o', 'json']],
    ['start --wait', ['rollout', 'start', 'checkout', '-r', 'v2', '--wait', '-o', 'json']],
  ])('%s -o json: the end, and nothing but the end, on stdout', async (_, args) => {
    await serve({ phase: 'pending' });
    const run = await through(args, 'stepping', 'rolled_back');
    expect(run.code).toBe(3);
    expect(documents(run.stdout)).toMatchObject([{ id: 'r1', rev: 3, phase: 'rolled_back' }]);
  });

  it('wait -o json: what was last seen when the time is over', async () => {
    await serve({ phase: 'stepping' });
    const run = await cli.run('rollout', 'wait', 'r1', '-o', 'json', '--timeout', '50ms');
    expect(run.code).toBe(5);
    expect(documents(run.stdout)).toMatchObject([{ id: 'r1', phase: 'stepping' }]);
  });
});
