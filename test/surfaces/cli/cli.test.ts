import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode, fail, ok } from '../../../src/core/model/errors.ts';
import type { EngineOptions } from '../../../src/surfaces/cli/command-context.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { type CommandLineOptions, commandLine } from '../../support/command-line.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { freePort } from '../../support/processes.ts';
import { type WebhookReceiver, webhookReceiver } from '../../support/webhook-receiver.ts';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

async function serve(...args: Parameters<typeof apiServer>): Promise<ApiServer> {
  const server = await apiServer(...args);
  undo.push(() => server.close());
  return server;
}

/** Keeps what was asked, and answers every question with an empty list of rollouts. */
async function listener(): Promise<WebhookReceiver> {
  const receiver = await webhookReceiver();
  undo.push(() => receiver.close());
  receiver.answer((response) => void response.writeHead(200).end('{"rollouts":[],"cursor":null}'));
  return receiver;
}

const LIST = ['rollout', 'list'] as const;
const SECRET = 'hunter2';

describe('usage', () => {
  it.each([
    ['no command', [], 'Usage: serin'],
    ['half a command', ['rollout'], 'Usage: serin rollout'],
    ['a command that is mistyped', ['rollout', 'gett', 'r1'], 'Did you mean get?'],
    ['a command that does not exist', ['deploy'], "unknown command 'deploy'"],
    ['an option that does not exist', [...LIST, '--backends', 'x'], 'Did you mean --backend?'],
    ['a missing argument', ['rollout', 'get'], "missing required argument 'id'"],
    ['an argument too many', ['rollout', 'get', 'r1', 'r2'], 'too many arguments'],
    ['a format that does not exist', ['-o', 'yaml', ...LIST], 'Allowed choices are table, json'],
    ['an option without its value', [...LIST, '--server'], 'argument missing'],
  ])('%s: 2, said on stderr', async (_, args, said) => {
    const run = await commandLine('http://127.0.0.1:9').run(...args);
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(said) });
  });

  it.each([
    [['--version'], '1.2.3\n'],
    [['--help'], 'Usage: serin [options] [command]'],
    [['rollout', 'start', '--help'], '--idempotency-key'],
    [['help', 'apply'], '--dry-run'],
  ])('%j is an answer: 0, on stdout', async (args, said) => {
    const run = await commandLine('http://127.0.0.1:9').run(...args);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(said), stderr: '' });
  });
});

describe('errors of the engine', () => {
  it.each(Object.entries(ERRORS))('%s ends with its exit code, on stderr alone', async (name, { exit, hint }) => {
    const { url } = await serve(fakeEngine({ rollout: async () => fail(name as ErrorCode, 'so it is') }));
    const run = await commandLine(url).run('rollout', 'get', 'r1', '-o', 'json');
    expect(run).toEqual({ code: exit, stdout: '', stderr: `${name} so it is (${hint})\n` });
  });

  it('an engine that nobody runs: 6', async () => {
    const server = `http://127.0.0.1:${await freePort()}`;
    const run = await commandLine(server).run(...LIST, '-o', 'json');
    expect(run).toMatchObject({ code: 6, stdout: '' });
    expect(run.stderr).toBe(
      `SERIN_UNREACHABLE no answer from ${server}: ECONNREFUSED (${ERRORS.SERIN_UNREACHABLE.hint})\n`,
    );
  });

  it('a failure that nobody expected: 1, with its words and without its stack', async () => {
    const broken = commandLine('http://127.0.0.1:9', {
      strategies: () => {
        throw new Error('a shipped strategy is broken');
      },
    });
    const run = await broken.run('plan', 'validate', 'package.json');
    expect(run).toEqual({ code: 1, stdout: '', stderr: 'unexpected: a shipped strategy is broken\n' });
  });
});

describe('--server', () => {
  it('comes before SERIN_SERVER, and may stand before or behind the command', async () => {
    const { url } = await serve(fakeEngine());
    const cli = commandLine(`http://127.0.0.1:${await freePort()}`);
    expect((await cli.run('--server', url, ...LIST)).code).toBe(0);
    expect((await cli.run(...LIST, '--server', url)).code).toBe(0);
    expect((await cli.run(...LIST)).code).toBe(6);
  });

  it.each(['', '/', '/serin', '/serin/'])('may end in "%s"', async (path) => {
    const receiver = await listener();
    const run = await commandLine(`${new URL(receiver.url).origin}${path}`).run(...LIST);
    expect(run.code).toBe(0);
    expect(receiver.received[0]?.path).toBe(`${path.replace(/\/$/, '')}/api/v1/rollouts?limit=50`);
  });

  it('is the usual one where SERIN_SERVER is empty', async () => {
    const run = await commandLine('').run('--help');
    expect(run.stdout.replace(/\s+/g, ' ')).toContain('(default: "http://127.0.0.1:7070")');
  });

  it.each([
    'nonsense',
    '127.0.0.1:7070',
    'localhost:7070',
    'ftp://127.0.0.1',
    'http://',
    'http://[::1',
    'http://127.0.0.1:99999',
    `http://me:${SECRET}@127.0.0.1:7070`,
    `http://127.0.0.1:7070?token=${SECRET}`,
    `http://127.0.0.1:7070/#${SECRET}`,
  ])('%s is refused: 2, at once and without its words', async (server) => {
    const run = await commandLine('http://127.0.0.1:9').run(
      ...['--server', server, 'rollout', 'start', 'checkout', '-r', 'v2', '--wait'],
    );
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('SERIN_REQUEST_INVALID') });
    expect(run.stderr).not.toContain(SECRET);
  });
});

