import { createWakeUps } from '../../../src/adapters/scheduler/wake-ups.ts';
import { createRedisStore } from '../../../src/adapters/store/redis-store.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { quiet } from '../../support/quiet-logger.ts';

// A replica whose handler never ends; the test kills it. Takes the socket path, says when a run has begun.
const socketPath = process.argv[2] ?? '';
const store = createRedisStore({ connection: { socketPath }, logger: quiet });
const wakeUps = createWakeUps({
  redis: { path: socketPath },
  due: store.due,
  suspects: store.suspects,
  clock: createSystemClock(),
  logger: quiet,
});
void wakeUps.start(async (subject) => {
  process.stdout.write(`running ${subject}\n`);
  await new Promise(() => undefined);
});
