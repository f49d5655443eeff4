import { Redis } from 'ioredis';
import { createRedisStore, type RedisStore } from '../../src/adapters/store/redis-store.ts';
import { embeddedServer } from '../support/embedded-server.ts';
import { quiet } from '../support/quiet-logger.ts';
import { lineageContract } from './lineage.contract.ts';

lineageContract('Redis', async () => {
  const server = await embeddedServer();
  const raw = new Redis({ path: server.socketPath });
  const all: RedisStore[] = [];
  let prefixes = 0;
  return {
    fresh: () => {
      prefixes += 1;
      const prefix = `{store-${prefixes}}`;
      const open = () => {
        const store = createRedisStore({ connection: { socketPath: server.socketPath }, prefix, logger: quiet });
        all.push(store);
        return store;
      };
      const wipe = async () => {
        const keys = await raw.keys(`${prefix}:*`);
        if (keys.length > 0) await raw.del(...keys);
      };
      return {
        ...open(),
        replica: open,
        backup: async () => {
          const keys = await raw.keys(`${prefix}:*`);
          const kept = await Promise.all(keys.map((key) => raw.dumpBuffer(key)));
          return async () => {
            await wipe();
            await Promise.all(keys.map((key, i) => raw.restore(key, 0, kept[i] ?? Buffer.alloc(0))));
          };
        },
        wipe,
        forget: async () => void (await raw.xtrim(`${prefix}:journal`, 'MAXLEN', 0)),
      };
    },
    close: async () => {
      for (const store of all) store.close();
      raw.disconnect();
      await server.stop();
    },
  };
});
