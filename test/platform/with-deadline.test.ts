import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { withDeadline } from '../../src/platform/with-deadline.ts';

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

let collecting: NodeJS.Timeout | undefined;
afterEach(() => clearInterval(collecting));

describe('work with a deadline', () => {
  it('is ended by it, also while the garbage collector runs', async () => {
    setFlagsFromString('--expose-gc');
    collecting = setInterval(runInNewContext('gc') as () => void, 2);
    await expect(withDeadline(40, undefined, never)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('is ended by the other signal, with its reason', async () => {
    const stop = new AbortController();
    const work = withDeadline(60_000, stop.signal, never);
    stop.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });

  it('that begins after the other signal has fired ends at once', async () => {
    await expect(withDeadline(60_000, AbortSignal.abort(new Error('enough')), never)).rejects.toThrow('enough');
  });

  it('leaves nothing behind, neither a timer nor a listener, whether it succeeds or fails', async () => {
    const stop = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    expect(await withDeadline(60_000, stop.signal, async () => 'done')).toBe('done');
    await expect(withDeadline(60_000, stop.signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect([timers(), getEventListeners(stop.signal, 'abort')]).toEqual([before, []]);
  });
});
