import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { CommitTail } from '../../core/chain/commit-tail.ts';
import { firstConflict, type Held, type Touched } from '../../core/chain/first-conflict.ts';
import type { KeptCommit } from '../../core/chain/kept-commit.ts';
import type { Freeze, StorePoint } from '../../core/model/freeze.ts';
import type { Shapes } from '../../core/model/schema.ts';
import type { Logger } from '../../engine/ports/logger.ts';
import type { RecordKey } from '../../engine/ports/store.ts';
import type { StoreTail, WrittenAgain } from '../../engine/ports/store-tail.ts';
import { commitHead } from './commit-arguments.ts';
import { contentOf, linkOf, outcomeOf, TailEntries, touchedBy, wordsOf } from './kept-commits.ts';
import type { Answer, RedisCalls } from './redis-calls.ts';
import { followStream } from './stream-follower.ts';
import { freezeOf, type Witness } from './witness.ts';

const History = z.tuple([z.string(), z.coerce.number(), z.string(), z.array(z.tuple([z.coerce.number(), z.string()]))]);
const Revs = z.array(z.coerce.number());
const LastEvents = z.array(z.string());
const Text = z.string();
const Frozen = z.string().nullable();
const Reply = z.array(z.string()).min(1);

/** Commits read, asked for, or written together. */
const READ_CHUNK = 100;
const HELD_CHUNK = 500;
const WRITE_CHUNK = 50;

interface Own {
  readonly tail: CommitTail;
  readonly witness: Witness;
  readonly shapes: Shapes;
}

/** What this replica has kept of the last commits, and the way to write them again. */
export function redisTail(calls: RedisCalls, own: Own, connect: () => Redis, logger: Logger): StoreTail {
  const { tail } = own;
  const key = `${calls.prefix}tail`;
  return {
    kept: () => tail.commits(),
    history: async (from) => {
      const answer = await calls.run(History, (client, p) => client.serinHistory(p, String(Math.max(0, from))));
      if (answer.kind !== 'ok') return answer;
      const [epoch, n, hash, links] = answer.value;
      return { kind: 'ok', value: { epoch, n, hash, links: new Map(links) } };
    },
    writeAgain: (commits, end, freeze) => writeAgain(calls, own, { commits, end, freeze }),
    follow: () =>
      followStream({
        name: 'tail of commits',
        connect,
        begin: async (client) => {
          const last = tail.last();
          // Of another epoch there may be more than what comes next.
          const same = last !== null && (await client.get(`${calls.prefix}epoch`)) === last.epoch;
          return same ? `${last.n}-0` : '0-0';
        },
        next: async (client, last, blockMs) => {
          const read = await client.xreadBuffer('COUNT', READ_CHUNK, 'BLOCK', blockMs, 'STREAMS', key, last);
          const entries = TailEntries.parse(read)?.[0]?.[1] ?? [];
          for (const entry of entries) {
            const link = linkOf(entry);
            // Own ones are known since their answer.
            if (link !== null && !tail.isBehind(link)) tail.next({ ...link, content: contentOf(entry) });
          }
          return entries.at(-1)?.[0].toString('latin1') ?? last;
        },
        logger,
      }),
  };
}

async function writeAgain(
  calls: RedisCalls,
  { witness, shapes }: Own,
  {
    commits,
    end,
    freeze,
  }: { readonly commits: readonly KeptCommit[]; readonly end: StorePoint; readonly freeze: Freeze },
): Promise<WrittenAgain> {
  const frozen = await calls.run(Frozen, (client, p) => client.get(`${p}frozen`));
  if (frozen.kind !== 'ok') return frozen;
  const text = frozen.value ?? '';
  if (JSON.stringify(freezeOf(text, witness)) !== JSON.stringify(freeze)) return { kind: 'overtaken' };
  const touched: Touched[] = [];
  for (const commit of commits) {
    const one = touchedBy(commit);
    if (one.kind === 'bad') return { kind: 'unavailable', detail: `commit ${commit.n} is ${one.detail}` };
    touched.push(one.value);
  }
  const held = await heldOf(calls, touched);
  if (held.kind !== 'ok') return held;
  const moved = firstConflict(held.value, touched);
  if (moved !== null) return { kind: 'conflict', n: commits[moved.index]?.n ?? 0, key: moved.key };
  // The first one alone: a server that was started anew has yet to learn the script.
  for (let from = 0, size = 1; from < commits.length; from += size, size = WRITE_CHUNK) {
    const chunk = commits.slice(from, from + size).map((commit) => writeOne(calls, shapes, commit, text));
    for (const written of await Promise.all(chunk)) if (written.kind !== 'written') return written;
  }
  const ended = await calls.run(Text, (client, p) => client.serinReplayed(p, text, end.epoch, String(end.n), end.hash));
  if (ended.kind !== 'ok') return ended;
  if (ended.value !== 'done') return { kind: 'overtaken' };
  const keys = new Set(touched.flatMap(({ writes }) => writes.map(({ key }) => key as RecordKey)));
  return { kind: 'written', keys: [...keys] };
}

/** What the store holds of all that the commits touch. */
async function heldOf(calls: RedisCalls, touched: readonly Touched[]): Promise<Answer<Held>> {
  const revs = new Map<string, number>();
  for (const some of chunked(touched.flatMap(({ reads }) => reads.map(({ key }) => key)))) {
    const answer = await calls.run(Revs, (client, p) => client.serinRevs(p, ...some));
    if (answer.kind !== 'ok') return answer;
    for (const [i, key] of some.entries()) revs.set(key, answer.value[i] ?? 0);
  }
  const lastEvents = new Map<string, string>();
  for (const some of chunked(touched.flatMap(({ events }) => events.map(({ rolloutId }) => rolloutId)))) {
    const answer = await calls.run(LastEvents, (client, p) => client.serinLastEvents(p, ...some));
    if (answer.kind !== 'ok') return answer;
    for (const [i, id] of some.entries()) if (answer.value[i]) lastEvents.set(id, answer.value[i]);
  }
  return { kind: 'ok', value: { revs, lastEvents } };
}

/** Each of them once, so many at a time. */
function chunked(names: readonly string[]): string[][] {
  const once = [...new Set(names)];
  return Array.from({ length: Math.ceil(once.length / HELD_CHUNK) }, (_, i) =>
    once.slice(i * HELD_CHUNK, (i + 1) * HELD_CHUNK),
  );
}

async function writeOne(calls: RedisCalls, shapes: Shapes, commit: KeptCommit, frozen: string): Promise<WrittenAgain> {
  const again = { frozen, commit, ...outcomeOf(commit) };
  const args = [
    ...commitHead(commit.nonce, commit.content, ['', '0', '', ''], shapes, { again }),
    ...wordsOf(commit.content),
  ];
  const answer = await calls.run(Reply, (client, p) => client.serinCommit(p, ...args));
  if (answer.kind !== 'ok') return answer;
  const [kind, where = ''] = answer.value;
  if (kind === 'committed') return { kind: 'written', keys: [] };
  if (kind === 'conflict' && where === 'frozen') return { kind: 'overtaken' };
  if (kind === 'conflict') return { kind: 'conflict', n: commit.n, key: where };
  return { kind: 'unavailable', detail: `commit ${commit.n} was not taken: ${kind} ${where}` };
}
