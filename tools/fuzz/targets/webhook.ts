import { createNotifier } from '../../../src/adapters/notify/notifier.ts';
import { createSystemClock } from '../../../src/platform/system-clock.ts';
import { notice } from '../../../test/adapters/notify/notice.ts';
import { quiet } from '../../../test/support/quiet-logger.ts';
import type { OpenTarget } from '../target.ts';
import { asHttp, rawAnswers } from './raw-answers.ts';

/** Whatever a receiver answers: delivered, to be tried again, or rejected, in few words. */
const open: OpenTarget = async () => {
  const server = await rawAnswers();
  const notifier = createNotifier({
    targets: [{ name: 'deploys', url: `http://127.0.0.1:${server.port}/hook-secret`, format: 'generic' }],
    timeoutMs: 100,
    userAgent: 'serin/0.0.0',
    clock: createSystemClock(),
    logger: quiet,
  });
  return {
    async run(input) {
      const body = input.subarray(1);
      server.say((input[0] ?? 0) % 2 === 0 ? body : asHttp(body, 'text/plain'));
      const delivery = await notifier.deliver('deploys', notice(), 0);
      const said = JSON.stringify(delivery);
      if (said.length > 8 * 1024) return `says ${said.length} characters about it`;
      return said.includes('hook-secret') ? 'shows the secret of the address' : null;
    },
    async close() {
      await notifier.close();
      server.close();
    },
  };
};
export default open;
