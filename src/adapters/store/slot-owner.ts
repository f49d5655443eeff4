import { createConnection, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import type { HostPort } from '../../core/model/documents.ts';

/** Said by a node of a cluster that does not (or may not) answer for the slot. */
export const SLOT_MOVED = /^(MOVED|CLUSTERDOWN|MASTERDOWN) /;

const LOOK_MS = 1_000;
const AGAIN_MS = 250;
/** From, to, and the nodes that serve them, the primary first: address (may be empty: the one asked) and port. */
const Slots = z.array(
  z.tuple(
    [z.number().int(), z.number().int(), z.tuple([z.string().nullable(), z.number().int()]).rest(z.unknown())],
    z.unknown(),
  ),
);

type ErrorEmitter = (type: string, error: Error) => void;

/**
 * Connects to the node of a cluster that owns the slot of a hash tag. All keys are in that slot, so the client is an
 * ordinary one: questions without a key (TIME, INFO, SCAN, WAIT) go to the node that has the data, which a client of
 * the whole cluster would send to any.
 */
export function slotOwnerConnector(
  seeds: readonly HostPort[],
  hashTag: string,
): NonNullable<RedisOptions['Connector']> {
  const slot = slotOf(hashTag);
  /** Where to ask first: another one after each connection, since one that is behind names the wrong owner. */
  let from = 0;
  let learned: readonly HostPort[] = [];
  return class SlotOwnerConnector extends AbstractConnector {
    private readonly options: RedisOptions;
    declare protected stream: Socket;

    constructor(options: unknown) {
      const given = options as RedisOptions;
      super(given.disconnectTimeout ?? 2_000);
      this.options = given;
    }

    override check(info: { role?: string }): boolean {
      return info.role === undefined || info.role === 'master';
    }

    /** Rejects only once nobody wants the connection any more: the client would give up for good. */
    override async connect(emit: ErrorEmitter): Promise<Socket> {
      this.connecting = true;
      for (;;) {
        const found = await this.find();
        if (!this.connecting) throw new Error('Connection is closed.');
        if ('owner' in found) {
          learned = found.nodes;
          this.stream = open(found.owner, this.options.tls);
          this.stream.once('error', (error) => {
            this.firstError = error;
          });
          return this.stream;
        }
        emit('error', new Error(`no node of the Redis cluster says who has Serin's keys: ${found.reason}`));
        await setTimeout(AGAIN_MS);
      }
    }

    private async find(): Promise<SlotOwner | { readonly reason: string }> {
      const known = [...seeds, ...learned.filter((node) => !seeds.some((seed) => same(seed, node)))];
      const start = from;
      from += 1;
      let reason = 'none is known';
      for (let i = 0; i < known.length && this.connecting; i += 1) {
        const asked = known[(start + i) % known.length] as HostPort;
        try {
          return await ask(asked, slot, this.options);
        } catch (error) {
          reason = error instanceof Error ? error.message : String(error);
        }
      }
      return { reason };
    }
  };
}

interface SlotOwner {
  readonly owner: HostPort;
  readonly nodes: readonly HostPort[];
}

async function ask(node: HostPort, slot: number, { username, password, tls }: RedisOptions): Promise<SlotOwner> {
  const client = new Redis({
    ...node,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: LOOK_MS,
    commandTimeout: LOOK_MS,
  });
  let cause: Error | null = null;
  client.on('error', (error: Error) => {
    cause = error;
  });
  try {
    const rows = Slots.parse(await client.call('CLUSTER', 'SLOTS'));
    const nodes = rows.map(([, , [host, port]]) => ({ host: host || node.host, port }));
    const index = rows.findIndex(([first, end]) => first <= slot && slot <= end);
    const owner = nodes[index];
    if (owner === undefined) throw new Error('no node serves their slot');
    return { owner, nodes };
  } catch (error) {
    throw cause ?? error;
  } finally {
    client.disconnect();
  }
}

function open({ host, port }: HostPort, tls: TlsOptions | undefined): Socket {
  return tls === undefined ? createConnection({ host, port }) : connectTls({ ...tls, host, port });
}

function same(a: HostPort, b: HostPort): boolean {
  return a.host === b.host && a.port === b.port;
}

/** CRC-16/XMODEM of what stands between the braces, as the cluster specification has it. */
export function slotOf(hashTag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(/\{(.+?)\}/.exec(hashTag)?.[1] ?? hashTag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc % 16_384;
}
