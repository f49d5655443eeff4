import { createHooks } from '../../src/adapters/notify/hooks.ts';
import { createSystemClock } from '../../src/platform/system-clock.ts';
import { quiet } from '../support/quiet-logger.ts';
import { webhookReceiver } from '../support/webhook-receiver.ts';
import { hooksContract } from './hooks.contract.ts';

hooksContract('over HTTP', async () => {
  const receiver = await webhookReceiver();
  const targets = [{ name: 'load-test', url: receiver.url }];
  const hooks = createHooks({ targets, clock: createSystemClock(), logger: quiet });
  return {
    hooks,
    says: (what) => {
      if (what === 'hang') return receiver.hang();
      const status = { open: 204, wait: 403, reject: 200, failed: 500 }[what];
      const body = what === 'reject' ? '{"decision":"reject","message":"too slow"}' : undefined;
      receiver.answer((response) => void response.writeHead(status).end(body));
    },
    arrived: () => receiver.received.map(({ headers }) => String(headers['idempotency-key'])),
    close: async () => {
      await hooks.close();
      await receiver.close();
    },
  };
});
