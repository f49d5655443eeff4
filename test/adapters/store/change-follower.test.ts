import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { followChanges } from '../../../src/adapters/store/change-follower.ts';
import { waitFor } from '../../support/processes.ts';
import { quiet } from '../../support/quiet-logger.ts';

const { defaultMaxListeners } = EventEmitter;

describe('a long outage', () => {
  // Node warns of a leak at the third listener instead of the eleventh.
  beforeEach(() => {
    EventEmitter.defaultMaxListeners = 2;
  });
  afterEach(() => {
    EventEmitter.defaultMaxListeners = defaultMaxListeners;
  });

  it('leaves nothing behind for every attempt', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.name);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    let attempts = 0;

    const follower = await followChanges({
      connect: () => {
        attempts += 1;
        // Never connected, so every command fails at once.
        return new Redis({ lazyConnect: true, enableOfflineQueue: false, port: 1, retryStrategy: () => null }).on(
          'error',
          () => {},
        );
      },
      key: 'changes',
      fleets: async () => ({ kind: 'ok', value: [] }),
      onChange: () => {},
      logger: quiet,
    });
    await waitFor(() => attempts >= 6);
    await follower.stop();

    expect(warnings).not.toContain('MaxListenersExceededWarning');
  });
});
