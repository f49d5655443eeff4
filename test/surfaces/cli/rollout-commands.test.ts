import { describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { RolloutEvent } from '../../../src/core/rollout/event.ts';
import { EventList, RolloutBody, RolloutList } from '../../../src/surfaces/api/schemas.ts';
import { view } from '../../support/fake-engine.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { type ServedCli, servedCli } from '../../support/served-cli.ts';

let engine: ServedCli['engine'];
let cli: ServedCli['cli'];

async function serve(...as: Parameters<typeof servedCli>): Promise<void> {
  ({ engine, cli } = await servedCli(...as));
}

const json = (stdout: string): unknown => {
  expect(stdout.trimEnd()).not.toContain('\n');
  return JSON.parse(stdout);
};

const gated = planSpec({ strategy: { name: 'any', steps: [planStep({ name: 'first', approve: true })] } });
/** Waits for a person at its first step, for the third time. */
const AT_GATE = view({ phase: 'stepping', step: 0, attempt: 3, spec: gated, waitingFor: 'an approval' });

const event: RolloutEvent = {
  rolloutId: 'r1',
  type: 'started',
  atMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  by: 'ci',
  phase: 'pending',
  step: -1,
  message: 'rollout of v2',
  data: {},
};

describe('rollout list', () => {
  it('is a table', async () => {
    await serve({ rollouts: async () => ok({ rollouts: [view(), AT_GATE], cursor: null }) });
    const { code, stdout, stderr } = await cli.run('rollout', 'list');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['ID', 'BACKEND', 'REVISION', 'PHASE', 'STEP', 'WEIGHT', 'UPDATED'],
      ['r1', 'checkout', 'v2', 'pending', '-', '0 %', '1970-01-01T00:00:00.000Z'],
      ['r1', 'checkout', 'v2', 'stepping', '1/1', '5 %', '1970-01-01T00:00:00.000Z'],
      [''],
    ]);
  });

  it('-o json: the page as the API has it', async () => {
    await serve();
    const { stdout, stderr } = await cli.run('rollout', 'list', '-o', 'json');
    expect(stderr).toBe('');
    expect(RolloutList.parse(json(stdout))).toMatchObject({ rollouts: [{ id: 'r1' }], cursor: null });
  });

  it('passes its filters on', async () => {
    await serve();
    await cli.run('rollout', 'list', '--backend', 'checkout', '--phase', 'active', '--limit', '7');
    await cli.run('rollout', 'list');
    expect(engine.calls).toEqual([
      ['rollouts', { backend: 'checkout', phase: 'active', limit: 7, cursor: null }],
      ['rollouts', { backend: null, phase: null, limit: 50, cursor: null }],
    ]);
  });

  it.each([
    ['--phase', 'gone'],
    ['--limit', 'many'],
    ['--limit', '-1'],
    ['--backend', 'x'.repeat(64)],
  ])('%s %s is refused: 2', async (option, value) => {
    await serve();
    const run = await cli.run('rollout', 'list', option, value);
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(option.slice(2)) });
  });
});

