import { Redis } from 'ioredis';
import type { Point } from './trend.ts';

/** Logs that hold their newest entries and no more; what they take is bounded by that, not flat from the begin. */
export const CAPPED: Readonly<Record<string, number>> = {
  journal: 10_000,
  changes: 10_000,
  audit: 1_000,
  dead: 10_000,
};

export interface StoreSeries {
  /** Without those that have a time to live: of these there are as many as were made in that time. */
  readonly keys: Point[];
  readonly passing: Point[];
  /** Without what the capped logs take. */
  readonly memoryMb: Point[];
  readonly connections: Point[];
  /** By family of keys: how many entries all its keys have together. */
  readonly entries: ReadonlyMap<string, Point[]>;
}

const PREFIX = '{serin}:';
/** What Redis says of a key without a time to live. */
const FOR_EVER = -1;

/** Looks into the store, past the engines. */
export function storeWatch(redisPort: number): {
  readonly series: StoreSeries;
  look(atS: number): Promise<void>;
  close(): void;
} {
  const client = new Redis({
    host: '127.0.0.1',
    port: redisPort,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 2_000,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  const entries = new Map<string, Point[]>();
  const series: StoreSeries = { keys: [], passing: [], memoryMb: [], connections: [], entries };
  const look = async (atS: number) => {
    const info = await client.info();
    const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? Number.NaN);
    const all = await namesOf(client);
    const lasting = await client.pipeline(all.map((name) => ['pttl', name])).exec();
    const names = all.filter((_, i) => Number(lasting?.[i]?.[1]) === FOR_EVER);
    const sizes = await sizesOf(client, names);
    const logs = await Promise.all(Object.keys(CAPPED).map((log) => client.memory('USAGE', `${PREFIX}${log}`)));
    const logBytes = logs.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0);
    series.keys.push({ atS, value: names.length });
    series.passing.push({ atS, value: all.length - names.length });
    series.memoryMb.push({ atS, value: (read('used_memory') - logBytes) / 2 ** 20 });
    series.connections.push({ atS, value: read('connected_clients') });
    const sums = new Map<string, number>([...entries.keys()].map((family) => [family, 0]));
    for (const [i, name] of names.entries()) {
      const family = familyOf(name);
      sums.set(family, (sums.get(family) ?? 0) + (sizes[i] ?? 0));
    }
    for (const [family, value] of sums) entries.set(family, [...(entries.get(family) ?? []), { atS, value }]);
  };
  return {
    series,
    // A store that is killed or stands still is looked at the next time.
    look: (atS) => look(atS).catch(() => undefined),
    close: () => client.disconnect(),
  };
}

/** `record:rollout`, `events`, … What follows the kind is a name. */
export function familyOf(key: string): string {
  const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key;
  return /^record:[a-z]+/.exec(name)?.[0] ?? name.split(':')[0] ?? name;
}

async function namesOf(client: Redis): Promise<readonly string[]> {
  const names = new Set<string>();
  let cursor = '0';
  do {
    const [next, page] = await client.scan(cursor, 'COUNT', 1_000);
    cursor = next;
    for (const name of page) names.add(name);
  } while (cursor !== '0');
  return [...names];
}

const SIZE: Readonly<Record<string, string>> = {
  list: 'llen',
  set: 'scard',
  zset: 'zcard',
  hash: 'hlen',
  stream: 'xlen',
};

async function sizesOf(client: Redis, names: readonly string[]): Promise<readonly number[]> {
  const types = await client.pipeline(names.map((name) => ['type', name])).exec();
  const commands = names.map((name, i) => [SIZE[String(types?.[i]?.[1])] ?? 'exists', name]);
  const sizes = await client.pipeline(commands).exec();
  // A key that went, or became another, in between has no size.
  return names.map((_, i) => Number(sizes?.[i]?.[1] ?? 0) || 0);
}