describe('the token', () => {
  const asked = async (options: CommandLineOptions, ...args: string[]) => {
    const receiver = await listener();
    const run = await commandLine(new URL(receiver.url).origin, options).run(...LIST, ...args);
    return { run, sent: receiver.received.map(({ headers }) => headers.authorization) };
  };

  it('of SERIN_TOKEN is sent as bearer', async () => {
    expect((await asked({ env: { SERIN_TOKEN: SECRET } })).sent).toEqual([`Bearer ${SECRET}`]);
    expect((await asked({ env: { SERIN_TOKEN: ` ${SECRET}\n` } })).sent).toEqual([`Bearer ${SECRET}`]);
  });

  it('of a file comes before it', async () => {
    const options = { env: { SERIN_TOKEN: 'other' }, readToken: (file: string) => `${SECRET}-of-${file}` };
    expect((await asked(options, '--token-file', 'ci')).sent).toEqual([`Bearer ${SECRET}-of-ci`]);
  });

  it('is not sent where there is none', async () => {
    expect((await asked({})).sent).toEqual([undefined]);
    expect((await asked({ env: { SERIN_TOKEN: '' } })).sent).toEqual([undefined]);
  });

  it('opens an engine that wants one; without it: 7', async () => {
    const sha256 = createHash('sha256').update(SECRET).digest('hex');
    const { url } = await serve(fakeEngine(), { tokens: [{ name: 'ci', sha256 }] });
    expect(await commandLine(url, { env: { SERIN_TOKEN: SECRET } }).run(...LIST)).toMatchObject({ code: 0 });
    expect(await commandLine(url).run(...LIST)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('SERIN_UNAUTHENTICATED'),
    });
    const wrong = await commandLine(url, { env: { SERIN_TOKEN: `${SECRET}-old` } }).run(...LIST);
    expect(wrong.code).toBe(7);
    expect(wrong.stderr).not.toContain(SECRET);
  });

  it.each([`${SECRET}\nx`, `${SECRET}\u0000`, `${SECRET}…`, `${SECRET} ${SECRET}`])(
    'that no header can carry is refused without its words: %j',
    async (token) => {
      const { run, sent } = await asked({ env: { SERIN_TOKEN: token } });
      expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('the token has characters') });
      expect(run.stderr).not.toContain(SECRET);
      expect(sent).toEqual([]);
    },
  );

  it('is not in the error of an engine that is away', async () => {
    const server = `http://127.0.0.1:${await freePort()}`;
    const run = await commandLine(server, { env: { SERIN_TOKEN: SECRET } }).run(...LIST);
    expect(run.code).toBe(6);
    expect(run.stderr).not.toContain(SECRET);
  });

  it.each([
    [
      'cannot be read',
      () => {
        throw new Error('ENOENT');
      },
    ],
    ['is empty', () => ''],
  ])('of a file that %s: 2, and nobody is asked without one', async (said, readToken) => {
    const { run, sent } = await asked({ readToken }, '--token-file', '/run/token');
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(`the token file /run/token ${said}`) });
    expect(sent).toEqual([]);
  });
});

describe('Ctrl-C', () => {
  it('leaves an engine that hangs: 130, and nothing is promised', async () => {
    const receiver = await listener();
    receiver.hang();
    const cli = commandLine(new URL(receiver.url).origin);
    const run = cli.run('rollout', 'promote', 'r1', '-o', 'json');
    await expect.poll(() => receiver.received.length, { timeout: 4_000 }).toBe(1);
    cli.interrupt();
    expect(await run).toMatchObject({ code: 130, stdout: '', stderr: expect.stringMatching(/^interrupted.*\n$/) });
    // Nor is anything said of the connection that ends later.
    await receiver.close();
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(cli.stderr()).toMatch(/^interrupted.*\n$/);
  });
});

it.each(['', 'leader', 'api,,xds'])('--roles "%s" is refused before anything starts', async (roles) => {
  const run = await commandLine('').run('serve', '--roles', roles);
  expect(run).toMatchObject({ code: 2, stdout: '' });
  expect(run.stderr).toContain('api,scheduler,xds');
});

describe('dev and serve', () => {
  const engine = async (result: Awaited<ReturnType<NonNullable<CommandLineOptions['runEngine']>>>, args: string[]) => {
    const started: EngineOptions[] = [];
    const runEngine = async (options: EngineOptions) => {
      started.push(options);
      return result;
    };
    return { run: await commandLine('', { runEngine }).run(...args), started };
  };

  it.each([
    [['dev'], { mode: 'dev', config: null, dataDir: '.serin', roles: null }],
    [['dev', '-c', 'a.yaml', '--data', '/data'], { mode: 'dev', config: 'a.yaml', dataDir: '/data', roles: null }],
    [['serve', '--config', 'a.yaml'], { mode: 'serve', config: 'a.yaml', dataDir: '.serin', roles: null }],
    [['serve', '--roles', 'xds, api'], { mode: 'serve', config: null, dataDir: '.serin', roles: ['api', 'xds'] }],
  ])('%j starts the engine as told, and ends as it ends', async (args, options) => {
    expect(await engine(ok(3), args)).toMatchObject({ run: { code: 3, stdout: '', stderr: '' }, started: [options] });
  });

  it('an engine that cannot start: its error, and its exit code', async () => {
    const { run } = await engine(fail('SERIN_CONFIG_INVALID', 'serve needs a Redis'), ['serve']);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('SERIN_CONFIG_INVALID serve needs a Redis') });
  });

  it('serve has no store of its own', async () => {
    expect((await engine(ok(0), ['serve', '--data', 'x'])).run.code).toBe(2);
  });
});
