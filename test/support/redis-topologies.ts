import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { binaryPath } from './binaries.ts';
import type { Undo } from './installation.ts';
import { freePort, type RunningProcess, startProcess, waitFor } from './processes.ts';

export interface RedisServer {
  readonly port: number;
  readonly process: RunningProcess;
}

const COMMON = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
const READY = (output: string) => output.includes('Ready to accept connections');

/** Asks one server, on a connection of its own. */
export async function askRedis<T>(port: number, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 1, retryStrategy: () => 100 });
  client.on('error', () => undefined);
  try {
    return await question(client);
  } finally {
    client.disconnect();
  }
}

async function startServer(folder: string, port: number, more: readonly string[]): Promise<RedisServer> {
  const dir = join(folder, String(port));
  await mkdir(dir, { recursive: true });
  const args = ['--port', `${port}`, '--dir', dir, ...COMMON, ...more];
  return { port, process: await startProcess({ command: binaryPath('valkey-server'), args, ready: READY }) };
}

/** One more replica of a server; gives how to end it. */
export async function replicaOf(port: number): Promise<Undo> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-replica-'));
  const replica = await startServer(folder, await freePort(), ['--replicaof', '127.0.0.1', `${port}`]);
  await replicated(port, 1);
  return async () => {
    await replica.process.kill();
    await rm(folder, { recursive: true, force: true });
  };
}

export interface Sentinels {
  readonly name: string;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** The first primary and its replica. */
  readonly primary: RedisServer;
  readonly replica: RedisServer;
}

/** One primary, one replica that has caught up, three sentinels. */
export async function startSentinels(undo: Undo[]): Promise<Sentinels> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-sentinel-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const primary = await startServer(folder, await freePort(), []);
  undo.push(() => primary.process.kill());
  const replica = await startServer(folder, await freePort(), ['--replicaof', '127.0.0.1', `${primary.port}`]);
  undo.push(() => replica.process.kill());
  await replicated(primary.port, 1);
  const nodes: { host: string; port: number }[] = [];
  for (let i = 0; i < 3; i += 1) {
    const port = await freePort();
    const file = join(folder, `sentinel-${port}.conf`);
    const lines = [
      ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`],
      `sentinel monitor serin 127.0.0.1 ${primary.port} 2`,
      ...['sentinel down-after-milliseconds serin 1000', 'sentinel failover-timeout serin 6000'],
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const sentinel = await startProcess({
      command: binaryPath('valkey-server'),
      args: [file, '--sentinel'],
      ready: (output) => output.includes('+monitor'),
    });
    undo.push(() => sentinel.kill());
    nodes.push({ host: '127.0.0.1', port });
  }
  // Until they know of each other, no majority can name another primary.
  for (const { port } of nodes) {
    await askRedis(port, (client) =>
      waitFor(
        async () => {
          const info = await client.info();
          return /slaves=1,sentinels=3/.test(info);
        },
        { what: 'the sentinels to know each other' },
      ),
    );
  }
  return { name: 'serin', nodes, primary, replica };
}

export async function replicated(port: number, replicas: number): Promise<void> {
  await askRedis(port, (client) =>
    waitFor(
      async () => {
        const info = await client.info('replication');
        return (info.match(/state=online/g) ?? []).length >= replicas;
      },
      { what: 'the replica to catch up' },
    ),
  );
}

export interface Cluster {
  readonly primaries: readonly RedisServer[];
  /** Of the primary that has the slot of a hash tag. */
  readonly replica: RedisServer;
  readonly owner: RedisServer;
}

/** Three primaries that share the slots, and a replica of the one with the given slot. */
export async function startCluster(undo: Undo[], slot: number): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'serin-cluster-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  const servers: RedisServer[] = [];
  for (let i = 0; i < 4; i += 1) {
    const [port, bus] = [await freePort(), await freePort()];
    const more = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`, '--cluster-node-timeout', '1000'];
    const server = await startServer(folder, port, more);
    undo.push(() => server.process.kill());
    servers.push(server);
    const first = servers[0] ?? server;
    if (first !== server)
      await askRedis(first.port, (client) => client.call('CLUSTER', 'MEET', '127.0.0.1', `${port}`, `${bus}`));
  }
  const [a, b, c, replica] = servers;
  if (a === undefined || b === undefined || c === undefined || replica === undefined) throw new Error('no servers');
  const primaries = [a, b, c];
  const share = Math.ceil(16_384 / 3);
  const ownerIndex = Math.floor(slot / share);
  for (const [index, { port }] of primaries.entries()) {
    const [from, to] = [index * share, Math.min((index + 1) * share, 16_384) - 1];
    await askRedis(port, (client) => client.call('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`));
  }
  const owner = primaries[ownerIndex] ?? a;
  const id = String(await askRedis(owner.port, (client) => client.call('CLUSTER', 'MYID')));
  await askRedis(replica.port, (client) =>
    waitFor(
      async () => {
        const answer = await client.call('CLUSTER', 'REPLICATE', id).catch(() => 'unknown yet');
        return answer === 'OK';
      },
      { what: 'the replica to know its primary' },
    ),
  );
  await replicated(owner.port, 1);
  for (const { port } of servers) {
    await askRedis(port, (client) =>
      waitFor(
        async () => {
          const info = String(await client.call('CLUSTER', 'INFO'));
          const nodes = String(await client.call('CLUSTER', 'NODES'));
          return /cluster_state:ok/.test(info) && / slave | slave$|,slave|slave /.test(nodes);
        },
        { what: 'the cluster to be whole' },
      ),
    );
  }
  return { primaries, owner, replica };
}
