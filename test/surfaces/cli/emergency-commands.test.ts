import { expect, it, onTestFinished } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { EmergencyDesk, EmergencyReport } from '../../../src/engine/emergency.ts';
import { apiServer } from '../../support/api-server.ts';
import { commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';

const report = (fields: Partial<EmergencyReport> = {}): EmergencyReport => ({
  decision: { id: 'e1', backend: 'shop', cluster: 'shop--v1', by: 'ops', reason: 'x', atMs: Date.UTC(2026, 0, 1) },
  journal: { kind: 'durable' },
  held: null,
  fleets: [{ fleet: 'edge', confirmed: ['a', 'b'], unconfirmed: [], elsewhere: ['c'] }],
  ...fields,
});

/** A replica whose desk answers so; what it was asked. */
async function replica(answers: Partial<EmergencyDesk> = {}, options: Parameters<typeof apiServer>[1] = {}) {
  const asked: unknown[] = [];
  const emergency: EmergencyDesk = {
    stable: async (request) => {
      asked.push(request);
      return ok(report());
    },
    end: async () => fail('SERIN_NOT_FOUND', 'no emergency of backend shop is open here'),
    open: () => [report({ held: 'revision v2 has become stable meanwhile' })],
    ...answers,
  };
  const server = await apiServer(fakeEngine(), { emergency, ...options });
  onTestFinished(() => server.close());
  return { url: server.url, asked };
}
const nowhere = 'http://127.0.0.1:1';

it('F5: asks every replica, and says whom it did not reach', async () => {
  const [one, two] = [await replica(), await replica()];
  const args = ['emergency', 'stable', 'shop', '--reason', 'it burns', '--replica', one.url, '--replica', two.url];
  const ran = await commandLine(nowhere).run(...args);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(one.asked).toEqual([{ backend: 'shop', reason: 'it burns', force: false, by: 'local' }]);
  expect(two.asked).toEqual(one.asked);
  expect(ran.stdout).toContain(`${two.url}: shop: all requests go to shop--v1 (by ops, 2026-01-01T00:00:00.000Z)`);
  expect(ran.stdout).toContain('fleet edge: 2 Envoys confirmed');
  expect(ran.stdout).toContain('fleet edge: not connected here, ask the other replicas: c');
});

it('F5: one that does not answer keeps no other one, and decides the exit code', async () => {
  const { url, asked } = await replica();
  const ran = await commandLine(url).run('emergency', 'stable', 'shop', '--replica', nowhere, '--replica', url);
  expect(ran.code).toBe(6);
  expect(asked).toHaveLength(1);
  expect(ran.stderr).toContain(`${nowhere} did not do it:`);
  expect(ran.stdout).toContain('2 Envoys confirmed');
});

it('ends with 5 when a connected Envoy has not confirmed, and names it', async () => {
  const fleets = [{ fleet: 'edge', confirmed: [], unconfirmed: ['slow'], elsewhere: [] }];
  const { url } = await replica({ stable: async () => ok(report({ fleets })) });
  const ran = await commandLine(url).run('emergency', 'stable', 'shop');
  expect([ran.code, ran.stdout]).toEqual([5, expect.stringContaining('not confirmed by slow')]);
});

it('F32: says when the decision is in memory alone', async () => {
  const journal = { kind: 'lost', detail: 'the disk is full' } as const;
  const { url } = await replica({ stable: async () => ok(report({ journal })) });
  const ran = await commandLine(url).run('emergency', 'stable', 'shop');
  expect(ran.stdout).toContain('NOT DURABLE, a restart forgets it: the disk is full');
  const json = await commandLine(url).run('-o', 'json', 'emergency', 'stable', 'shop', '--force');
  expect(JSON.parse(json.stdout)).toMatchObject({
    replicas: [{ replica: null, answer: { durable: false, notDurableBecause: 'the disk is full' } }],
  });
});

it('lists what is open, and ends what is held', async () => {
  const { url } = await replica();
  expect((await commandLine(url).run('emergency', 'list')).stdout).toContain('held: revision v2 has become stable');
  expect(await commandLine(url).run('emergency', 'end', 'shop')).toMatchObject({ code: 2 });
  const other = await replica({ end: async () => ok(report()), open: () => [] });
  expect((await commandLine(other.url).run('emergency', 'end', 'shop')).stdout).toContain('ended');
  expect((await commandLine(other.url).run('emergency', 'list')).stdout).toBe('none is open\n');
});

it('needs a token like every other command, and the role xds, not the role api', async () => {
  const tokens = [{ name: 'ops', sha256: '0'.repeat(64) }];
  const closed = await replica({}, { tokens });
  expect(await commandLine(closed.url).run('emergency', 'stable', 'shop')).toMatchObject({ code: 7 });
  expect(closed.asked).toEqual([]);
  const xds = await replica({}, { roles: ['xds'] });
  expect(await commandLine(xds.url).run('emergency', 'stable', 'shop')).toMatchObject({ code: 0 });
  const without = await replica({}, { emergency: null, roles: ['api'] });
  const ran = await commandLine(without.url).run('emergency', 'stable', 'shop');
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('role xds')]);
});

it('refuses a replica that is no URL without asking anybody', async () => {
  const { url, asked } = await replica();
  const ran = await commandLine(url).run('emergency', 'stable', 'shop', '--replica', url, '--replica', 'serin-2:7070');
  expect(ran.code).toBe(2);
  expect(asked).toEqual([]);
});
