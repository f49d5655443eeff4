import { Redis } from 'ioredis';
import { isTerminal, type Phase } from '../../src/core/model/phase.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { waitFor } from '../../test/support/processes.ts';
import type { RolloutHistory } from './history.ts';

const LOOK_MS = 30;
/** A rollout that is not due for longer than this after a crash (a long hold) says nothing about who is there to act. */
const DUE_SOON_MS = 2_100;
const GIVE_UP_MS = 30_000;

type Clusters = Pick<RolloutHistory, 'canaryCluster' | 'stableCluster'>;

interface Seen extends Clusters {
  readonly rev: number;
  readonly phase: Phase;
  readonly setAside: boolean;
  readonly dueAtMs: number | null;
  readonly leased: boolean;
  /** When an engine last committed for it, or looked at it and said when to look again. */
  readonly actedAtMs: number;
}

/** Looks into the store, past the engines: who acts, and when. */
export interface ActWatch {
  follow(id: string): void;
  phase(id: string): Phase | null;
  /** Left alone until a person decides, since engines died over it. */
  isSetAside(id: string): boolean;
  clusters(id: string): Clusters;
  /** Rollouts that an engine has to act on soon. */
  dueSoon(atMs: number): readonly string[];
  /**
   * From a crash to the moment when an engine has acted on every rollout that was due soon, ms; without one, on any.
   * `null`: nobody did within 30 s.
   */
  actsAgain(sinceMs: number): Promise<number | null>;
  close(): void;
}

export function actWatch(redisPort: number): ActWatch {
  const client = new Redis({
    host: '127.0.0.1',
    port: redisPort,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    commandTimeout: 1_000,
    retryStrategy: () => 50,
  });
  client.on('error', () => undefined);
  const seen = new Map<string, Seen | null>();
  let stopped = false;

  const look = async (id: string) => {
    const rows = await client
      .multi()
      .hmget(`{serin}:record:rollout/${id}`, 'rev', 'body')
      .zscore('{serin}:due', `rollout/${id}`)
      .hget('{serin}:leases', `rollout/${id}`)
      .exec();
    const [record, due, lease] = (rows ?? []).map(([, value]) => value) as [string[], string | null, string | null];
    const [rev, body] = record ?? [];
    if (rev === undefined || rev === null || body === undefined) return;
    const before = seen.get(id) ?? null;
    const dueAtMs = due === null ? null : Number(due);
    const leased = lease !== null;
    const ticked = before !== null && !leased && (before.leased || before.dueAtMs !== dueAtMs);
    const acted = before === null || before.rev !== Number(rev) || ticked;
    const known = before?.rev === Number(rev) ? before : readBody(body);
    const { phase, setAside, canaryCluster, stableCluster } = known;
    const actedAtMs = acted ? Date.now() : before.actedAtMs;
    seen.set(id, { rev: Number(rev), phase, setAside, canaryCluster, stableCluster, dueAtMs, leased, actedAtMs });
  };
  const lookAll = async () => {
    const open = [...seen].filter(([, last]) => last === null || !isTerminal(last.phase));
    await Promise.all(open.map(([id]) => look(id).catch(() => undefined)));
  };
  const loop = async () => {
    while (!stopped) {
      await lookAll();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  void loop();

  const dueSoon = (atMs: number): string[] =>
    [...seen].flatMap(([id, last]) => {
      if (last === null || isTerminal(last.phase)) return [];
      return last.leased || (last.dueAtMs !== null && last.dueAtMs <= atMs + DUE_SOON_MS) ? [id] : [];
    });
  return {
    follow: (id) => {
      if (!seen.has(id)) seen.set(id, null);
    },
    phase: (id) => seen.get(id)?.phase ?? null,
    isSetAside: (id) => seen.get(id)?.setAside ?? false,
    clusters: (id) => {
      const { canaryCluster = '', stableCluster = '' } = seen.get(id) ?? {};
      return { canaryCluster, stableCluster };
    },
    dueSoon,
    async actsAgain(sinceMs) {
      // What was committed just before the crash is no sign of life: what is seen from here on counts.
      await lookAll();
      const fromMs = Date.now();
      const affected = dueSoon(sinceMs);
      const first = new Map<string, number>();
      const isDone = () => {
        for (const id of affected.length > 0 ? affected : seen.keys()) {
          const actedAtMs = seen.get(id)?.actedAtMs ?? 0;
          if (actedAtMs > fromMs && !first.has(id)) first.set(id, actedAtMs);
        }
        return first.size >= Math.max(1, affected.length);
      };
      try {
        await waitFor(isDone, { timeoutMs: GIVE_UP_MS, everyMs: 10 });
      } catch {
        return null;
      }
      return Math.max(...first.values()) - sinceMs;
    },
    close: () => {
      stopped = true;
      client.disconnect();
    },
  };
}

function readBody(text: string): Pick<Seen, 'phase' | 'setAside' | keyof Clusters> {
  const { phase, paused, canary, stable } = JSON.parse(text) as Pick<Rollout, 'phase' | 'paused' | 'canary' | 'stable'>;
  const setAside = paused?.quarantined === true;
  return { phase, setAside, canaryCluster: canary.cluster, stableCluster: stable?.cluster ?? '' };
}
