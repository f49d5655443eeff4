import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../../src/core/model/errors.ts';
import { presentRollout } from '../../../src/surfaces/api/present.ts';
import { RolloutBody } from '../../../src/surfaces/api/schemas.ts';
import { type ApiServer, apiServer } from '../../support/api-server.ts';
import { commandLine } from '../../support/command-line.ts';
import { backendYaml, files, planYaml, routeYaml } from '../../support/engine-documents.ts';
import { type EngineRig, engineRig } from '../../support/engine-rig.ts';
import { fakeEngine, view } from '../../support/fake-engine.ts';
import { type LossyProxy, lossyProxy } from '../../support/lossy-proxy.ts';
import { freePort } from '../../support/processes.ts';
import { type WebhookReceiver, webhookReceiver } from '../../support/webhook-receiver.ts';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const START = ['rollout', 'start', 'checkout', '-r', 'v2'] as const;
const poll = (look: () => unknown) => expect.poll(look, { timeout: 4_000 });

async function serve(engine: Parameters<typeof apiServer>[0]): Promise<ApiServer> {
  const server = await apiServer(engine);
  undo.push(() => server.close());
  return server;
}

/** A server that is no Serin: it answers as the test says. */
async function stub(reply: (response: ServerResponse, call: number) => void): Promise<WebhookReceiver> {
  const receiver = await webhookReceiver();
  undo.push(() => receiver.close());
  receiver.answer((response) => reply(response, receiver.received.length));
  return receiver;
}

const origin = ({ url }: { url: string }): string => new URL(url).origin;
const keysOf = ({ received }: WebhookReceiver): unknown[] => received.map(({ headers }) => headers['idempotency-key']);

const promoted = JSON.stringify(presentRollout(view({ phase: 'promoted' })));

describe('start', () => {
  it('says the id on stdout, and nothing else', async () => {
    const { url } = await serve(fakeEngine());
    expect(await commandLine(url).run(...START)).toEqual({ code: 0, stdout: 'r1\n', stderr: '' });
  });

  it('-o json: the rollout as it was started', async () => {
    const { url } = await serve(fakeEngine());
    const { code, stdout, stderr } = await commandLine(url).run(...START, '-o', 'json');
    expect([code, stderr]).toEqual([0, '']);
    expect(RolloutBody.parse(JSON.parse(stdout))).toMatchObject({ id: 'r1', phase: 'pending' });
  });

  it('passes on what it was given', async () => {
    const engine = fakeEngine();
    const { url } = await serve(engine);
    const more = ['--endpoints', '10.0.0.1:80, [::1]:81', '--idempotency-key', 'build-17'];
    await commandLine(url).run(...START, ...more);
    expect(engine.calls).toEqual([
      [
        'start',
        {
          plan: 'checkout',
          revision: 'v2',
          endpoints: ['10.0.0.1:80', '[::1]:81'],
          by: 'local',
          idempotencyKey: 'build-17',
        },
      ],
    ]);
  });

  it('passes on the number of the build, and refuses what is none', async () => {
    const engine = fakeEngine();
    const cli = commandLine((await serve(engine)).url);
    await cli.run(...START, '--build', '1482');
    expect(engine.calls).toEqual([['start', expect.objectContaining({ build: 1_482 })]]);
    for (const build of ['v41', '-1', '1.5', '1e3', '']) {
      const { code, stderr } = await cli.run(...START, `--build=${build}`);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`--build ${build} is no whole number`)]);
    }
  });

  it('makes a new key for every start that names none', async () => {
    const engine = fakeEngine();
    const cli = commandLine((await serve(engine)).url);
    await cli.run(...START);
    await cli.run(...START);
    const keys = engine.calls.map(([, request]) => (request as { idempotencyKey: string }).idempotencyKey);
    expect(keys).toEqual([expect.stringMatching(/^[\x21-\x7e]{10,}$/), expect.stringMatching(/^[\x21-\x7e]{10,}$/)]);
    expect(keys[0]).not.toBe(keys[1]);
  });

  it.each([
    ['no revision', ['rollout', 'start', 'checkout'], '--revision'],
    ['no plan', ['rollout', 'start', '-r', 'v2'], 'plan'],
    ['an argument too many', [...START, 'v3'], 'too many arguments'],
    ['an unknown option', [...START, '--endpoint', 'a:1'], 'Did you mean --endpoints?'],
    ['a time that is none', [...START, '--wait', '--timeout', '10'], '"10" is no duration'],
    ['an empty endpoint', [...START, '--endpoints', 'a:1,,b:2'], 'endpoints.1'],
    ['a key that no header can carry', [...START, '--wait', '--idempotency-key', 'b…17'], 'idempotency key'],
    ['a key of several lines', [...START, '--wait', '--idempotency-key', 'b\n17'], 'idempotency key'],
    ['an empty key', [...START, '--idempotency-key', ''], 'idempotency key'],
  ])('%s is wrong usage: 2, and nothing starts', async (_, args, said) => {
    const engine = fakeEngine();
    const { url } = await serve(engine);
    const run = await commandLine(url).run(...args);
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(said) });
    expect(engine.calls).toEqual([]);
  });

  it.each([
    ['SERIN_ROLLOUT_ACTIVE', 8],
    ['SERIN_STALE_TRIGGER', 8],
    ['SERIN_IDEMPOTENCY_MISMATCH', 8],
    ['SERIN_NOT_READY', 8],
    ['SERIN_NOT_FOUND', 2],
    ['SERIN_FORBIDDEN', 7],
    ['SERIN_INTERNAL', 1],
  ] as const)('%s of the engine ends it with %i, at once even with --wait', async (error, code) => {
    const engine = fakeEngine({ start: async () => fail(error, 'so it is') });
    const run = await commandLine((await serve(engine)).url).run(...START, '--wait');
    expect(run).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(`${error} so it is`) });
    expect(engine.calls).toHaveLength(1);
  });
});

