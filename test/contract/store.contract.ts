import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../../src/core/model/audit.ts';
import type { Phase } from '../../src/core/model/phase.ts';
import type { BackendTraffic, RouteTraffic } from '../../src/core/model/traffic.ts';
import { MAX_DECISIONS } from '../../src/core/replay/decision.ts';
import type { Notice, RolloutEvent } from '../../src/core/rollout/event.ts';
import type {
  AuditLog,
  CensusTaker,
  Commit,
  CommitOutcome,
  DecisionLog,
  DueSet,
  Outbox,
  RecordIndex,
  RecordKey,
  RecordStore,
  StoreRead,
  Subject,
  TrafficFeed,
  TrafficReader,
} from '../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../src/engine/publish.ts';

/** One implementation under test. Every test uses names of its own, so they share one store. */
export interface StoreUnderTest {
  readonly records: RecordStore;
  readonly traffic: TrafficFeed & TrafficReader;
  readonly outbox: Outbox;
  readonly due: DueSet;
  readonly counts: CensusTaker;
  readonly keys: RecordIndex;
  readonly audit: AuditLog;
  readonly decisions: DecisionLog;
  /** Returns once the store's clock has moved on by `ms`. */
  elapse(ms: number): Promise<void>;
  /** Damages a stored record. */
  corrupt(key: RecordKey): Promise<void>;
  /** From here on no call gets an answer. */
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

let names = 0;
/** A name that no other test has used. */
function fresh(word: string): string {
  names += 1;
  return `${word}-${names}`;
}

export const EMPTY: Commit = EMPTY_COMMIT;

function put(key: RecordKey, rev: number, body: unknown): Commit {
  return { ...EMPTY, reads: [{ key, rev }], writes: [{ key, body }] };
}

function value<T>(read: StoreRead<T>): T {
  if (read.kind !== 'ok') throw new Error(`${read.kind}: ${read.detail}`);
  return read.value;
}

function committed(outcome: CommitOutcome): Extract<CommitOutcome, { kind: 'committed' }> {
  if (outcome.kind !== 'committed') throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  return outcome;
}

export function notice(id: string, rolloutId = 'r'): Notice {
  return {
    id,
    rolloutId,
    backend: 'checkout',
    plan: 'checkout',
    revision: 'v2',
    stable: 'v1',
    kind: 'started',
    tone: 'info',
    title: `notice ${id}\nwith a second line`,
    fields: [['step', '1']],
    atMs: 1,
  };
}

function event(rolloutId: string, message: string): RolloutEvent {
  return { rolloutId, type: 'step', atMs: 1, by: 'serin', phase: 'stepping', step: 1, message, data: { weight: 500 } };
}

function route(name: string): RouteTraffic {
  return { kind: 'route', route: name, spec: { fleet: 'edge', hostnames: [`${name}.example.com`], rules: [] } };
}

function backend(name: string, weight: number): BackendTraffic {
  return {
    kind: 'backend',
    backend: name,
    revisions: [],
    pinned: [],
    split: [{ cluster: `${name}--v1`, weight }],
    pins: [],
    maxStreamMs: null,
  };
}

export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let store: StoreUnderTest;
    beforeAll(async () => {
      store = await open();
    }, 20_000);
    afterAll(async () => {
      await store.close();
    }, 20_000);

    recordContract(() => store);
    pageContract(() => store);
    indexContract(() => store);
    auditContract(() => store);
    outboxContract(() => store);
    dueContract(() => store);
    censusContract(() => store);
    trafficContract(() => store);
    outageContract(() => store);
  });
}