describe('rollout get', () => {
  it('says where it is and what it waits for', async () => {
    await serve({ rollout: async () => ok(AT_GATE) });
    expect(await cli.run('rollout', 'get', 'r1')).toEqual({
      code: 0,
      stdout: [
        'checkout: v1 → v2   stepping   r1',
        '  step 1 of 1 (first): 5 % to the canary',
        '  approve it: serin rollout approve r1 --gate 0/3',
        '  waits for an approval',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  it('-o json: the rollout as the API has it', async () => {
    await serve({ rollout: async () => ok(AT_GATE) });
    const { stdout } = await cli.run('rollout', 'get', 'r1', '-o', 'json');
    expect(RolloutBody.parse(json(stdout))).toMatchObject({ id: 'r1', gate: { step: 0, attempt: 3 } });
  });

  it.each(['', '.', '..', '../../livez', 'a/b', 'UPPER', '%00', 'x'.repeat(65)])(
    'an id like %j reaches no other path: 2',
    async (id) => {
      await serve();
      expect(await cli.run('rollout', 'get', id)).toMatchObject({ code: 2, stdout: '' });
      expect(engine.calls).toEqual([]);
    },
  );
});

describe('rollout events', () => {
  it('is one line per event, with who did it where it was a person', async () => {
    const events = [event, { ...event, type: 'live' as const, by: 'serin', message: 'live on its Envoy' }];
    await serve({ events: async () => ok(events.map((one, i) => ({ id: `${i}-0`, event: one }))) });
    const { code, stdout } = await cli.run('rollout', 'events', 'r1');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '2026-01-02T03:04:05.000Z  pending      started   rollout of v2 (ci)',
      '2026-01-02T03:04:05.000Z  pending      live      live on its Envoy',
      '',
    ]);
  });

  it('-o json: the list as the API has it', async () => {
    await serve({ events: async () => ok([{ id: '1-0', event }]) });
    const { stdout } = await cli.run('rollout', 'events', 'r1', '-o', 'json');
    expect(EventList.parse(json(stdout))).toMatchObject({ events: [{ id: '1-0', type: 'started', by: 'ci' }] });
  });
});

describe('steering', () => {
  it.each([
    [['pause', 'r1', '--reason', 'lunch'], { type: 'pause', reason: 'lunch' }, null],
    [['pause', 'r1'], { type: 'pause', reason: 'paused by a person' }, null],
    [['resume', 'r1', '--rev', '4'], { type: 'resume' }, 4],
    [['promote', 'r1'], { type: 'promote' }, null],
    [['abort', 'r1'], { type: 'abort', reason: 'aborted by a person', unconfirmed: false }, null],
    [['abort', 'r1', '--reason', 'so slow', '--rev', '7'], { type: 'abort', reason: 'so slow', unconfirmed: false }, 7],
    [['abort', 'r1', '--unconfirmed'], { type: 'abort', reason: 'aborted by a person', unconfirmed: true }, null],
    [['approve', 'r1', '--gate', '1/22'], { type: 'approve', gate: { step: 1, attempt: 22 } }, null],
    [
      ['approve', 'r1', '--gate', '1/22', '--hook', 'checks', '--reason', 'it is down'],
      { type: 'approve', gate: { step: 1, attempt: 22 }, hook: 'checks', reason: 'it is down' },
      null,
    ],
    [
      ['skip', 'r1', '--gate', '1/22'],
      { type: 'skip', gate: { step: 1, attempt: 22 }, reason: 'skipped by a person', force: false },
      null,
    ],
    [
      ['jump', 'r1', '--to', 'half', '--gate', '1/22', '--reason', 'less of it', '--force'],
      { type: 'jump', to: 'half', gate: { step: 1, attempt: 22 }, reason: 'less of it', force: true },
      null,
    ],
  ])('%j', async (args, command, rev) => {
    await serve({ command: async () => ok(view({ phase: 'aborting' }, 9)) });
    const run = await cli.run('rollout', ...args, '-o', 'json');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(RolloutBody.parse(json(run.stdout))).toMatchObject({ phase: 'aborting', rev: 9 });
    expect(engine.calls).toEqual([['command', { id: 'r1', command, rev, by: 'local' }]]);
  });

  it.each([
    [['jump', 'r1', '--to', ''], '--to names no step'],
    [['approve', 'r1', '--hook', ''], '--hook names no hook'],
  ])('%j is refused before anybody is asked', async (args, words) => {
    await serve({});
    expect(await cli.run('rollout', ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
    expect(engine.calls).toEqual([]);
  });

  it.each([
    ['skip', []],
    ['jump', ['--to', '2']],
    ['approve', ['--hook', 'checks']],
  ])('%s is of the step where it is now, if no gate is named', async (name, args) => {
    await serve({ rollout: async () => ok(AT_GATE), command: async () => ok(AT_GATE) });
    expect((await cli.run('rollout', name, 'r1', ...args)).code).toBe(0);
    expect(engine.calls).toMatchObject([
      ['rollout', 'r1'],
      ['command', { command: { gate: { step: 0, attempt: 3 } } }],
    ]);
  });

  it('skip of one that is at no step is refused before anything is asked', async () => {
    await serve({ rollout: async () => ok(view({ phase: 'preparing', waitingFor: 'its window' })) });
    const { code, stderr } = await cli.run('rollout', 'skip', 'r1');
    expect([code, stderr]).toEqual([8, expect.stringContaining('is preparing; it is at no step')]);
    expect(stderr).toContain('(Its first step has not begun: it waits for its window.)');
    expect(engine.calls.map(([call]) => call)).toEqual(['rollout']);
  });

  it.each(['pause', 'resume', 'promote', 'abort'])('%s shows the rollout as it is now', async (name) => {
    await serve({ command: async () => ok(view({ phase: 'stepping' })) });
    const { code, stdout } = await cli.run('rollout', name, 'r1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^checkout: v1 → v2 {3}stepping {3}r1\n/);
  });

  it.each([
    ['a reason where none belongs', ['promote', 'r1', '--reason', 'x']],
    ['unconfirmed where it does not belong', ['promote', 'r1', '--unconfirmed']],
    ['an empty reason', ['abort', 'r1', '--reason', '']],
    ['a reason that is a novel', ['abort', 'r1', '--reason', 'x'.repeat(501)]],
    ['a rev that is none', ['abort', 'r1', '--rev', 'newest']],
    ['a rev that is not positive', ['abort', 'r1', '--rev', '0']],
    ['half a rev', ['abort', 'r1', '--rev', '1.5']],
    ['a gate that is none', ['approve', 'r1', '--gate', 'first']],
    ['half a gate', ['approve', 'r1', '--gate', '1/']],
    ['a jump to nowhere', ['jump', 'r1', '--gate', '1/1']],
    ['no rollout', ['abort']],
  ])('%s is refused: 2, and nothing happens', async (_, args) => {
    await serve();
    const run = await cli.run('rollout', ...args);
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/./) });
    expect(engine.calls).toEqual([]);
  });

  it.each([
    ['SERIN_CONFLICT', 8],
    ['SERIN_PHASE_CONFLICT', 8],
    ['SERIN_FORBIDDEN', 7],
    ['SERIN_STORE_UNAVAILABLE', 6],
  ] as const)('%s ends it with %i, and it is not tried again', async (code, exit) => {
    await serve({ command: async () => fail(code, 'so it is') });
    const run = await cli.run('rollout', 'promote', 'r1', '-o', 'json');
    expect(run).toMatchObject({ code: exit, stdout: '', stderr: expect.stringContaining(`${code} so it is`) });
    expect(engine.calls).toHaveLength(1);
  });
});

describe('approve without a gate', () => {
  it('opens the one that is open now', async () => {
    await serve({ rollout: async () => ok(AT_GATE) });
    expect((await cli.run('rollout', 'approve', 'r1')).code).toBe(0);
    expect(engine.calls).toEqual([
      ['rollout', 'r1'],
      ['command', { id: 'r1', command: { type: 'approve', gate: { step: 0, attempt: 3 } }, rev: null, by: 'local' }],
    ]);
  });

  it('has nothing to open where no gate is: 8', async () => {
    await serve({ rollout: async () => ok(view({ phase: 'stepping' })) });
    const run = await cli.run('rollout', 'approve', 'r1');
    expect(run).toMatchObject({ code: 8, stdout: '', stderr: expect.stringContaining('r1 has no open gate') });
    expect(engine.calls).toEqual([['rollout', 'r1']]);
  });

  it('names the hook where that is what it waits for: 8', async () => {
    const webhook = {
      ...{ target: 'smoke', everyMs: 30_000, timeoutMs: 10_000 },
      withinMs: null,
      otherwise: 'rollback',
    } as const;
    const spec = planSpec({ strategy: { name: 'any', steps: [planStep({ webhook: { ...webhook, metadata: {} } })] } });
    const hook = { ...{ attempt: 1, sinceMs: 0, ask: 1, pendingUntilMs: null, nextAtMs: 1 }, failed: 0, answer: null };
    await serve({ rollout: async () => ok(view({ phase: 'stepping', step: 0, attempt: 1, spec, hook })) });
    const run = await cli.run('rollout', 'approve', 'r1');
    expect(run).toMatchObject({ code: 8, stdout: '' });
    expect(run.stderr).toContain('it waits for hook smoke (To open that by hand: --hook smoke.)');
    expect(engine.calls).toEqual([['rollout', 'r1']]);
  });

  it('fails as the look at it does', async () => {
    await serve({ rollout: async () => fail('SERIN_NOT_FOUND', 'there is no rollout r1') });
    expect(await cli.run('rollout', 'approve', 'r1')).toMatchObject({ code: 2, stdout: '' });
  });
});