describe('start on a whole engine', () => {
  let rig: EngineRig;
  async function shop(): Promise<ApiServer> {
    rig = await engineRig();
    undo.push(() => rig.stop());
    const sources = files(routeYaml(), backendYaml(), planYaml());
    await rig.answer(rig.engine.apply({ files: sources, dryRun: false, by: 'someone' }));
    const server = await apiServer(rig.engine, { pause: () => new Promise((resolve) => setTimeout(resolve, 5)) });
    undo.push(() => server.close());
    return server;
  }
  const rollouts = async () => {
    const page = await rig.engine.rollouts({ backend: null, phase: null, limit: 10, cursor: null });
    return page.kind === 'ok' ? page.value.rollouts : [];
  };

  it.each(['nowhere', 'host:0', 'host:65536', '300.0.0.1:80', 'http://a:80', '[::1'])(
    'refuses the endpoint %s: 2',
    async (endpoint) => {
      const { url } = await shop();
      const run = await commandLine(url).run(...START, '--endpoints', `127.0.0.1:9090,${endpoint}`);
      expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('SERIN_REQUEST_INVALID') });
      expect(await rollouts()).toEqual([]);
    },
  );

  it.each(['request', 'reply'] as const)('starts one rollout when the first %s is lost', async (loses) => {
    const { port } = await shop();
    const proxy: LossyProxy = await lossyProxy(port, loses);
    undo.push(() => proxy.close());
    const run = commandLine(proxy.url).run(...START, '--endpoints', '127.0.0.1:9090', '--wait');
    await poll(async () => (await rollouts()).length).toBe(1);
    await rig.until(async () => (await rollouts())[0]?.rollout.phase === 'promoted');
    const { code, stdout, stderr } = await run;
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toContain('the engine does not answer; trying again\n');
    expect(await rollouts()).toHaveLength(1);
    expect(proxy.connections()).toBeGreaterThan(1);
  });
});

describe('start --wait has patience', () => {
  it.each([
    ['a connection that is cut', (response: ServerResponse) => void response.socket?.destroy()],
    ['502 of a proxy', (response: ServerResponse) => void response.writeHead(502).end('<html>Bad gateway</html>')],
    ['500 of whatever it is', (response: ServerResponse) => void response.writeHead(500).end()],
    ['a page that is no Serin', (response: ServerResponse) => void response.writeHead(200).end('<html>Hello</html>')],
  ])('with %s, and asks again under the same key', async (_, misbehave) => {
    const server = await stub((response, call) => {
      if (call === 1) misbehave(response);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(promoted);
    });
    const run = await commandLine(origin(server)).run(...START, '--wait', '-o', 'json');
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ id: 'r1', phase: 'promoted' });
    expect(run.stderr).toContain('trying again');
    const [first, second] = server.received;
    expect(second?.body).toBe(first?.body);
    expect(keysOf(server).slice(0, 2)).toEqual([expect.any(String), keysOf(server)[0]]);
  });

  it('with an engine that goes away right after the start', async () => {
    const server = await stub((response, call) => {
      if (call === 2) response.socket?.destroy();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(promoted);
    });
    const run = await commandLine(origin(server)).run(...START, '--wait');
    expect(run.code).toBe(0);
    expect(keysOf(server)).toEqual([expect.any(String), undefined, undefined]);
  });

  it('for no longer than its --timeout', async () => {
    const cli = commandLine(`http://127.0.0.1:${await freePort()}`);
    const run = await cli.run(...START, '--wait', '--timeout', '0s');
    expect(run).toMatchObject({ code: 6, stderr: expect.not.stringContaining('trying again') });
  });

  it('until a person leaves; then nothing starts any more', async () => {
    const port = await freePort();
    const cli = commandLine(`http://127.0.0.1:${port}`);
    const run = cli.run(...START, '--wait');
    await poll(cli.stderr).toContain('trying again');
    const engine = fakeEngine({ start: async () => ok({ view: view(), created: true }) });
    const server = await apiServer(engine, { port });
    undo.push(() => server.close());
    cli.interrupt();
    expect(await run).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('stopped trying') });
    expect(engine.calls).toEqual([]);
  });
});

describe('start without --wait has none', () => {
  it.each([
    ['a connection that is cut', (response: ServerResponse) => void response.socket?.destroy(), 'no answer from'],
    ['502 of a proxy', (response: ServerResponse) => void response.writeHead(502).end('<html>'), 'HTTP 502'],
    ['a page that is no Serin', (response: ServerResponse) => void response.writeHead(200).end('<html>'), 'not as a'],
    ['a redirect', (r: ServerResponse) => void r.writeHead(307, { location: '/elsewhere' }).end(), 'no answer from'],
  ])('%s: 6 after one try', async (_, misbehave, said) => {
    const server = await stub(misbehave);
    const run = await commandLine(origin(server)).run(...START);
    expect(run).toMatchObject({ code: 6, stdout: '', stderr: expect.stringContaining(said) });
    expect(server.received).toHaveLength(1);
  });
});
