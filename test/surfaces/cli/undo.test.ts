import { expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import { view } from '../../support/fake-engine.ts';
import { type ServedCli, servedCli } from '../../support/served-cli.ts';

let engine: ServedCli['engine'];
let cli: ServedCli['cli'];

async function serve(...as: Parameters<typeof servedCli>): Promise<void> {
  ({ engine, cli } = await servedCli(...as));
}

it('begins an undo by backend or id, with a key of its own, and prints the id', async () => {
  await serve();
  expect(await cli.run('rollout', 'undo', 'checkout', '--reason', 'carts are empty')).toEqual({
    ...{ code: 0, stdout: 'r1\n', stderr: '' },
  });
  await cli.run('rollout', 'undo', 'r1', '--idempotency-key', 'undo-17');
  const key = expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown;
  expect(engine.calls).toEqual([
    ['undo', { of: 'checkout', reason: 'carts are empty', by: 'local', idempotencyKey: key }],
    ['undo', { of: 'r1', reason: 'undone by a person', by: 'local', idempotencyKey: 'undo-17' }],
  ]);
});

it('--wait: 0 when the old revision is stable again', async () => {
  const undone = view({ phase: 'promoted', undoes: 'r0' });
  await serve({ undo: async () => ok({ view: undone, created: true }), rollout: async () => ok(undone) });
  const { code, stdout } = await cli.run('rollout', 'undo', 'checkout', '--wait', '-o', 'json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { undoes: 'r0', phase: 'promoted' }]);
});

it.each([
  ['SERIN_NOT_WARM', 8],
  ['SERIN_ROLLOUT_ACTIVE', 8],
  ['SERIN_NOT_FOUND', 2],
] as const)('%s: %s, with what to do', async (errorCode, exit) => {
  await serve({ undo: async () => fail(errorCode, 'no') });
  const { code, stdout, stderr } = await cli.run('rollout', 'undo', 'checkout');
  expect([code, stdout]).toEqual([exit, '']);
  expect(stderr).toContain(errorCode);
});

it.each(['', '../x', 'UPPER', 'x'.repeat(65)])('of %j is refused: 2', async (of) => {
  await serve();
  expect(await cli.run('rollout', 'undo', of)).toMatchObject({ code: 2, stdout: '' });
  expect(engine.calls).toEqual([]);
});
