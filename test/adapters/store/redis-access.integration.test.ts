import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createWakeUps } from '../../../src/adapters/scheduler/wake-ups.ts';
import { type RedisConnection, redisAddress } from '../../../src/adapters/store/redis-address.ts';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { binaryPath } from '../../support/binaries.ts';
import { authority } from '../../support/certificates.ts';
import { code, section } from '../../support/markdown.ts';
import { freePort, type RunningProcess, startProcess, waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

/** As docs/store.md gives it, so that what is documented is enough, and no more than is tested. */
const RULES = code(section('docs/store.md', 'A user of its own')).find((text) => text.startsWith('user serin')) ?? '';

let folder: string;
let redis: RunningProcess;
let port: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-acl-'));
  port = await freePort();
  redis = await startProcess({
    command: binaryPath('valkey-server'),
    args: [
      ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
      ...['--user', ...RULES.split(' ').slice(1)],
      ...['--user', 'default', 'on', '>admin', '~*', '&*', '+@all'],
    ],
    ready: (output) => output.includes('Ready to accept connections'),
  });
}, 30_000);
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

function open(connection: RedisConnection): RedisStore {
  const store = createRedisStore({ connection, waitForReplicas: 1, deadlineMs: 2_000, logger: quiet });
  onTestFinished(() => store.close());
  return store;
}

describe('a user with no more rights than documented', () => {
  const connection = () => ({ url: `redis://serin:a-secret@127.0.0.1:${port}` });

  it('does everything that Serin does', { timeout: 30_000 }, async () => {
    const store = open(connection());
    expect(await store.health()).toMatchObject({ kind: 'ok', warnings: [] });
    const heard: string[] = [];
    const following = await store.traffic.follow((fleets) => void heard.push(...fleets));
    const outcome = await store.records.commit({
      ...EMPTY_COMMIT,
      reads: [{ key: 'rollout/a', rev: 0 }],
      writes: [{ key: 'rollout/a', body: {} }],
      due: [{ subject: 'rollout/a', atMs: 1 }],
      traffic: [
        { fleet: 'edge', owner: 'listener/l', value: { kind: 'listener', listener: 'l', address: '::', port: 1 } },
      ],
    });
    expect(outcome.kind).toBe('committed');
    await waitFor(() => heard.includes('edge'), { what: 'the change stream' });
    await following.stop();
    expect(await store.lineage.look()).toEqual({ kind: 'ok', value: { frozen: null } });
    expect((await store.records.list('rollout/', { limit: 5, cursor: null })).kind).toBe('ok');
    expect(await store.archive.dump()).toMatchObject({ kind: 'ok', value: { damage: [] } });
    const hints: (string | null)[] = [];
    const ledger = store.ledger.follow((replica) => void hints.push(replica));
    await waitFor(() => hints.includes(null), { what: 'the subscription' });
    expect(await store.ledger.join('replica-1')).toEqual({ kind: 'ok', value: 'joined' });
    expect(await store.ledger.write('replica-1', 1, [{ fleet: 'edge', part: 'progress', text: '[]' }])).toMatchObject({
      value: 'written',
    });
    await waitFor(() => hints.includes('replica-1'), { what: 'a hint' });
    ledger.stop();
    const runs: string[] = [];
    const wakeUps = createWakeUps({
      ...{
        redis: redisAddress(connection()),
        due: store.due,
        suspects: store.suspects,
        clock: createSystemClock(),
        logger: quiet,
      },
    });
    await wakeUps.start(async (subject) => {
      runs.push(subject);
      await store.due.forget(subject);
    });
    wakeUps.kick('backend/b');
    await waitFor(() => runs.includes('rollout/a') && runs.includes('backend/b'), { what: 'both runs' });
    await wakeUps.stop();
    expect(await store.replication?.confirmed()).toBe(false);
    const client = new Redis(connection().url);
    onTestFinished(() => client.disconnect());
    // Sentinel and cluster: what is asked of the servers that hold data.
    await expect(client.call('CLUSTER', 'SLOTS')).rejects.toThrow(/cluster support disabled/);
    const loaded = await store.archive.load([], { replace: true });
    expect(loaded.kind).toBe('loaded');
  });

  it.each([
    ['CONFIG', (client: Redis) => client.config('GET', '*')],
    ['FLUSHALL', (client: Redis) => client.flushall()],
    ['KEYS', (client: Redis) => client.keys('*')],
    ['REPLICAOF', (client: Redis) => client.replicaof('127.0.0.1', '1')],
    ['SCRIPT FLUSH', (client: Redis) => client.script('FLUSH')],
    ['ACL', (client: Redis) => client.call('ACL', 'LIST')],
    ['SHUTDOWN', (client: Redis) => client.call('SHUTDOWN', 'NOSAVE')],
    ['a key of somebody else', (client: Redis) => client.get('other')],
    ['a channel of somebody else', (client: Redis) => client.subscribe('other')],
  ])('is not allowed %s', async (_what, command) => {
    const client = new Redis(connection().url, { maxRetriesPerRequest: 0 });
    onTestFinished(() => client.disconnect());
    await expect(command(client)).rejects.toThrow(/NOPERM|No permissions/);
  });

  it('is turned away with another password, and the secret is not said', async () => {
    const health = await open({ url: `redis://serin:wrong-one@127.0.0.1:${port}` }).health();
    expect(health.kind).toBe('unavailable');
    expect(JSON.stringify(health)).not.toMatch(/wrong-one|a-secret/);
  });
});

