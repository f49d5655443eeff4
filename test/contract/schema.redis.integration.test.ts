import { createRedisStore, type RedisStore } from '../../src/adapters/store/redis-store.ts';
import { embeddedServer } from '../support/embedded-server.ts';
import { quiet } from '../support/quiet-logger.ts';
import { schemaContract } from './schema.contract.ts';

schemaContract('Redis', async () => {
  const server = await embeddedServer();
  const open: RedisStore[] = [];
  let stores = 0;
  return {
    fresh: () => {
      stores += 1;
      const prefix = `{store-${stores}}`;
      return (shapes) => {
        const connection = { socketPath: server.socketPath };
        const store = createRedisStore({ connection, prefix, shapes, logger: quiet });
        open.push(store);
        return store;
      };
    },
    close: async () => {
      for (const store of open) store.close();
      await server.stop();
    },
  };
});
