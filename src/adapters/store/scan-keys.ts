import { z } from 'zod';
import type { Answer, RedisCalls } from './redis-calls.ts';

const Page = z.tuple([z.string(), z.array(z.string())]);

/** Names of all keys under the prefix, without it. What comes or goes meanwhile may be missing, or twice. */
export async function scanKeys(calls: RedisCalls): Promise<Answer<readonly string[]>> {
  const names = new Set<string>();
  const { prefix } = calls;
  let cursor = '0';
  do {
    const page = await calls.run(Page, (client) => client.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000));
    if (page.kind !== 'ok') return page;
    cursor = page.value[0];
    for (const key of page.value[1]) names.add(key.slice(prefix.length));
  } while (cursor !== '0');
  return { kind: 'ok', value: [...names].sort() };
}
