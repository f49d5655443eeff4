import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../../support/command-line.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-init-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

/** A terminal at which somebody gives these answers and then leaves. */
function answering(...answers: readonly string[]) {
  const questions: string[] = [];
  const left = [...answers];
  const ask = async (question: string) => {
    questions.push(question);
    return left.shift() ?? null;
  };
  return { ask, questions };
}

describe('serin plan init without a terminal', () => {
  it('refuses to overwrite, and leaves the file as it is', async () => {
    writeFileSync(at('shop.yaml'), 'mine\n');
    const { code, stdout, stderr } = await commandLine('').run('plan', 'init', '--out', at('shop.yaml'));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('shop.yaml is there already (Name another file by --out, or say --force');
    expect(readFileSync(at('shop.yaml'), 'utf8')).toBe('mine\n');
  });

  it.each([
    [['--strategy', 'canry'], 'there is no strategy "canry". Did you mean "canary"?'],
    [['--backend', 'My Shop'], '"My Shop" is no backend: expected a name of lower-case letters'],
    [['--fleet', 'a b'], '"a b" is no fleet'],
    [['--hostname', 'shop.example.com:80'], '"shop.example.com:80" is no hostname'],
    [['--backend', 'x'.repeat(63)], 'spec.endpoints.dns'],
    [['--out', '/no/such/folder/shop.yaml'], '/no/such/folder/shop.yaml cannot be written'],
  ])('refuses %j, and writes nothing', async (args, message) => {
    const run = await commandLine('').run('plan', 'init', '--out', at('shop.yaml'), ...args);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining(message)]);
    expect(existsSync(at('shop.yaml'))).toBe(false);
  });

  it('takes the defaults, and what it writes is valid', async () => {
    const cli = commandLine('');
    const { code, stdout, stderr } = await cli.run('plan', 'init', '--out', at('first.yaml'));
    expect([code, stdout]).toEqual([
      0,
      ['Route', 'Backend', 'Plan'].map((kind) => `${kind} shop written to ${at('first.yaml')}\n`).join(''),
    ]);
    expect(stderr).toContain(`serin schema documents > ${at('serin.schema.json')}`);
    expect(await cli.run('plan', 'validate', at('first.yaml'))).toMatchObject({ code: 0 });
    expect(await cli.run('plan', 'lint', '--strict', at('first.yaml'))).toMatchObject({ code: 0 });
    expect(readFileSync(at('first.yaml'), 'utf8')).toMatch(/fleet: edge\n {2}hostnames: \["?shop\.example\.com"?\]/);
  });

  it('takes what flags say, and overwrites by --force', async () => {
    writeFileSync(at('p.yaml'), 'old\n');
    const flags = ['--backend', 'pay', '--strategy', 'blue-green', '--fleet', 'eu', '--hostname', '*.example.com'];
    const run = await commandLine('').run('plan', 'init', '--out', at('p.yaml'), '--force', ...flags, '-o', 'json');
    const documents = ['Route', 'Backend', 'Plan'].map((kind) => ({ kind, name: 'pay' }));
    expect(JSON.parse(run.stdout)).toEqual({ file: at('p.yaml'), documents });
    const text = readFileSync(at('p.yaml'), 'utf8');
    for (const part of ['fleet: eu', '["*.example.com"]', 'use: blue-green', 'backend: pay'])
      expect(text).toContain(part);
  });

  it('prints the file alone where it is to go to standard output', async () => {
    const { stdout, stderr } = await commandLine('').run('plan', 'init', '--out', '-');
    expect([stdout.split('\n')[0], stderr]).toEqual(['# yaml-language-server: $schema=serin.schema.json', '']);
    const piped = commandLine('', { readStdin: () => stdout });
    expect(await piped.run('plan', 'lint', '--strict', '-')).toMatchObject({ code: 0 });
  });
});

describe('serin plan init at a terminal', () => {
  it('asks nothing in CI', async () => {
    const { ask, questions } = answering();
    const run = await commandLine('', { ask, env: { CI: 'true' } }).run('plan', 'init', '--out', '-');
    expect([run.code, questions]).toEqual([0, []]);
  });

  it('leaves without a file when it is interrupted in the middle', async () => {
    const cli = commandLine('', {
      ask: async () => {
        cli.interrupt();
        return null;
      },
    });
    const { code } = await cli.run('plan', 'init', '--out', at('shop.yaml'));
    expect([code, existsSync(at('shop.yaml'))]).toEqual([130, false]);
  });

  it('says that the file is there before it asks the rest', async () => {
    writeFileSync(at('shop.yaml'), 'mine\n');
    const { ask, questions } = answering('shop');
    const run = await commandLine('', { ask }).run('plan', 'init', '--out', at('shop.yaml'));
    expect([run.code, questions]).toEqual([2, ['Name of the backend [shop]: ']]);
  });

  it('asks what flags leave out, again where the answer is wrong', async () => {
    const { ask, questions } = answering('pay', 'canry', 'manual', '');
    const run = await commandLine('', { ask }).run('plan', 'init', '--fleet', 'eu', '--out', '-');
    expect(run.stderr).toContain('Did you mean "canary"?');
    expect(questions.map((question) => question.split(/ [([]/)[0])).toEqual([
      'Name of the backend',
      'Strategy',
      'Strategy',
      'Hostname',
    ]);
    for (const part of ['fleet: eu', 'pay.example.com', 'use: manual']) expect(run.stdout).toContain(part);
  });

  it('takes the defaults for what nobody answers any more', async () => {
    const { ask } = answering('pay');
    const run = await commandLine('', { ask }).run('plan', 'init', '--out', '-');
    expect([run.code, run.stdout]).toEqual([0, expect.stringContaining('use: canary')]);
  });
});
