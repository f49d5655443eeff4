import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import type { AppliedDocument } from '../../../src/engine/engine.ts';
import { AppliedList, DocumentBody, DocumentList } from '../../../src/surfaces/api/schemas.ts';
import { commandLine } from '../../support/command-line.ts';
import { backendYaml, planYaml, routeYaml } from '../../support/engine-documents.ts';
import { planSpec } from '../../support/rollouts.ts';
import { type ServedCli, servedCli } from '../../support/served-cli.ts';

let folder: string;
let engine: ServedCli['engine'];
let cli: ServedCli['cli'];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-documents-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function serve(...as: Parameters<typeof servedCli>): Promise<void> {
  ({ engine, cli } = await servedCli(...as));
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const SHOP = [routeYaml(), backendYaml(), planYaml()].join('---\n');

/** Three mistakes in two documents. */
const BROKEN = `apiVersion: serin.dev/v1
kind: Backend
metadata: { name: checkout }
spec:
  endpoints: { static: ["127.0.0.1"] }
  intial: v1
---
apiVersion: serin.dev/v1
kind: Plan
metadata: { name: checkout }
spec:
  backend: checkout
  strategy: { steps: [{ weight: 101 }] }
`;

describe('plan validate', () => {
  beforeEach(() => {
    // No engine is needed, so there is none.
    cli = commandLine('http://127.0.0.1:9');
  });

  it('says of a good file what is in it', async () => {
    const run = await cli.run('plan', 'validate', await file('shop.yaml', SHOP));
    expect(run).toEqual({
      code: 0,
      stdout: 'Route shop is valid\nBackend checkout is valid\nPlan checkout is valid\n',
      stderr: '',
    });
  });

  it('lists every mistake with file, line and column, as a reader comes to them: 2', async () => {
    const path = await file('shop.yaml', BROKEN);
    const { code, stdout, stderr } = await cli.run('plan', 'validate', path);
    expect([code, stdout]).toEqual([2, '']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, line.indexOf(': SERIN_')))).toEqual([
      `${path}:5:25`,
      `${path}:6:3`,
      `${path}:13:33`,
    ]);
    expect(lines[0]).toContain('SERIN_DOCUMENT_INVALID spec.endpoints.static[0]: ');
    expect(lines[1]).toContain('unknown key "intial". Did you mean "initial"?');
    expect(lines[2]).toContain('SERIN_DOCUMENT_INVALID spec.strategy.steps[0].weight: ');
  });

  it('lists the mistakes of every file', async () => {
    const [a, b] = [await file('a.yaml', 'kind: Plan\n'), await file('b.yaml', 'spec: [\n')];
    const { code, stderr } = await cli.run('plan', 'validate', a, b);
    expect(code).toBe(2);
    expect(stderr).toContain(`${a}:1:1: SERIN_DOCUMENT_INVALID`);
    expect(stderr).toMatch(new RegExp(`${b}:\\d+:\\d+: SERIN_YAML_SYNTAX`));
  });

  it('-o json: one document, whether it is valid or not', async () => {
    const good = await cli.run('plan', 'validate', await file('shop.yaml', SHOP), '-o', 'json');
    expect(good).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(good.stdout)).toEqual({
      valid: true,
      documents: [
        { kind: 'Route', name: 'shop' },
        { kind: 'Backend', name: 'checkout' },
        { kind: 'Plan', name: 'checkout' },
      ],
    });
    const path = await file('broken.yaml', BROKEN);
    const bad = await cli.run('plan', 'validate', path, '-o', 'json');
    expect(bad.code).toBe(2);
    const { valid, errors } = JSON.parse(bad.stdout) as { valid: boolean; errors: unknown[] };
    expect(valid).toBe(false);
    expect(errors).toHaveLength(3);
    expect(errors[1]).toMatchObject({ code: 'SERIN_DOCUMENT_INVALID', place: { file: path, line: 6, column: 3 } });
    expect(bad.stderr.trimEnd().split('\n')).toHaveLength(3);
  });

  it('-o json: the same shape for a file that is not there', async () => {
    const { code, stdout } = await cli.run('plan', 'validate', join(folder, 'shop.yaml'), '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ valid: false, errors: [{ code: 'SERIN_REQUEST_INVALID' }] });
  });

  it('takes standard input as "-"', async () => {
    const piped = commandLine('http://127.0.0.1:9', { readStdin: () => 'kind: Plan\n' });
    const run = await piped.run('plan', 'validate', '-');
    expect(run).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('-:1:1: SERIN_DOCUMENT_INVALID'),
    });
  });

  it('wants a file: 2', async () => {
    expect(await cli.run('plan', 'validate')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('apply', () => {
  const applied: readonly AppliedDocument[] = [
    { kind: 'Backend', name: 'checkout', action: 'created' },
    { kind: 'Plan', name: 'checkout', action: 'unchanged' },
  ];

  it('says what became of every document', async () => {
    await serve({ apply: async () => ok(applied) });
    const run = await cli.run('apply', '-f', await file('shop.yaml', SHOP));
    expect(run).toEqual({ code: 0, stdout: 'Backend checkout created\nPlan checkout unchanged\n', stderr: '' });
  });

  it('-o json: the list as the API has it', async () => {
    await serve({ apply: async () => ok(applied) });
    const { stdout, stderr } = await cli.run('apply', '-f', await file('shop.yaml', SHOP), '-o', 'json');
    expect(stderr).toBe('');
    expect(AppliedList.parse(JSON.parse(stdout))).toEqual({ documents: applied });
  });

  it('sends all files at once, under the names that the errors will have', async () => {
    await serve({}, { readStdin: () => 'piped' });
    const [a, b] = [await file('a.yaml', 'one'), await file('b.yaml', 'two')];
    await cli.run('apply', '-f', b, a, '-f', '-');
    const files = [
      { file: b, text: 'two' },
      { file: a, text: 'one' },
      { file: '-', text: 'piped' },
    ];
    expect(engine.calls).toEqual([['apply', { files, dryRun: false, retry: false, by: 'local' }]]);
  });

  const triggered = (revision: AppliedDocument['revision']): readonly AppliedDocument[] => [
    { kind: 'Plan', name: 'checkout', action: 'updated', ...(revision === undefined ? {} : { revision }) },
  ];
  const started = { revision: 'v42', outcome: 'started', rollout: 'r1', message: 'rollout r1 of v42 started' } as const;
  const refused: AppliedDocument['revision'] = {
    revision: 'v42',
    outcome: 'refused',
    rollout: null,
    message: 'v42 was not started: backend checkout is taken',
    error: { code: 'SERIN_ROLLOUT_ACTIVE', message: 'backend checkout is taken' },
  };

  it('says which rollout a plan has started', async () => {
    await serve({ apply: async () => ok(triggered({ ...started, error: null })) });
    const run = await cli.run('apply', '--retry', '-f', await file('shop.yaml', SHOP));
    expect(run).toEqual({ code: 0, stdout: 'Plan checkout updated; rollout r1 of v42 started\n', stderr: '' });
    expect(engine.calls).toMatchObject([['apply', { retry: true, dryRun: false }]]);
  });

  it.each(['table', 'json'])(
    '-o %s: a start that is refused: the documents, why, and its exit code',
    async (output) => {
      await serve({ apply: async () => ok(triggered(refused)) });
      const run = await cli.run('apply', '-o', output, '-f', await file('shop.yaml', SHOP));
      expect(run.code).toBe(8);
      expect(run.stderr).toContain('Plan checkout: v42 was not started: backend checkout is taken');
      if (output === 'table') expect(run.stdout).toBe('Plan checkout updated\n');
      else {
        const [document] = AppliedList.parse(JSON.parse(run.stdout)).documents;
        expect(document?.revision).toMatchObject({ outcome: 'refused', error: { code: 'SERIN_ROLLOUT_ACTIVE' } });
      }
    },
  );

  it('--dry-run asks for a check only', async () => {
    await serve({ apply: async () => ok([{ kind: 'Backend', name: 'checkout', action: 'created' }]) });
    const run = await cli.run('apply', '--dry-run', '-f', await file('a.yaml', 'one'));
    expect(engine.calls).toMatchObject([['apply', { dryRun: true }]]);
    expect(run.stdout).toBe('Backend checkout created (dry run)\n');
  });

  it('a refusal: every error at its place, nothing on stdout, the exit code of the first', async () => {
    const place = { file: 'shop.yaml', line: 3, column: 5 };
    await serve({
      apply: async () => ({
        kind: 'error',
        errors: [
          { code: 'SERIN_IN_USE', message: 'the rollout r1 uses it', place, path: 'spec.backend' },
          { code: 'SERIN_UNKNOWN_REFERENCE', message: 'there is no backend chekout', hint: 'Apply it first.' },
        ],
      }),
    });
    const run = await cli.run('apply', '-f', await file('shop.yaml', SHOP), '-o', 'json');
    expect(run).toEqual({
      code: 8,
      stdout: '',
      stderr:
        'shop.yaml:3:5: SERIN_IN_USE spec.backend: the rollout r1 uses it (Remove or change what uses it first.)\n' +
        'SERIN_UNKNOWN_REFERENCE there is no backend chekout (Apply it first.)\n',
    });
  });

  it('asks nothing of the engine when a file cannot be read, or none is named: 2', async () => {
    await serve();
    const missing = await cli.run('apply', '-f', await file('a.yaml', 'one'), join(folder, 'b.yaml'));
    expect(missing).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('b.yaml') });
    expect(await cli.run('apply')).toMatchObject({ code: 2, stderr: expect.stringContaining('--file') });
    expect(engine.calls).toEqual([]);
  });

  it.each([
    ['file', 'big.yaml is larger than 256 KiB'],
    ['standard input', 'Too big'],
  ])('a %s above the limit of documents reaches no engine: 2', async (from, said) => {
    const text = `# ${'x'.repeat(262_144)}\n`;
    await serve({}, { readStdin: () => text });
    const run = await cli.run('apply', '-f', from === 'file' ? await file('big.yaml', text) : '-');
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(said) });
    expect(engine.calls).toEqual([]);
  });
});

