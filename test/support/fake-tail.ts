import { CommitTail } from '../../src/core/chain/commit-tail.ts';
import { firstConflict } from '../../src/core/chain/first-conflict.ts';
import type { KeptCommit } from '../../src/core/chain/kept-commit.ts';
import type { Freeze } from '../../src/core/model/freeze.ts';
import type { Commit, CommitOutcome, RecordKey, Subject, Unavailable } from '../../src/engine/ports/store.ts';
import type { StoreTail } from '../../src/engine/ports/store-tail.ts';
import type { State } from './fake-store.ts';

const DOWN: Unavailable = { kind: 'unavailable', detail: 'the fake store is down' };

/** The tail of the fake store, by the same rules as that on Redis; what follows it hears of everything at once. */
export function fakeTail(
  s: State,
  apply: (s: State, commit: Commit, again: KeptCommit) => CommitOutcome,
  tail = new CommitTail({ bytes: 32 * 1024 * 1024, commits: 50_000 }),
): StoreTail {
  return {
    kept: () => tail.commits(),
    history: async (from) => {
      if (s.down) return DOWN;
      const links = new Map([...s.history.journal].filter(([n]) => n >= from));
      return { kind: 'ok', value: { epoch: s.epoch, n: s.history.n, hash: s.history.hash, links } };
    },
    writeAgain: async (commits, end, { mine: _mine, ...freeze }: Freeze & { readonly mine?: boolean }) => {
      if (s.down) return DOWN;
      if (JSON.stringify(s.history.frozen) !== JSON.stringify(freeze)) return { kind: 'overtaken' };
      const all = commits.map((one) => ({ one, commit: JSON.parse(Buffer.from(one.content).toString()) as Commit }));
      const touched = all.map(({ one, commit }) => {
        const revs = one.outcome.split('|')[0]?.split(' ').map(Number) ?? [];
        return {
          reads: commit.reads,
          writes: commit.writes.map(({ key }, i) => ({ key, rev: revs[i] ?? 0 })),
          events: [],
        };
      });
      const moved = firstConflict(
        { revs: new Map([...s.entries].map(([key, { rev }]) => [key, rev])), lastEvents: new Map() },
        touched,
      );
      if (moved !== null) return { kind: 'conflict', n: commits[moved.index]?.n ?? 0, key: moved.key };
      for (const { one, commit } of all) {
        if (s.history.n + 1 !== one.n || s.history.hash !== one.prev) {
          return { kind: 'conflict', n: one.n, key: 'head' };
        }
        const outcome = apply(s, commit, one);
        if (outcome.kind !== 'committed') return { kind: 'conflict', n: one.n, key: outcome.kind };
      }
      if (s.history.n !== end.n || s.history.hash !== end.hash) return { kind: 'overtaken' };
      lookAtAll(s);
      s.history.frozen = null;
      return { kind: 'written', keys: [...new Set(touched.flatMap(({ writes }) => writes.map(({ key }) => key)))] };
    },
    follow: async () => {
      for (const commit of s.history.stream) tail.next(commit);
      s.tails.add(tail);
      return { stop: async () => void s.tails.delete(tail) };
    },
  };
}

function lookAtAll(s: State): void {
  const subjects = [
    ...[...s.active.keys()].map((id): Subject => `rollout/${id}`),
    ...[...s.queues].flatMap(([name, { entries }]): Subject[] => (entries.length === 0 ? [] : [`outbox/${name}`])),
    ...[...s.entries.keys()].filter((key): key is RecordKey & Subject => key.startsWith('backend/')),
  ];
  for (const subject of subjects) {
    s.leases.delete(subject);
    s.due.set(subject, Math.min(s.clock.now(), s.due.get(subject) ?? Infinity));
  }
}
