import { writeSync } from 'node:fs';
import { fail, ok, type Result } from '../core/model/errors.ts';
import type { LedgerStore } from '../engine/ports/ledger.ts';
import type { MetricsSource } from '../engine/ports/metrics-source.ts';
import type { Notifier } from '../engine/ports/notifier.ts';
import type { DueSet, Outbox, RecordStore, Suspects, TrafficFeed, TrafficReader } from '../engine/ports/store.ts';
import type { WakeUps } from '../engine/ports/wake-ups.ts';

/**
 * Where the crash harness ends an engine by SIGKILL. They stand around the ports: between two port calls nothing is
 * awaited, so these are all the instants at which a crash can leave something half done.
 */
export const CRASH_POINTS = [
  'after-lease',
  'after-load',
  'before-measure',
  'before-observe',
  'after-observe',
  'before-commit',
  'during-commit',
  'after-commit',
  'before-hint',
  'before-push',
  'after-push',
  'before-ledger',
  'after-ledger',
  'before-delivery',
  'during-delivery',
  'after-delivery',
  'after-delivery-note',
] as const;
export type CrashPointName = (typeof CRASH_POINTS)[number];

/** Says that a point is passed; does not come back when it is the one. */
export type CrashPoint = (name: CrashPointName) => void;

const SIGNAL = 'SIGUSR2';

/**
 * `SERIN_CRASH_POINT=<name>:<n>` ends the process the n-th time it passes the point, counted from its start, or with
 * `@SIGUSR2` after it from that signal. `null`: not set, and nothing is wrapped. Only with `NODE_ENV=test`: a variable
 * left behind must never end an engine that serves.
 */
export function readCrashPoint({
  env,
  die = kill,
  onSignal = (signal, run) => void process.on(signal, run),
}: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly die?: (where: string) => void;
  readonly onSignal?: (signal: NodeJS.Signals, run: () => void) => void;
}): Result<CrashPoint | null> {
  const text = env.SERIN_CRASH_POINT;
  if (text === undefined || text === '') return ok(null);
  if (env.NODE_ENV !== 'test') {
    return fail(
      'SERIN_CONFIG_INVALID',
      'SERIN_CRASH_POINT ends the engine on purpose; it is for tests (NODE_ENV=test)',
    );
  }
  const [, name = '', nth = '', signal] = /^([a-z-]+):([1-9]\d{0,5})(@SIGUSR2)?$/.exec(text) ?? [];
  if (!CRASH_POINTS.some((known) => known === name)) {
    return fail('SERIN_CONFIG_INVALID', `SERIN_CRASH_POINT is <name>:<n>, with one of ${CRASH_POINTS.join(', ')}`);
  }
  let isArmed = signal === undefined;
  if (!isArmed) {
    onSignal(SIGNAL, () => {
      isArmed = true;
    });
  }
  let left = Number(nth);
  return ok((passed) => {
    if (!isArmed || passed !== name) return;
    left -= 1;
    if (left === 0) die(`${name}:${nth}`);
  });
}

function kill(where: string): void {
  writeSync(2, `crash point ${where}\n`);
  process.kill(process.pid, 'SIGKILL');
}

export interface StorePorts {
  readonly records: RecordStore;
  readonly traffic: TrafficFeed & TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly suspects: Suspects;
  readonly ledger: LedgerStore;
}

/** The store with crash points around it. What is asked is passed on whole: a wrapper that drops some of it tests another engine. */
export function crashingStore<T extends StorePorts>(store: T, at: CrashPoint): T {
  const { records, traffic, outbox, due, suspects, ledger } = store;
  const pushed = new Map<string, number>();
  return {
    ...store,
    records: {
      ...records,
      read: async (keys) => {
        const read = await records.read(keys);
        if (keys.some((key) => key.startsWith('rollout/'))) at('after-load');
        return read;
      },
      commit: async (commit) => {
        if (commit.writes.length === 0) return await records.commit(commit);
        at('before-commit');
        const outcome = await answered(records.commit(commit), () => at('during-commit'));
        at('after-commit');
        return outcome;
      },
    },
    traffic: {
      ...traffic,
      standing: async (...asked) => {
        at('before-observe');
        const standing = await traffic.standing(...asked);
        at('after-observe');
        return standing;
      },
      table: async (fleet) => {
        const table = await traffic.table(fleet);
        if (table.kind !== 'ok' || pushed.get(fleet) === table.value.position.n) return table;
        pushed.set(fleet, table.value.position.n);
        at('before-push');
        // Whoever asked for it publishes it in this turn of the loop.
        setImmediate(() => at('after-push'));
        return table;
      },
    },
    outbox: {
      ...outbox,
      delivered: async (...asked) => {
        const done = await outbox.delivered(...asked);
        at('after-delivery-note');
        return done;
      },
    },
    due: {
      ...due,
      lease: async (...asked) => {
        const leased = await due.lease(...asked);
        if (leased.kind === 'ok' && leased.value.length > 0) at('after-lease');
        return leased;
      },
    },
    suspects: {
      ...suspects,
      take: async (...asked) => {
        const taken = await suspects.take(...asked);
        if (taken.kind === 'ok' && taken.value !== 'busy') at('after-lease');
        return taken;
      },
    },
    ledger: {
      ...ledger,
      write: async (...asked) => {
        const [, , parts] = asked;
        if (parts.length > 0) at('before-ledger');
        const written = await ledger.write(...asked);
        if (parts.length > 0) at('after-ledger');
        return written;
      },
    },
  };
}

export interface EdgePorts {
  readonly metrics: MetricsSource;
  readonly notifier: Notifier;
  readonly wakeUps: Pick<WakeUps, 'kick' | 'giveWay'>;
}

/** The other ports with crash points around them. */
export function crashingEdges<T extends EdgePorts>(edges: T, at: CrashPoint): T {
  const { metrics, notifier, wakeUps } = edges;
  const measured = async <T>(ask: () => Promise<T>): Promise<T> => {
    at('before-measure');
    const answer = await ask();
    at('after-observe');
    return answer;
  };
  return {
    ...edges,
    metrics: {
      ...metrics,
      counters: (request) => measured(() => metrics.counters(request)),
      scalar: (request) => measured(() => metrics.scalar(request)),
    },
    notifier: {
      ...notifier,
      deliver: async (...asked) => {
        at('before-delivery');
        const delivery = await answered(notifier.deliver(...asked), () => at('during-delivery'));
        at('after-delivery');
        return delivery;
      },
    },
    wakeUps: {
      giveWay: () => wakeUps.giveWay(),
      kick: (subject) => {
        at('before-hint');
        wakeUps.kick(subject);
      },
    },
  };
}

/** Passes the point once the question is on its way, and before its answer is heard. */
async function answered<T>(work: Promise<T>, onItsWay: () => void): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve));
  onItsWay();
  return await work;
}