function recordContract(store: () => StoreUnderTest): void {
  it('reads a record that does not exist as rev 0', async () => {
    const key: RecordKey = `rollout/${fresh('none')}`;
    expect(value(await store().records.read([key]))).toEqual([{ key, rev: 0, body: null }]);
  });

  it('adds 1 to the rev with each write and gives bodies back as they were', async () => {
    const key: RecordKey = `rollout/${fresh('rev')}`;
    const body = { text: 'ä "quoted" \u2028 line\nbreak', nested: { list: [1, 2.5, null, true] } };
    committed(await store().records.commit(put(key, 0, { first: true })));
    committed(await store().records.commit(put(key, 1, body)));
    expect(value(await store().records.read([key]))).toEqual([{ key, rev: 2, body }]);
  });

  it('F8: refuses a wrong rev, names the record, and changes nothing at all', async () => {
    const { records, outbox, traffic, due } = store();
    const good: RecordKey = `rollout/${fresh('good')}`;
    const bad: RecordKey = `backend/${fresh('bad')}`;
    const fleet = fresh('fleet');
    const queue = `${fresh('r')}~deploys`;
    const subject: Subject = `rollout/${fresh('due')}`;
    const outcome = await records.commit({
      ...EMPTY,
      reads: [
        { key: good, rev: 0 },
        { key: bad, rev: 3 },
      ],
      writes: [{ key: good, body: { a: 1 } }],
      events: [event(good.slice(8), 'never')],
      outbox: [{ queue, notice: notice('never') }],
      due: [{ subject, atMs: 1 }],
      traffic: [{ fleet, owner: 'backend/b', value: backend('b', 1) }],
    });
    expect(outcome).toEqual({ kind: 'conflict', key: bad });
    expect(value(await records.read([good]))[0]?.rev).toBe(0);
    expect(value(await records.events(good.slice(8), { after: null, limit: 10 }))).toEqual([]);
    expect(value(await outbox.head(queue))).toBeNull();
    expect(value(await traffic.table(fleet)).position.n).toBe(0);
    expect(value(await traffic.fleets())).not.toContain(fleet);
    expect(subjectsOf(await due.lease(100, 1))).not.toContain(subject);
  });

  it('F8: lets exactly one of 50 racing writers win', async () => {
    const key: RecordKey = `rollout/${fresh('race')}`;
    committed(await store().records.commit(put(key, 0, { writer: null })));
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, writer) => store().records.commit(put(key, 1, { writer }))),
    );
    const winners = outcomes.flatMap(({ kind }, writer) => (kind === 'committed' ? [writer] : []));
    expect(winners).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(49);
    expect(value(await store().records.read([key]))).toEqual([{ key, rev: 2, body: { writer: winners[0] } }]);
  });

  it('lets exactly one of 50 racing creators win', async () => {
    const key: RecordKey = `rollout/${fresh('create')}`;
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, writer) => store().records.commit(put(key, 0, { writer }))),
    );
    expect(outcomes.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
  });

  it('checks records that are read but not written', async () => {
    const seen: RecordKey = `backend/${fresh('seen')}`;
    const written: RecordKey = `rollout/${fresh('written')}`;
    committed(await store().records.commit(put(seen, 0, {})));
    const decision: Commit = {
      ...put(written, 0, {}),
      reads: [
        { key: written, rev: 0 },
        { key: seen, rev: 1 },
      ],
    };
    committed(await store().records.commit(put(seen, 1, { moved: true })));
    expect(await store().records.commit(decision)).toEqual({ kind: 'conflict', key: seen });
  });

  it('deletes, and does not take a record made anew for the one that was deleted', async () => {
    const key: RecordKey = `document/Route/${fresh('again')}`;
    committed(await store().records.commit(put(key, 0, { life: 1 })));
    committed(await store().records.commit(put(key, 1, null)));
    expect(value(await store().records.read([key]))).toEqual([{ key, rev: 0, body: null }]);
    committed(await store().records.commit(put(key, 0, { life: 2 })));
    expect(await store().records.commit(put(key, 1, { from: 'the first life' }))).toEqual({ kind: 'conflict', key });
    const [again] = value(await store().records.read([key]));
    expect(again?.rev).toBeGreaterThan(1);
    expect(again?.body).toEqual({ life: 2 });
  });

  it('lets what a judge remembers go with its rollout', async () => {
    const id = fresh('judged');
    const [rollout, judge, verdicts]: RecordKey[] = [`rollout/${id}`, `judge/${id}`, `verdicts/${id}`];
    const other: RecordKey = `judge/${id}0`;
    for (const key of [rollout, judge, verdicts, other]) {
      if (key !== undefined) committed(await store().records.commit(put(key, 0, { key })));
    }
    if (rollout === undefined || judge === undefined || verdicts === undefined) throw new Error('no keys');
    committed(await store().records.commit(put(rollout, 1, null)));
    const read = value(await store().records.read([rollout, judge, verdicts, other]));
    expect(read.map(({ rev, body }) => [rev, body])).toEqual([
      [0, null],
      [0, null],
      [0, null],
      [1, { key: other }],
    ]);
    const listed = value(await store().records.list('judge/', { limit: 100, cursor: null }));
    expect(listed.records.map(({ key }) => key)).not.toContain(judge);
    committed(await store().records.commit(put(judge, 0, { again: true })));
  });

  it('takes no more than 16 KiB of what a judge remembers', async () => {
    const key: RecordKey = `judge/${fresh('large')}`;
    const body = (bytes: number) => ({ x: 'x'.repeat(bytes - JSON.stringify({ x: '' }).length) });
    await expect(store().records.commit(put(key, 0, body(16_385)))).rejects.toThrow(RangeError);
    committed(await store().records.commit(put(key, 0, body(16_384))));
  });

  it('says which rev each written record has now: 0 for a deleted one, a later life above the former', async () => {
    const key: RecordKey = `document/Route/${fresh('revs')}`;
    const other: RecordKey = `backend/${fresh('revs')}`;
    const both: Commit = {
      ...EMPTY,
      reads: [
        { key, rev: 0 },
        { key: other, rev: 0 },
      ],
      writes: [
        { key, body: { life: 1 } },
        { key: other, body: {} },
      ],
    };
    expect([...committed(await store().records.commit(both)).revs]).toEqual([
      [key, 1],
      [other, 1],
    ]);
    expect([...committed(await store().records.commit(put(key, 1, null))).revs]).toEqual([[key, 0]]);
    const again = committed(await store().records.commit(put(key, 0, { life: 2 })));
    const [stored] = value(await store().records.read([key]));
    expect(again.revs.get(key)).toBe(stored?.rev);
  });

  it('throws for a write without a read, and for a record above 4 MiB', async () => {
    const key: RecordKey = `rollout/${fresh('bug')}`;
    const unread = { ...EMPTY, writes: [{ key, body: {} }] };
    await expect(store().records.commit(unread)).rejects.toThrow(RangeError);
    await expect(store().records.commit(put(key, 0, { x: 'x'.repeat(4 * 1024 * 1024) }))).rejects.toThrow(RangeError);
    expect(value(await store().records.read([key]))[0]?.rev).toBe(0);
  });

  it('says which record is corrupt, and still reads the others', async () => {
    const broken: RecordKey = `rollout/${fresh('broken')}`;
    const whole: RecordKey = `rollout/${fresh('whole')}`;
    committed(await store().records.commit(put(broken, 0, { a: 1 })));
    committed(await store().records.commit(put(whole, 0, { a: 1 })));
    await store().corrupt(broken);
    expect(await store().records.read([whole, broken])).toMatchObject({ kind: 'corrupt', key: broken });
    expect(value(await store().records.read([whole]))[0]?.rev).toBe(1);
    // Out of the way of the tests that list.
    committed(await store().records.commit(put(broken, 1, null)));
  });
}

