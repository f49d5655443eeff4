import { afterEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../../src/core/model/audit.ts';
import { ok } from '../../../src/core/model/errors.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { AuditPage } from '../../../src/surfaces/api/schemas.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';

let server: ApiServer;
afterEach(() => server.close());

const AT_MS = Date.UTC(2026, 0, 15, 9, 32, 11);
const entry = (id: string, fields: Partial<AuditEntry> = {}): AuditEntry => ({
  id,
  stage: 'answered',
  atMs: AT_MS,
  by: 'ann',
  command: 'abort',
  target: 'rollout/r1',
  detail: 'declined payments',
  result: 'done',
  ...fields,
});
const asked = { stage: 'asked', result: null } as const;

async function engineWith(entries: readonly AuditEntry[], answers: Partial<Engine> = {}) {
  const engine = fakeEngine({
    audit: async ({ after, limit }) => {
      const from = after === null ? 0 : Number(after.split('-')[0]);
      return ok(entries.slice(from, from + limit).map((one, i) => ({ cursor: `${from + i + 1}-0`, entry: one })));
    },
    ...answers,
  });
  server = await apiServer(engine);
  return { cli: commandLine(server.url), engine };
}

describe('serin audit', () => {
  it('lists who did what, when, and what came of it', async () => {
    const { cli } = await engineWith([
      entry('a', asked),
      entry('a'),
      entry('b', { result: 'SERIN_CONFLICT', by: 'ci' }),
    ]);
    const { code, stdout } = await cli.run('audit');
    expect(code).toBe(0);
    expect(stdout).toMatch(/2026-01-15T09:32:11.000Z +ann +abort +rollout\/r1 +done +declined payments/);
    expect(stdout).toMatch(/ci +abort +rollout\/r1 +SERIN_CONFLICT/);
    expect(stdout.trim().split('\n')).toHaveLength(3);
  });

  it('shows what was asked for and never answered', async () => {
    const { cli } = await engineWith([entry('a', asked)]);
    expect((await cli.run('audit')).stdout).toMatch(/ann +abort +rollout\/r1 +no answer/);
  });

  it('exports every line, over all pages', async () => {
    const many = Array.from({ length: 2_300 }, (_, i) => entry(`c${i}`));
    const { cli } = await engineWith(many);
    const exported = AuditPage.parse(JSON.parse((await cli.run('audit', '-o', 'json')).stdout));
    expect(exported.entries).toHaveLength(2_300);
    expect(exported.cursor).toBeNull();
    expect(exported.entries[0]).toEqual({
      id: 'c0',
      stage: 'answered',
      at: '2026-01-15T09:32:11.000Z',
      by: 'ann',
      command: 'abort',
      target: 'rollout/r1',
      detail: 'declined payments',
      result: 'done',
    });
  });

  it('asks for what came since, and refuses what is no duration', async () => {
    const { cli, engine } = await engineWith([]);
    expect((await cli.run('audit', '--since', '2h')).stdout).toContain('nothing');
    const [, request] = engine.calls.find(([name]) => name === 'audit') ?? [];
    expect((request as { sinceMs: number }).sinceMs).toBeLessThanOrEqual(Date.now() - 7_200_000);
    expect((await cli.run('audit', '--since', 'yesterday')).code).toBe(2);
  });
});