describe('TLS', () => {
  const file = (name: string) => readFileSync(join('test/fixtures/tls', name));
  /** The server that is fetched for tests knows no TLS, so this stands before it. */
  async function terminator(): Promise<number> {
    return listening(createServer({ key: file('server-key.pem'), cert: file('server.pem') }, behindTls));
  }
  const cut: Socket[] = [];
  const behindTls = (socket: Socket) => {
    const behind = connect(port, '127.0.0.1');
    for (const end of [socket, behind]) end.on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
    socket.on('close', () => behind.destroy());
    behind.on('close', () => socket.destroy());
    cut.push(socket);
  };
  async function listening(server: Server): Promise<number> {
    server.on('tlsClientError', () => undefined);
    const at = await freePort();
    await new Promise<void>((resolve) => void server.listen(at, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return at;
  }

  it('works with the authority that is configured', async () => {
    const url = `rediss://serin:a-secret@127.0.0.1:${await terminator()}`;
    const store = open({ url, tls: { ca: file('ca.pem').toString() } });
    expect(await store.health()).toMatchObject({ kind: 'ok' });
    expect((await store.traffic.table('edge')).kind).toBe('ok');
  });

  it('F34: knows a server by its new authority at the next connection', async () => {
    // given
    const [before, after] = [authority('before'), authority('after')];
    const own = before.issue('redis');
    const server = createServer({ key: own.privateKey, cert: own.certificate }, behindTls);
    const at = await listening(server);
    let ca = before.certificate;
    const tls = {
      get ca() {
        return ca;
      },
    };
    const store = open({ url: `rediss://serin:a-secret@127.0.0.1:${at}`, tls });
    expect(await store.health()).toMatchObject({ kind: 'ok' });
    // when
    const next = after.issue('redis');
    server.setSecureContext({ key: next.privateKey, cert: next.certificate });
    for (const socket of cut.splice(0)) socket.destroy();
    await waitFor(async () => (await store.health()).kind !== 'ok', { what: 'a server that is not known' });
    ca = after.certificate;
    // then
    await waitFor(async () => (await store.health()).kind === 'ok', { what: 'a server that is known again' });
  });

  it('sends nothing to a server of another authority', async () => {
    const url = `rediss://serin:a-secret@127.0.0.1:${await terminator()}`;
    for (const ca of [{ tls: { ca: file('other-ca.pem').toString() } }, {}]) {
      const health = await open({ url, ...ca }).health();
      expect(health).toMatchObject({ kind: 'unavailable', detail: expect.stringMatching(/certificate.*redis\.tls/) });
    }
  });
});