function pageContract(store: () => StoreUnderTest): void {
  it('lists newest first, page by page, without gaps or repeats', async () => {
    const kind = fresh('Kind');
    const made: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      const key: RecordKey = `document/${kind}/n${i}`;
      committed(await store().records.commit(put(key, 0, { i })));
      made.unshift(key);
    }
    // A later write does not move a record.
    committed(await store().records.commit(put(`document/${kind}/n0`, 1, { i: 'again' })));
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { records: readonly { key: string }[]; cursor: string | null } = value(
        await store().records.list(`document/${kind}/`, { limit: 3, cursor }),
      );
      expect(page.records.length).toBeLessThanOrEqual(3);
      seen.push(...page.records.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual(made);
  });

  it('lists records of one commit, all kinds under a shared prefix, and no deleted one', async () => {
    const kind = fresh('Kind');
    const keys: RecordKey[] = [`document/${kind}/a`, `document/${kind}/b`, `document/${kind}/c`];
    committed(
      await store().records.commit({
        ...EMPTY,
        reads: keys.map((key) => ({ key, rev: 0 })),
        writes: keys.map((key) => ({ key, body: {} })),
      }),
    );
    committed(await store().records.commit(put(`document/${kind}/b`, 1, null)));
    const page = value(await store().records.list(`document/${kind}/`, { limit: 10, cursor: null }));
    expect(page.records.map(({ key }) => key)).toEqual([keys[2], keys[0]]);
    expect(page.cursor).toBeNull();
    const every = value(await store().records.list('document/', { limit: 1000, cursor: null }));
    expect(every.records.map(({ key }) => key)).toEqual(expect.arrayContaining([keys[2], keys[0]]));
  });

  it('pages through events in the order they were committed', async () => {
    const id = fresh('events');
    for (let i = 0; i < 3; i += 1) {
      const events = [event(id, `${i}a`), event(id, `${i}b`)];
      committed(await store().records.commit({ ...EMPTY, events }));
    }
    const first = value(await store().records.events(id, { after: null, limit: 4 }));
    const last = value(await store().records.events(id, { after: first.at(-1)?.id ?? '', limit: 4 }));
    const messages = [...first, ...last].map((entry) => entry.event.message);
    expect(messages).toEqual(['0a', '0b', '1a', '1b', '2a', '2b']);
    expect(first[0]?.event).toEqual(event(id, '0a'));
    expect(value(await store().records.events(id, { after: last.at(-1)?.id ?? '', limit: 4 }))).toEqual([]);
  });
}

function indexContract(store: () => StoreUnderTest): void {
  it('names the oldest records of a prefix, page by page, and says how many there are', async () => {
    const { records, keys } = store();
    const kind = fresh('Kind');
    const made: RecordKey[] = [];
    for (let i = 0; i < 5; i += 1) {
      const key: RecordKey = `document/${kind}/n${i}`;
      committed(await records.commit(put(key, 0, { i })));
      made.push(key);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { keys: readonly RecordKey[]; cursor: string | null; total: number } = value(
        await keys.oldest(`document/${kind}/`, { limit: 2, cursor }),
      );
      expect(page.total).toBe(5);
      seen.push(...page.keys);
      cursor = page.cursor;
    } while (cursor !== null);
    expect(seen).toEqual(made);
    expect(value(await keys.oldest(`document/${fresh('None')}/`, { limit: 2, cursor: null }))).toEqual({
      keys: [],
      cursor: null,
      total: 0,
    });
  });

  it('forgets the events of a rollout with its record, and no longer counts it', async () => {
    const { records, counts } = store();
    const id = fresh('ended');
    const key: RecordKey = `rollout/${id}`;
    committed(
      await records.commit({
        ...put(key, 0, {}),
        events: [event(id, 'one')],
        active: [{ rolloutId: id, phase: 'pending', evidenceAtMs: null, blind: false }],
      }),
    );
    expect(value(await records.events(id, { after: null, limit: 10 }))).toHaveLength(1);
    committed(await records.commit(put(key, 1, null)));
    expect(value(await records.events(id, { after: null, limit: 10 }))).toEqual([]);
    expect(value(await counts.census()).active.get('pending')).toBeUndefined();
  });
}

