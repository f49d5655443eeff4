import { expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

it('refuses a kind that there is not, and names those that there are', async () => {
  const { code, stderr } = await commandLine('').run('schema', 'plans');
  expect([code, stderr]).toEqual([2, expect.stringContaining('plan, route, backend, strategy, documents')]);
});

it('prints the schema of a kind, and that of all of them', async () => {
  const plan = await commandLine('').run('schema', 'plan');
  expect([plan.code, JSON.parse(plan.stdout)]).toMatchObject([0, { title: 'Serin Plan' }]);
  const all = await commandLine('').run('schema');
  expect(JSON.parse(all.stdout)).toMatchObject({ definitions: { Route: {}, Backend: {}, Plan: {}, Strategy: {} } });
});