describe('get', () => {
  const source = 'kind: Plan # mine\nmetadata: { name: checkout }\n';
  const stored = { rev: 4, document: { kind: 'Plan' as const, name: 'checkout', spec: planSpec() }, source };

  it('lists what there is', async () => {
    await serve({ documents: async () => ok([stored]) });
    const { code, stdout } = await cli.run('get');
    expect(code).toBe(0);
    expect(stdout).toBe('KIND  NAME      REV\nPlan  checkout  4\n');
    const listed = await cli.run('get', '-o', 'json');
    expect(DocumentList.parse(JSON.parse(listed.stdout)).documents).toMatchObject([{ kind: 'Plan', rev: 4 }]);
  });

  it('shows one as it was written', async () => {
    await serve({ document: async () => ok(stored) });
    expect(await cli.run('get', 'plan', 'checkout')).toEqual({ code: 0, stdout: source, stderr: '' });
    const one = await cli.run('get', 'plan', 'checkout', '-o', 'json');
    expect(DocumentBody.parse(JSON.parse(one.stdout))).toEqual({ kind: 'Plan', name: 'checkout', rev: 4, source });
  });

  it.each([
    ['plan', 'Plan'],
    ['Plans', 'Plan'],
    ['ROUTE', 'Route'],
    ['backends', 'Backend'],
    ['strategies', 'Strategy'],
  ])('takes "%s" for %s', async (word, kind) => {
    await serve();
    expect((await cli.run('get', word)).code).toBe(0);
    expect(engine.calls).toEqual([['documents', kind]]);
  });

  it.each([['get'], ['delete']])('%s knows no other kind: 2', async (command) => {
    await serve();
    const run = await cli.run(command, 'rout', 'x');
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Did you mean "Route"?') });
    expect(engine.calls).toEqual([]);
  });

  it('a document that does not exist: 2', async () => {
    await serve({ document: async () => fail('SERIN_NOT_FOUND', 'there is no Plan x') });
    expect(await cli.run('get', 'plan', 'x', '-o', 'json')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('delete', () => {
  it('says what it deleted', async () => {
    await serve({ remove: async () => ok({ kind: 'Plan', name: 'checkout', action: 'deleted' }) });
    expect(await cli.run('delete', 'plans', 'checkout')).toEqual({
      code: 0,
      stdout: 'Plan checkout deleted\n',
      stderr: '',
    });
    const { stdout } = await cli.run('delete', 'plan', 'checkout', '-o', 'json');
    expect(AppliedList.parse(JSON.parse(stdout)).documents).toMatchObject([{ action: 'deleted' }]);
    expect(engine.calls[0]).toEqual(['remove', { kind: 'Plan', name: 'checkout', by: 'local' }]);
  });

  it('keeps what is in use: 8', async () => {
    await serve({ remove: async () => fail('SERIN_IN_USE', 'the Route shop uses it') });
    const run = await cli.run('delete', 'backend', 'checkout');
    expect(run).toMatchObject({ code: 8, stdout: '', stderr: expect.stringContaining('the Route shop uses it') });
  });

  it.each([['plan'], ['plan', '']])('wants kind and name: 2 (%j)', async (...args) => {
    await serve();
    expect((await cli.run('delete', ...args)).code).toBe(2);
    expect(engine.calls).toEqual([]);
  });
});