function auditContract(store: () => StoreUnderTest): void {
  const entry = (id: string, atMs = 1): AuditEntry => ({
    id,
    stage: 'answered',
    atMs,
    by: 'ci "quoted"',
    command: 'abort',
    target: 'rollout/r1',
    detail: 'declined payments\n',
    result: 'done',
  });

  const decide = (rolloutId: string, rev: number, run: string, text = `{"rev":${rev}}`): Commit => ({
    ...put(`rollout/${rolloutId}`, rev, { rev }),
    decisions: [{ rolloutId, run, rev, text }],
  });

  it('keeps decisions with their commit, oldest first, page by page, and none of a conflict', async () => {
    const id = fresh('r');
    for (const rev of [0, 1, 2]) committed(await store().records.commit(decide(id, rev, '')));
    expect((await store().records.commit(decide(id, 1, ''))).kind).toBe('conflict');
    const log = store().decisions;
    expect(value(await log.read(id, { from: 0, limit: 2 }))).toEqual([
      { looks: 1, text: '{"rev":0}' },
      { looks: 1, text: '{"rev":1}' },
    ]);
    expect(value(await log.read(id, { from: 2, limit: 2 }))).toEqual([{ looks: 1, text: '{"rev":2}' }]);
    expect(value(await log.read(id, { from: 3, limit: 2 }))).toEqual([]);
    expect(value(await log.read(fresh('r'), { from: 0, limit: 2 }))).toEqual([]);
  });

  it('keeps the first and the last of a run of looks, counted', async () => {
    const id = fresh('r');
    const runs = ['', 'a', 'a', 'a', 'a', 'ab', 'a', 'a', '', '', ''];
    for (const [rev, run] of runs.entries()) committed(await store().records.commit(decide(id, rev, run)));
    const kept = value(await store().decisions.read(id, { from: 0, limit: 100 }));
    const revs = kept.map(({ looks, text }) => [(JSON.parse(text) as { rev: number }).rev, looks]);
    expect(revs).toEqual([
      [0, 1],
      [1, 1],
      [4, 3],
      [5, 1],
      [6, 1],
      [7, 1],
      [8, 1],
      [9, 1],
      [10, 1],
    ]);
  });

  it('lets go of the oldest decisions beyond so many', async () => {
    const id = fresh('r');
    const more = MAX_DECISIONS + 3;
    for (let rev = 0; rev < more; rev += 1) committed(await store().records.commit(decide(id, rev, '')));
    const [first] = value(await store().decisions.read(id, { from: 0, limit: 1 }));
    expect(first?.text).toBe('{"rev":3}');
    expect(value(await store().decisions.read(id, { from: MAX_DECISIONS, limit: 1 }))).toEqual([]);
  }, 60_000);

  it('and beyond so many bytes, but never of the newest', async () => {
    const id = fresh('r');
    // Does not compress: no two of them are alike, nor are their parts.
    const noise = (rev: number) => {
      const parts: string[] = [];
      for (let i = 0; i < 8_000; i += 1) parts.push(createHash('sha256').update(`${id} ${rev} ${i}`).digest('base64'));
      return JSON.stringify(parts.join(''));
    };
    let rev = 0;
    for (; rev < 60; rev += 1) {
      committed(await store().records.commit(decide(id, rev, '', noise(rev))));
      if (value(await store().decisions.read(id, { from: rev, limit: 1 })).length === 0) break;
    }
    expect(rev).toBeLessThan(60);
    const kept = value(await store().decisions.read(id, { from: 0, limit: 100 }));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.at(-1)?.text).toBe(noise(rev));
  }, 60_000);

  it('forgets the decisions of a rollout with its record', async () => {
    const id = fresh('r');
    committed(await store().records.commit(decide(id, 0, '')));
    committed(await store().records.commit(put(`rollout/${id}`, 1, null)));
    expect(value(await store().decisions.read(id, { from: 0, limit: 1 }))).toEqual([]);
  });

  it('keeps who did what, oldest first, page by page, from a moment on', async () => {
    const { audit, records } = store();
    const before = value(await records.time());
    const ids = [fresh('entry'), fresh('entry'), fresh('entry')];
    for (const id of ids) value(await audit.append(entry(id)));
    const first = value(await audit.read({ after: null, sinceMs: before, limit: 2 }));
    expect(first.map(({ entry: one }) => one)).toEqual([entry(ids[0] ?? ''), entry(ids[1] ?? '')]);
    const rest = value(await audit.read({ after: first[1]?.cursor ?? null, sinceMs: null, limit: 10 }));
    expect(rest.map(({ entry: one }) => one.id)).toEqual([ids[2]]);
    await store().elapse(5);
    const now = value(await records.time());
    expect(value(await audit.read({ after: null, sinceMs: now, limit: 10 }))).toEqual([]);
    // What is no cursor starts from the beginning.
    expect(value(await audit.read({ after: 'x', sinceMs: before, limit: 1 }))[0]?.entry.id).toBe(ids[0]);
  });

  it('lets go of entries by age', async () => {
    const { audit, records } = store();
    const old = fresh('old');
    value(await audit.append(entry(old)));
    await store().elapse(5);
    const now = value(await records.time());
    const young = fresh('young');
    value(await audit.append(entry(young)));
    value(await audit.trim(now, 1_000));
    const left = value(await audit.read({ after: null, sinceMs: null, limit: 1_000 })).map(({ entry: one }) => one.id);
    expect(left).toContain(young);
    expect(left).not.toContain(old);
  });

  it('and by number', async () => {
    const { audit } = store();
    const ids = Array.from({ length: 5 }, () => fresh('many'));
    for (const id of ids) value(await audit.append(entry(id)));
    value(await audit.trim(0, 2));
    const left = value(await audit.read({ after: null, sinceMs: null, limit: 1_000 })).map(({ entry: one }) => one.id);
    expect(left).toEqual(ids.slice(-2));
  });
}

