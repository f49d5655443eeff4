import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedisStore, type RedisStore } from '../../../src/adapters/store/redis-store.ts';
import type { Leased, Subject } from '../../../src/engine/ports/store.ts';
import { embeddedServer } from '../../support/embedded-server.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

let server: Awaited<ReturnType<typeof embeddedServer>>;
beforeAll(async () => {
  server = await embeddedServer();
});
afterAll(() => server.stop());

/** Each has a runner of its own, as each process has. */
async function process(prefix: string): Promise<RedisStore & { take(): Promise<readonly Leased[]> }> {
  const store = createRedisStore({
    connection: { socketPath: server.socketPath },
    prefix: `{${prefix}}`,
    logger: quiet,
  });
  const take = async () => {
    const leased = await store.due.lease(100, 100);
    return leased.kind === 'ok' ? leased.value : [];
  };
  return { ...store, take };
}
const bad: Subject = 'rollout/bad';
const good: Subject = 'rollout/good';

/** A new process takes what it can until it has this one, then it is gone. */
async function dies(prefix: string, subject: Subject): Promise<Leased | undefined> {
  const store = await process(prefix);
  let found: Leased | undefined;
  await waitFor(
    async () => {
      const leased = await store.take();
      found = leased.find((one) => one.subject === subject);
      for (const one of leased) if (one.subject !== subject) await store.due.schedule(one.subject, Date.now());
      return found !== undefined;
    },
    { what: subject },
  );
  store.close();
  return found;
}

describe('F3: leases of those who died', () => {
  it('are held against the rollout, and not against those that ran beside it', { timeout: 60_000 }, async () => {
    const first = await process('a');
    await first.due.schedule(bad, 1);
    await first.due.schedule(good, 1);
    expect((await first.take()).map(({ crashes }) => crashes)).toEqual([0, 0]);
    first.close();
    // Both were under way; the next process takes one of them at a time.
    const second = await process('a');
    await waitFor(async () => {
      const leased = await second.take();
      if (leased.length === 0) return false;
      expect(leased).toHaveLength(1);
      const [suspect] = leased;
      expect(suspect?.crashes).toBe(1);
      // It is still under way: the other one waits.
      const more = await second.due.lease(100, 100, suspect?.subject ?? null);
      expect(more.kind === 'ok' && more.value.some(({ subject }) => subject !== suspect?.subject)).toBe(false);
      return true;
    });
    second.close();
    await dies('a', bad);
    await dies('a', bad);
    const last = await process('a');
    let seen: Leased | undefined;
    await waitFor(async () => {
      const leased = await last.take();
      seen = leased.find(({ subject }) => subject === bad) ?? seen;
      for (const one of leased) if (one.subject !== bad) await last.due.schedule(one.subject, Date.now() + 60_000);
      return seen !== undefined;
    });
    expect(seen?.crashes).toBeGreaterThanOrEqual(3);
    const counted = await last.suspects.take(good, 100, null);
    expect(counted).toMatchObject({ kind: 'ok' });
    expect(counted.kind === 'ok' && Number(counted.value)).toBeLessThan(3);
    expect(await last.suspects.forgive(bad)).toEqual({ kind: 'ok', value: 'done' });
    expect(await last.suspects.take(bad, 100, null)).toEqual({ kind: 'ok', value: 0 });
    last.close();
  });

  it('are held against nobody while those who took them are alive', { timeout: 30_000 }, async () => {
    const [slow, other] = [await process('b'), await process('b')];
    await slow.due.schedule(good, 1);
    expect(await slow.take()).toHaveLength(1);
    // The run takes longer than its lease, and its process goes on looking.
    let takenOver: readonly Leased[] = [];
    const looking = setInterval(() => void slow.due.lease(0, 100), 200);
    await waitFor(async () => {
      takenOver = await other.take();
      return takenOver.length > 0;
    });
    clearInterval(looking);
    expect(takenOver).toMatchObject([{ subject: good, crashes: 0 }]);
    slow.close();
    other.close();
  });

  it('a run that throws counts as well', async () => {
    const store = await process('c');
    await store.suspects.blame(bad);
    expect(await store.suspects.take(bad, 100, null)).toEqual({ kind: 'ok', value: 1 });
    expect(await store.suspects.take(bad, 100, good)).toEqual({ kind: 'ok', value: 'busy' });
    store.close();
  });
});
