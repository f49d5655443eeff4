import { describe, expect, it } from 'vitest';
import type { MetricsSource } from '../../src/engine/ports/metrics-source.ts';
import type { Commit, DueSet, RecordStore, Suspects } from '../../src/engine/ports/store.ts';
import {
  crashingEdges,
  crashingStore,
  type EdgePorts,
  readCrashPoint,
  type StorePorts,
} from '../../src/platform/crash-point.ts';

const ENV = { NODE_ENV: 'test', SERIN_CRASH_POINT: 'after-commit:2' };

function armed(env: Readonly<Record<string, string>>) {
  const died: string[] = [];
  let arm = () => {};
  const read = readCrashPoint({
    env,
    die: (where) => void died.push(where),
    onSignal: (_, run) => {
      arm = run;
    },
  });
  if (read.kind === 'error' || read.value === null) throw new Error('no crash point');
  return { point: read.value, died, arm: () => arm() };
}

describe('a crash point', () => {
  it('is none unless the environment names one', () => {
    expect(readCrashPoint({ env: { NODE_ENV: 'test' } })).toEqual({ kind: 'ok', value: null });
  });

  it('is refused outside of tests: an engine that ends itself by a stray variable is no engine', () => {
    const read = readCrashPoint({ env: { SERIN_CRASH_POINT: 'after-commit:1' } });
    expect(read).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_CONFIG_INVALID' }] });
  });

  it.each(['after-lunch:1', 'after-commit', 'after-commit:0', 'after-commit:x', 'after-commit:1@SIGHUP'])(
    'refuses %s',
    (value) => {
      const read = readCrashPoint({ env: { ...ENV, SERIN_CRASH_POINT: value } });
      expect(read).toMatchObject({ kind: 'error', errors: [{ code: 'SERIN_CONFIG_INVALID' }] });
    },
  );

  it('ends the process the n-th time it is passed', () => {
    const { point, died } = armed(ENV);
    point('after-commit');
    point('before-commit');
    expect(died).toEqual([]);
    point('after-commit');
    expect(died).toEqual(['after-commit:2']);
  });

  it('waits for the signal where it is to', () => {
    const { point, died, arm } = armed({ ...ENV, SERIN_CRASH_POINT: 'after-commit:1@SIGUSR2' });
    point('after-commit');
    expect(died).toEqual([]);
    arm();
    point('after-commit');
    expect(died).toHaveLength(1);
  });
});

const COMMIT: Commit = { reads: [], writes: [], events: [], outbox: [], due: [], traffic: [], trials: [], active: [] };

describe('the ports with crash points around them', () => {
  const passing = () => {
    const passed: string[] = [];
    return { passed, point: (name: string) => void passed.push(name) };
  };

  it('pass before and after a commit that writes, and the answer comes through', async () => {
    const { passed, point } = passing();
    const records = {
      commit: async () => {
        passed.push('committed');
        return { kind: 'conflict', key: 'x' };
      },
    } as unknown as RecordStore;
    const store = crashingStore({ records } as StorePorts, point);
    const outcome = await store.records.commit({ ...COMMIT, writes: [{ key: 'backend/x', body: {} }] });
    expect(outcome).toEqual({ kind: 'conflict', key: 'x' });
    expect(passed).toEqual(['before-commit', 'committed', 'during-commit', 'after-commit']);
  });

  it('leave alone a commit that only says when to look again', async () => {
    const { passed, point } = passing();
    const records = { commit: async () => ({ kind: 'conflict', key: 'x' }) } as unknown as RecordStore;
    await crashingStore({ records } as StorePorts, point).records.commit(COMMIT);
    expect(passed).toEqual([]);
  });

  it('pass on the suspect under way when they lease: without it two would run at once, and the wrong one be blamed', async () => {
    const { passed, point } = passing();
    const asked: unknown[] = [];
    const leased = { subject: 'rollout/r2', dueAtMs: 1, crashes: 1 } as const;
    const due = {
      lease: async (...all: unknown[]) => {
        asked.push(all);
        return { kind: 'ok', value: [leased] };
      },
    } as unknown as DueSet;
    const store = crashingStore({ due } as StorePorts, point);
    expect(await store.due.lease(5, 3_000, 'rollout/r1')).toEqual({ kind: 'ok', value: [leased] });
    expect(asked).toEqual([[5, 3_000, 'rollout/r1']]);
    expect(passed).toEqual(['after-lease']);
  });

  it('pass after a rollout was taken that was not due, and not when it was not', async () => {
    const { passed, point } = passing();
    const answers = [
      { kind: 'ok', value: 'busy' },
      { kind: 'unavailable', detail: 'away' },
      { kind: 'ok', value: 2 },
    ];
    const asked: unknown[] = [];
    const suspects = {
      take: async (...all: unknown[]) => {
        asked.push(all);
        return answers.shift();
      },
    } as unknown as Suspects;
    const store = crashingStore({ suspects } as StorePorts, point);
    const take = () => store.suspects.take('rollout/r2', 3_000, 'rollout/r1');
    expect([await take(), await take()]).toEqual([
      { kind: 'ok', value: 'busy' },
      { kind: 'unavailable', detail: 'away' },
    ]);
    expect(passed).toEqual([]);
    expect(await take()).toEqual({ kind: 'ok', value: 2 });
    expect(passed).toEqual(['after-lease']);
    expect(asked[2]).toEqual(['rollout/r2', 3_000, 'rollout/r1']);
  });

  it('pass around every measurement, of counters and of a query', async () => {
    const { passed, point } = passing();
    const metrics = {
      counters: async () => ({ kind: 'ok', series: [] }),
      scalar: async () => ({ kind: 'gap', gap: 'NO_DATA', detail: '' }),
    } as unknown as MetricsSource;
    const edges = crashingEdges({ metrics } as EdgePorts, point);
    expect(await edges.metrics.counters({} as never)).toEqual({ kind: 'ok', series: [] });
    expect(passed).toEqual(['before-measure', 'after-observe']);
    await edges.metrics.scalar({ query: 'up', atMs: 1 });
    expect(passed).toEqual(['before-measure', 'after-observe', 'before-measure', 'after-observe']);
  });

  it('pass around a delivery', async () => {
    const { passed, point } = passing();
    const edges = crashingEdges(
      {
        notifier: { targets: () => [], deliver: async () => ({ kind: 'delivered' }) as const },
      } as unknown as EdgePorts,
      point,
    );
    expect(await edges.notifier.deliver('deploys', {} as never, 0)).toEqual({ kind: 'delivered' });
    expect(passed).toEqual(['before-delivery', 'during-delivery', 'after-delivery']);
  });
});