function outboxContract(store: () => StoreUnderTest): void {
  const post = async (queue: string, ...ids: string[]): Promise<void> => {
    committed(await store().records.commit({ ...EMPTY, outbox: ids.map((id) => ({ queue, notice: notice(id) })) }));
  };

  it('delivers first in, first out, and forgets what was delivered', async () => {
    const { outbox } = store();
    const queue = `${fresh('fifo')}~deploys`;
    await post(queue, 'a', 'b');
    await post(queue, 'c');
    for (const id of ['a', 'b', 'c']) {
      const head = value(await outbox.head(queue));
      expect(head).toEqual({ queue, notice: notice(id), attempts: 0, firstTriedAtMs: null });
      value(await outbox.delivered(queue, id));
      // The reply may have been lost; saying it again takes nothing else.
      value(await outbox.delivered(queue, id));
    }
    expect(value(await outbox.head(queue))).toBeNull();
  });

  it('makes a queue due with its first notice', async () => {
    const queue = `${fresh('due')}~deploys`;
    await post(queue, 'a');
    expect(subjectsOf(await store().due.lease(1000, 60_000))).toContain(`outbox/${queue}`);
  });

  it('keeps the order and counts the attempts while the head is tried again', async () => {
    const { outbox, records, due } = store();
    const queue = `${fresh('retry')}~deploys`;
    await post(queue, 'a', 'b');
    const now = value(await records.time());
    value(await outbox.retry(queue, 'a', now + 3_600_000, 'status 500'));
    value(await outbox.retry(queue, 'a', now + 3_600_000, 'status 500'));
    // Not the head: nothing happens.
    value(await outbox.retry(queue, 'b', now, 'status 500'));
    const head = value(await outbox.head(queue));
    expect(head).toMatchObject({ notice: { id: 'a' }, attempts: 2 });
    expect(head?.firstTriedAtMs).toBeGreaterThanOrEqual(now);
    // A notice that joins the queue does not cut the pause short.
    await post(queue, 'c');
    expect(subjectsOf(await due.lease(1000, 60_000))).not.toContain(`outbox/${queue}`);
    value(await outbox.delivered(queue, 'a'));
    expect(value(await outbox.head(queue))).toMatchObject({ notice: { id: 'b' }, attempts: 0, firstTriedAtMs: null });
    expect(subjectsOf(await due.lease(1000, 60_000))).toContain(`outbox/${queue}`);
  });

  it('puts one message in the place of those at the front, and goes on counting its tries', async () => {
    const { outbox, records, counts } = store();
    const queue = `${fresh('fold')}~deploys`;
    await post(queue, 'a', 'b', 'c', 'd');
    const now = value(await records.time());
    value(await outbox.retry(queue, 'a', now + 3_600_000, 'status 503'));
    const before = value(await counts.census());
    expect(value(await outbox.waiting(queue, 3)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(value(await outbox.fold(queue, ['a', 'b', 'c'], { ...notice('c'), title: 'all of it' }))).toBe('folded');
    expect(value(await outbox.waiting(queue, 10)).map(({ id, title }) => [id, title])).toEqual([
      ['c', 'all of it'],
      ['d', notice('d').title],
    ]);
    const head = value(await outbox.head(queue));
    expect(head).toMatchObject({ notice: { id: 'c' }, attempts: 1 });
    // Nobody has tried for a day what has just come to the front.
    expect(head?.firstTriedAtMs).toBeGreaterThanOrEqual(now);
    expect(value(await counts.census()).outbox).toEqual(before.outbox);
    value(await outbox.delivered(queue, 'c'));
    expect(value(await outbox.head(queue))).toMatchObject({ notice: { id: 'd' }, attempts: 0 });
  });

  it('folds nothing when the front has changed meanwhile', async () => {
    const { outbox } = store();
    const queue = `${fresh('race')}~deploys`;
    await post(queue, 'a', 'b', 'c');
    value(await outbox.delivered(queue, 'a'));
    for (const seen of [
      ['a', 'b'],
      ['b', 'c', 'd'],
      ['c', 'b'],
      ['b', 'x'],
    ]) {
      expect(value(await outbox.fold(queue, seen, notice(seen.at(-1) ?? '')))).toBe('changed');
    }
    expect(value(await outbox.waiting(queue, 10)).map(({ id }) => id)).toEqual(['b', 'c']);
    await expect(outbox.fold(queue, ['b', 'c'], notice('b'))).rejects.toThrow(RangeError);
    expect(value(await outbox.waiting(`${fresh('none')}~deploys`, 10))).toEqual([]);
  });

  it('buries in the open and goes on with the next', async () => {
    const { outbox } = store();
    const queue = `${fresh('bury')}~deploys`;
    await post(queue, 'a', 'b');
    value(await outbox.bury(queue, 'a', 'status 410'));
    value(await outbox.bury(queue, 'gone', 'status 410'));
    expect(value(await outbox.head(queue))).toMatchObject({ notice: { id: 'b' } });
    const dead = value(await outbox.deadLetters(1000)).filter((letter) => letter.queue === queue);
    expect(dead).toEqual([{ queue, notice: notice('a'), detail: 'status 410' }]);
  });

  it('does not strand a notice that arrives between the last look and the end of the lease', async () => {
    const { outbox, due } = store();
    const queue = `${fresh('gap')}~deploys`;
    await post(queue, 'a');
    expect(subjectsOf(await due.lease(1000, 20))).toContain(`outbox/${queue}`);
    value(await outbox.delivered(queue, 'a'));
    await post(queue, 'b');
    value(await due.forget(`outbox/${queue}`));
    await store().elapse(30);
    expect(subjectsOf(await due.lease(1000, 60_000))).toContain(`outbox/${queue}`);
  });
}

const subjectsOf = (leased: Awaited<ReturnType<DueSet['lease']>>): Subject[] =>
  value(leased).map(({ subject }) => subject);

function dueContract(store: () => StoreUnderTest): void {
  const now = async (): Promise<number> => value(await store().records.time());

  it('leases what is due, once, until the lease runs out', async () => {
    const { due } = store();
    const subject: Subject = `rollout/${fresh('lease')}`;
    value(await due.schedule(subject, await now()));
    expect(subjectsOf(await due.lease(1000, 50))).toContain(subject);
    expect(subjectsOf(await due.lease(1000, 50))).not.toContain(subject);
    await store().elapse(60);
    expect(subjectsOf(await due.lease(1000, 60_000))).toContain(subject);
    value(await due.forget(subject));
  });

  it('says since when each subject has been due', async () => {
    const { due } = store();
    const subject: Subject = `rollout/${fresh('since')}`;
    value(await due.schedule(subject, 7));
    expect(value(await due.lease(1000, 60_000))).toContainEqual({ subject, dueAtMs: 7, crashes: 0 });
    value(await due.forget(subject));
  });

  it('gives nobody what is not due yet, and says when the earliest is', async () => {
    const { due } = store();
    const subject: Subject = `backend/${fresh('future')}`;
    value(await due.schedule(subject, (await now()) + 3_600_000));
    expect(subjectsOf(await due.lease(1000, 60_000))).not.toContain(subject);
    const earliest: Subject = `backend/${fresh('past')}`;
    value(await due.schedule(earliest, 5));
    expect(value(await due.next())).toBe(5);
    value(await due.lease(1000, 60_000));
    value(await due.forget(earliest));
  });

  it('shares subjects out among racing replicas', async () => {
    const subjects = Array.from({ length: 20 }, (): Subject => `rollout/${fresh('shared')}`);
    // What earlier tests left is out of the way.
    value(await store().due.lease(1000, 60_000));
    const at = await now();
    for (const subject of subjects) value(await store().due.schedule(subject, at));
    const shares = await Promise.all(Array.from({ length: 10 }, () => store().due.lease(3, 60_000)));
    const got = shares.flatMap((share) => subjectsOf(share)).filter((subject) => subjects.includes(subject));
    expect(got.toSorted()).toEqual(subjects.toSorted());
  });

  it('forgets a lease that ended, but never what was scheduled meanwhile', async () => {
    const { due } = store();
    const done: Subject = `rollout/${fresh('done')}`;
    const again: Subject = `rollout/${fresh('again')}`;
    const later: Subject = `rollout/${fresh('later')}`;
    for (const subject of [done, again]) value(await due.schedule(subject, await now()));
    value(await due.schedule(later, (await now()) + 40));
    value(await due.lease(1000, 20));
    committed(await store().records.commit({ ...EMPTY, due: [{ subject: again, atMs: await now() }] }));
    for (const subject of [done, again, later]) value(await due.forget(subject));
    await store().elapse(60);
    const leased = subjectsOf(await due.lease(1000, 60_000));
    expect(leased).toContain(again);
    expect(leased).toContain(later);
    expect(leased).not.toContain(done);
  });

  it('schedules and unschedules with a commit, all or nothing', async () => {
    const { due, records } = store();
    const key: RecordKey = `rollout/${fresh('tick')}`;
    const mine: Subject = `rollout/${fresh('mine')}`;
    const other: Subject = `rollout/${fresh('other')}`;
    const at = await now();
    value(await due.schedule(other, at));
    const change: Commit = {
      ...put(key, 0, {}),
      due: [
        { subject: mine, atMs: at },
        { subject: other, atMs: null },
      ],
    };
    expect((await records.commit({ ...change, reads: [{ key, rev: 9 }] })).kind).toBe('conflict');
    committed(await records.commit(change));
    const leased = subjectsOf(await due.lease(1000, 60_000));
    expect(leased).toContain(mine);
    expect(leased).not.toContain(other);
  });
}

function censusContract(store: () => StoreUnderTest): void {
  const census = async () => value(await store().counts.census());
  const note = (rolloutId: string, phase: Phase | null, evidenceAtMs: number | null = null, blind = false): Commit => ({
    ...EMPTY,
    active: [{ rolloutId, phase, evidenceAtMs, blind }],
  });

  it('counts the rollouts that have not ended by phase, each once, and finds the oldest evidence', async () => {
    const { records } = store();
    const [a, b] = [fresh('a'), fresh('b')];
    const before = await census();
    committed(await records.commit(note(a, 'stepping', 2_000)));
    committed(await records.commit(note(a, 'stepping', 3_000)));
    committed(await records.commit(note(b, 'stepping', 4_000)));
    const both = await census();
    expect(both.active.get('stepping')).toBe((before.active.get('stepping') ?? 0) + 2);
    expect(both.evidenceAtMs).toBe(3_000);
    committed(await records.commit(note(a, 'promoting')));
    committed(await records.commit(note(b, null)));
    const after = await census();
    expect(after.active.get('promoting')).toBe(1);
    expect(after.active.get('stepping')).toBe(before.active.get('stepping'));
    expect(after.evidenceAtMs).toBeNull();
    committed(await records.commit(note(a, null)));
    expect((await census()).active.get('promoting')).toBeUndefined();
  });

  it('counts who is judged and of whom nothing reaches us, and knows the breaker', async () => {
    const { records } = store();
    const ids = [fresh('a'), fresh('b'), fresh('c')] as const;
    const before = await census();
    for (const [i, id] of ids.entries())
      committed(await records.commit(note(id, 'stepping', i === 2 ? null : 5, i < 1)));
    expect(await census()).toMatchObject({ judged: before.judged + 2, blind: before.blind + 1 });
    committed(await records.commit(note(ids[0], 'stepping', 6)));
    expect(await census()).toMatchObject({ judged: before.judged + 2, blind: before.blind });
    for (const id of ids) committed(await records.commit(note(id, null, null)));
    expect(await census()).toMatchObject({ judged: before.judged, blind: before.blind, breakerOpen: false });
    const key = 'breaker/evidence';
    committed(await records.commit(put(key, 0, { openSinceMs: 7, closedAtMs: null })));
    expect((await census()).breakerOpen).toBe(true);
    committed(await records.commit(put(key, 1, { openSinceMs: null, closedAtMs: 8 })));
    expect((await census()).breakerOpen).toBe(false);
  });

  it('does not count what a conflict has stopped', async () => {
    const id = fresh('lost');
    const lost = { ...note(id, 'aborting'), reads: [{ key: `rollout/${id}` as const, rev: 7 }] };
    expect((await store().records.commit(lost)).kind).toBe('conflict');
    expect((await census()).active.get('aborting')).toBeUndefined();
  });

  it('knows since when the oldest message waits, and how many were given up', async () => {
    const { records, outbox } = store();
    const queue = `${fresh('r')}~deploys`;
    const before = await census();
    const second = { ...notice('b'), atMs: before.nowMs - 50 };
    committed(await records.commit({ ...EMPTY, outbox: [notice('a'), second].map((one) => ({ queue, notice: one })) }));
    const both = await census();
    expect(both.outbox.queues).toBe(before.outbox.queues + 1);
    expect(both.outbox.sinceMs).not.toBeNull();
    expect(both.outbox.sinceMs).toBeGreaterThanOrEqual(before.outbox.sinceMs ?? before.nowMs);
    value(await outbox.delivered(queue, 'a'));
    expect((await census()).outbox.sinceMs).toBe(before.outbox.sinceMs ?? second.atMs);
    value(await outbox.bury(queue, 'b', 'status 410'));
    const after = await census();
    expect(after.outbox).toEqual(before.outbox);
    expect(after.deadLetters).toBe(before.deadLetters + 1);
  });

  it('knows the earliest moment in the due set', async () => {
    const subject: Subject = `rollout/${fresh('first')}`;
    value(await store().due.schedule(subject, 3));
    expect((await census()).dueAtMs).toBe(3);
    value(await store().due.lease(1000, 60_000));
    value(await store().due.forget(subject));
  });
}

function trafficContract(store: () => StoreUnderTest): void {
  it('starts every fleet at n 0 of one epoch', async () => {
    const a = value(await store().traffic.table(fresh('fleet')));
    const b = value(await store().traffic.table(fresh('fleet')));
    expect(a.position).toEqual({ epoch: b.position.epoch, n: 0 });
    expect(a.owners.size).toBe(0);
  });

  it('gives each fleet of a commit one new revision and each written owner that n', async () => {
    const { records, traffic } = store();
    const [edge, mesh] = [fresh('edge'), fresh('mesh')];
    const first = committed(
      await records.commit({
        ...EMPTY,
        traffic: [
          { fleet: edge, owner: 'route/shop', value: route('shop') },
          { fleet: edge, owner: 'backend/cart', value: backend('cart', 10_000) },
          { fleet: mesh, owner: 'backend/cart', value: backend('cart', 10_000) },
        ],
      }),
    );
    const { epoch } = value(await traffic.table(edge)).position;
    expect(first.fleets).toEqual({ [edge]: { epoch, n: 1 }, [mesh]: { epoch, n: 1 } });
    const second = committed(
      await records.commit({
        ...EMPTY,
        traffic: [{ fleet: edge, owner: 'backend/cart', value: backend('cart', 500) }],
      }),
    );
    expect(second.fleets).toEqual({ [edge]: { epoch, n: 2 } });
    const table = value(await traffic.table(edge));
    expect(table.position).toEqual({ epoch, n: 2 });
    expect(Object.fromEntries(table.owners)).toEqual({
      'route/shop': { n: 1, value: route('shop') },
      'backend/cart': { n: 2, value: backend('cart', 500) },
    });
    committed(await records.commit({ ...EMPTY, traffic: [{ fleet: edge, owner: 'route/shop', value: null }] }));
    const after = value(await traffic.table(edge));
    expect(after.position.n).toBe(3);
    expect([...after.owners.keys()]).toEqual(['backend/cart']);
    expect(value(await traffic.standing(edge, 'backend/cart'))).toEqual({ position: { epoch, n: 2 }, trial: null });
    expect(value(await traffic.standing(edge, 'route/shop')).position).toBeNull();
    const nowhere = await traffic.standing(fresh('fleet'), 'backend/cart');
    expect(value(nowhere)).toEqual({ position: null, trial: null });
    expect(value(await traffic.fleets())).toEqual(expect.arrayContaining([edge, mesh]));
  });

  it('keeps a trial beside the table, and gives its begin and its end a revision each', async () => {
    const { records, traffic } = store();
    const fleet = fresh('fleet');
    const [before, tried] = [backend('cart', 1), backend('cart', 2)];
    committed(await records.commit({ ...EMPTY, traffic: [{ fleet, owner: 'backend/cart', value: before }] }));
    const trial = { probe: 'edge-1', changes: [['backend/cart', tried] as const, ['route/old', null] as const] };
    const begun = committed(await records.commit({ ...EMPTY, trials: [{ fleet, by: 'rollout/r1', trial }] }));
    expect(begun.fleets[fleet]?.n).toBe(2);
    const table = value(await traffic.table(fleet));
    expect(table.trial).toEqual({ ...trial, by: 'rollout/r1', n: 2 });
    expect(table.owners.get('backend/cart')).toEqual({ n: 1, value: before });
    const position = { epoch: table.position.epoch, n: 2 };
    expect(value(await traffic.standing(fleet, 'backend/cart'))).toEqual({
      position: { ...position, n: 1 },
      trial: { by: 'rollout/r1', probe: 'edge-1', position },
    });
    // Another node tries it, then it is made for all in the commit that ends the trial.
    committed(
      await records.commit({ ...EMPTY, trials: [{ fleet, by: 'rollout/r1', trial: { ...trial, probe: 'edge-2' } }] }),
    );
    expect(value(await traffic.table(fleet)).trial).toMatchObject({ probe: 'edge-2', n: 3 });
    const made = await records.commit({
      ...EMPTY,
      traffic: [{ fleet, owner: 'backend/cart', value: tried }],
      trials: [{ fleet, by: 'rollout/r1', trial: null }],
    });
    expect(committed(made).fleets[fleet]?.n).toBe(4);
    expect(value(await traffic.table(fleet))).toMatchObject({ trial: null, position: { n: 4 } });
  });

  it('keeps the n of an owner, and of a trial, for what changes beside what Envoys have to confirm', async () => {
    const { records, traffic } = store();
    const fleet = fresh('fleet');
    const owner = 'backend/cart' as const;
    const trial = (weight: number) => ({ probe: 'edge-1', changes: [[owner, backend('cart', weight)] as const] });
    committed(await records.commit({ ...EMPTY, traffic: [{ fleet, owner, value: backend('cart', 1) }] }));
    committed(await records.commit({ ...EMPTY, trials: [{ fleet, by: 'rollout/r1', trial: trial(2) }] }));
    const told = await records.commit({
      ...EMPTY,
      traffic: [
        { fleet, owner, value: backend('cart', 3), beside: true },
        { fleet, owner: 'backend/new', value: backend('new', 1), beside: true },
      ],
      trials: [{ fleet, by: 'rollout/r1', trial: trial(4), mustStand: true }],
    });
    expect(committed(told).fleets[fleet]?.n).toBe(3);
    const table = value(await traffic.table(fleet));
    expect(table.position.n).toBe(3);
    expect(Object.fromEntries(table.owners)).toEqual({
      [owner]: { n: 1, value: backend('cart', 3) },
      'backend/new': { n: 3, value: backend('new', 1) },
    });
    expect(table.trial).toEqual({ ...trial(4), by: 'rollout/r1', n: 2 });
    const at = (n: number) => ({ epoch: table.position.epoch, n });
    expect(value(await traffic.standing(fleet, owner))).toMatchObject({ position: at(1), trial: { position: at(2) } });
  });

  it('lets one at a time try something out in a fleet, and nobody end the trial of another', async () => {
    const { records, traffic } = store();
    const [fleet, free] = [fresh('fleet'), fresh('fleet')];
    const trial = { probe: 'edge-1', changes: [] };
    committed(await records.commit({ ...EMPTY, trials: [{ fleet, by: 'rollout/r1', trial }] }));
    const second = await records.commit({
      ...EMPTY,
      traffic: [{ fleet: free, owner: 'backend/cart', value: backend('cart', 1) }],
      trials: [{ fleet, by: 'rollout/r2', trial }],
    });
    expect(second).toEqual({ kind: 'conflict', key: `trial/${fleet}` });
    expect(value(await traffic.table(free)).position.n).toBe(0);
    const ended = await records.commit({ ...EMPTY, trials: [{ fleet, by: 'rollout/r2', trial: null }] });
    expect(committed(ended).fleets).toEqual({});
    expect(value(await traffic.table(fleet))).toMatchObject({ trial: { by: 'rollout/r1' }, position: { n: 1 } });
  });

  it('makes nothing of a trial that is no longer under way, where the commit says so', async () => {
    const { records, traffic } = store();
    const [fleet, other] = [fresh('fleet'), fresh('fleet')];
    const trial = { probe: 'edge-1', changes: [] };
    const begin = [fleet, other].map((one) => ({ fleet: one, by: 'apply/a', trial }));
    committed(await records.commit({ ...EMPTY, trials: begin }));
    committed(await records.commit({ ...EMPTY, trials: [{ fleet: other, by: 'apply/a', trial: null }] }));
    const make = (fleets: readonly string[]) =>
      records.commit({
        ...EMPTY,
        traffic: fleets.map((one) => ({ fleet: one, owner: 'backend/cart' as const, value: backend('cart', 1) })),
        trials: fleets.map((one) => ({ fleet: one, by: 'apply/a', trial: null, mustStand: true })),
      });
    expect(await make([fleet, other])).toEqual({ kind: 'conflict', key: `trial/${other}` });
    expect(value(await traffic.table(fleet)).trial?.by).toBe('apply/a');
    expect(value(await traffic.table(other)).owners.size).toBe(0);
    committed(await make([fleet]));
    expect(value(await traffic.table(fleet))).toMatchObject({ trial: null, position: { n: 2 } });
  });

  it('never skips or repeats an n under racing commits', async () => {
    const fleet = fresh('fleet');
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        store().records.commit({
          ...EMPTY,
          traffic: [{ fleet, owner: `backend/b${i}`, value: backend(`b${i}`, 1) }],
        }),
      ),
    );
    const ns = outcomes.map((outcome) => committed(outcome).fleets[fleet]?.n ?? 0).toSorted((a, b) => a - b);
    expect(ns).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const table = value(await store().traffic.table(fleet));
    for (const [owner, { n }] of table.owners) {
      const i = Number(owner.slice('backend/b'.length));
      const outcome = outcomes[i];
      expect(outcome === undefined ? 0 : committed(outcome).fleets[fleet]?.n).toBe(n);
    }
  });

  it('tells followers which fleets moved, until they stop', async () => {
    const { records, traffic } = store();
    const [edge, mesh] = [fresh('edge'), fresh('mesh')];
    const seen = new Set<string>();
    const following = await traffic.follow((fleets) => {
      for (const fleet of fleets) seen.add(fleet);
    });
    const other = new Set<string>();
    const witness = await traffic.follow((fleets) => {
      for (const fleet of fleets) other.add(fleet);
    });
    const move = (fleet: string): Promise<CommitOutcome> =>
      records.commit({ ...EMPTY, traffic: [{ fleet, owner: 'backend/b', value: backend('b', 1) }] });
    committed(await move(edge));
    await expect.poll(() => seen.has(edge), { timeout: 5000 }).toBe(true);
    await following.stop();
    committed(await move(mesh));
    await expect.poll(() => other.has(mesh), { timeout: 5000 }).toBe(true);
    await witness.stop();
    expect([...seen]).not.toContain(mesh);
  });
}

