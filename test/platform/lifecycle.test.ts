import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../src/engine/ports/logger.ts';
import { createLifecycle, exitOnSignal, type Lifecycle } from '../../src/platform/lifecycle.ts';
import { quiet } from '../support/quiet-logger.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Listener = (signal: NodeJS.Signals) => void;

/** What listened before the test, and must be all that listens after it. */
let before: Map<string, readonly unknown[]>;
let exits: unknown[];
const undo: (() => void)[] = [];
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => {
  before = new Map(SIGNALS.map((signal) => [signal, process.listeners(signal)]));
  exits = [];
  vi.spyOn(process, 'exit').mockImplementation((code) => {
    exits.push(code);
    return undefined as never;
  });
  unhandled.length = 0;
  process.on('unhandledRejection', onUnhandled);
});
afterEach(() => {
  for (const end of undo.splice(0)) end();
  process.off('unhandledRejection', onUnhandled);
  for (const signal of SIGNALS) for (const listener of added(signal)) process.off(signal, listener);
  vi.restoreAllMocks();
});

/** Listeners that came with the test; the signal itself would reach those of the test runner too. */
function added(signal: NodeJS.Signals): Listener[] {
  return process.listeners(signal).filter((listener) => !before.get(signal)?.includes(listener));
}

function send(signal: NodeJS.Signals): void {
  for (const listener of added(signal)) listener(signal);
}

/** A drain in the test's hands, and what was logged. */
function lifecycle(deadlineMs = 60_000) {
  const log: string[] = [];
  const note = (level: string) => (message: string, fields?: object) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...quiet, info: note('info'), warn: note('warn'), error: note('error') };
  let drains = 0;
  let end: () => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const made: Lifecycle = createLifecycle({
    deadlineMs,
    logger,
    drain: () => {
      drains += 1;
      return new Promise<void>((resolve, reject) => {
        end = resolve;
        fail = reject;
      });
    },
  });
  undo.push(() => end());
  return { ...made, log, drains: () => drains, end: () => end(), fail: (error: unknown) => fail(error) };
}

/** Everything that can happen without time has happened, unhandled rejections too. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the states', () => {
  it('are INIT, READY, DRAINING, STOPPED, one after the other', async () => {
    const l = lifecycle();
    expect(l.state()).toBe('INIT');
    l.ready();
    expect(l.state()).toBe('READY');
    const stopping = l.stop();
    expect(l.state()).toBe('DRAINING');
    let ended = false;
    void l.stopped.then(() => {
      ended = true;
    });
    await turn();
    expect(ended).toBe(false);
    l.end();
    await stopping;
    await l.stopped;
    expect([l.state(), l.log]).toEqual(['STOPPED', []]);
  });

  it('do not go back: who is late with ready changes nothing', async () => {
    const l = lifecycle();
    const stopping = l.stop();
    l.ready();
    expect(l.state()).toBe('DRAINING');
    l.end();
    await stopping;
    l.ready();
    expect(l.state()).toBe('STOPPED');
  });
});

describe('stop', () => {
  it('drains once, however often it is called', async () => {
    const l = lifecycle();
    const all = [l.stop(), l.stop(), l.stop()];
    l.end();
    await Promise.all(all);
    await l.stop();
    expect(l.drains()).toBe(1);
  });

  it('does not wait longer than its deadline for a drain that hangs', async () => {
    const l = lifecycle(1);
    await l.stop();
    await l.stopped;
    expect(l.state()).toBe('STOPPED');
    expect(l.log).toEqual(['warn drain did not end in time {"deadlineMs":1}']);
  });

  it.each<[string, unknown, string]>([
    ['an Error', new Error('port is gone'), 'port is gone'],
    ['anything else', 'gone', 'gone'],
  ])('ends all the same when the drain fails with %s', async (_, reason, detail) => {
    const l = lifecycle();
    const stopping = l.stop();
    l.fail(reason);
    await stopping;
    await l.stopped;
    expect(l.state()).toBe('STOPPED');
    expect(l.log).toEqual([`error drain failed {"detail":"${detail}"}`]);
  });

  it('ends all the same when the drain throws before it has begun', async () => {
    const made = createLifecycle({
      deadlineMs: 60_000,
      logger: quiet,
      drain: () => {
        throw new Error('a bug');
      },
    });
    await made.stop();
    expect(made.state()).toBe('STOPPED');
  });

  it('hears of a failure after the deadline without an unhandled rejection', async () => {
    const l = lifecycle(1);
    await l.stop();
    l.fail(new Error('late'));
    await turn();
    expect(unhandled).toEqual([]);
  });

  it('leaves no listener behind', async () => {
    const l = lifecycle();
    expect(SIGNALS.map((signal) => added(signal).length)).toEqual([1, 1, 1]);
    const stopping = l.stop();
    l.end();
    await stopping;
    expect(SIGNALS.map((signal) => added(signal).length)).toEqual([0, 0, 0]);
  });
});

describe('a signal', () => {
  it.each(SIGNALS)('%s drains, and does not end the process', async (signal) => {
    const l = lifecycle();
    l.ready();
    send(signal);
    expect([l.state(), l.drains()]).toEqual(['DRAINING', 1]);
    l.end();
    await l.stopped;
    expect(exits).toEqual([]);
    expect(l.log).toEqual([`info signal received; draining {"signal":"${signal}"}`]);
  });

  it('before it is ready drains too', async () => {
    const l = lifecycle();
    send('SIGTERM');
    l.end();
    await l.stopped;
    expect(l.drains()).toBe(1);
  });

  it.each(SIGNALS)('that is the second one ends the process at once: %s', (second) => {
    const l = lifecycle();
    send('SIGINT');
    expect(exits).toEqual([]);
    send(second);
    expect(exits).toEqual([1]);
    expect(l.drains()).toBe(1);
  });

  it('during a stop that somebody else began ends the process at once', () => {
    const l = lifecycle();
    void l.stop();
    send('SIGTERM');
    expect(exits).toEqual([1]);
  });

  it('with a drain that fails is no unhandled rejection', async () => {
    const l = lifecycle();
    send('SIGTERM');
    l.fail(new Error('port is gone'));
    await l.stopped;
    await turn();
    expect(unhandled).toEqual([]);
  });
});

describe('exitOnSignal', () => {
  it.each(SIGNALS)('ends the process through its exit hooks on %s, until it is taken back', (signal) => {
    const takeBack = exitOnSignal();
    send(signal);
    expect(exits).toEqual([1]);
    takeBack();
    expect(added(signal)).toEqual([]);
  });
});