function outageContract(store: () => StoreUnderTest): void {
  it('answers `unavailable` while it is down, and goes on where it was', { timeout: 30_000 }, async () => {
    const { records, traffic, outbox, due } = store();
    const key: RecordKey = `rollout/${fresh('outage')}`;
    const fleet = fresh('fleet');
    const move = { fleet, owner: 'backend/b', value: backend('b', 1) } as const;
    committed(await records.commit({ ...put(key, 0, { before: true }), traffic: [move] }));
    const reported: string[] = [];
    const following = await traffic.follow((fleets) => reported.push(...fleets));
    const position = value(await traffic.table(fleet)).position;

    await store().goDown();
    const answers = await Promise.all([
      records.read([key]),
      records.list('rollout/', { limit: 1, cursor: null }),
      records.commit(put(key, 1, { during: true })),
      records.events('x', { after: null, limit: 1 }),
      records.time(),
      traffic.fleets(),
      traffic.table(fleet),
      outbox.head('x~y'),
      due.next(),
      due.lease(1, 1),
    ]);
    expect(answers.map(({ kind }) => kind)).toEqual(answers.map(() => 'unavailable'));

    await store().comeBack();
    await expect.poll(async () => (await records.read([key])).kind, { timeout: 10_000 }).toBe('ok');
    expect(value(await traffic.table(fleet)).position).toEqual(position);
    committed(await records.commit({ ...EMPTY, traffic: [move] }));
    await expect.poll(() => reported.includes(fleet), { timeout: 10_000 }).toBe(true);
    await following.stop();
    const [record] = value(await records.read([key]));
    committed(await records.commit(put(key, record?.rev ?? 0, { after: true })));
  });
}
