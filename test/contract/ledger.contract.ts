import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LedgerPart, LedgerStore } from '../../src/engine/ports/ledger.ts';
import type { StoreRead } from '../../src/engine/ports/store.ts';

/** One implementation under test. Every test uses names of its own, so they share one ledger. */
export interface LedgerUnderTest {
  readonly ledger: LedgerStore;
  /** Makes the lease of this replica end now. */
  expire(replica: string): Promise<void>;
  goDown(): Promise<void>;
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

let names = 0;
const fresh = (): string => {
  names += 1;
  return `replica-${names}`;
};

function value<T>(read: StoreRead<T>): T {
  if (read.kind !== 'ok') throw new Error(`${read.kind}: ${read.detail}`);
  return read.value;
}

const says = (text: string, part = 'progress'): LedgerPart => ({ fleet: 'edge', part, text });

/** What every implementation of the shared ledger does. */
export function ledgerContract(what: string, start: () => Promise<LedgerUnderTest>): void {
  describe(`the ledger: ${what}`, () => {
    let under: LedgerUnderTest;
    beforeAll(async () => {
      under = await start();
    });
    afterAll(() => under?.close());

    const joined = async (): Promise<string> => {
      const replica = fresh();
      expect(value(await under.ledger.join(replica))).toBe('joined');
      return replica;
    };
    const heard = async (replica: string, since?: number) => {
      const all = value(await under.ledger.read(since === undefined ? new Map() : new Map([[replica, since]])));
      return all.find((one) => one.replica === replica) ?? null;
    };

    it('lets nobody speak who has not joined, and nobody take a name in use', async () => {
      const replica = fresh();
      expect(value(await under.ledger.write(replica, 1, [says('x')]))).toBe('lost');
      expect(await heard(replica)).toBeNull();
      await under.ledger.join(replica);
      expect(value(await under.ledger.join(replica))).toBe('taken');
    });

    it('shows who joined before it has said anything', async () => {
      const replica = await joined();
      expect(await heard(replica)).toMatchObject({ sequence: 0, parts: [] });
    });

    it('keeps the newest text of each part, and gives only what is new', async () => {
      const replica = await joined();
      await under.ledger.write(replica, 1, [says('a'), says('b', 'members/0')]);
      await under.ledger.write(replica, 2, [says('c')]);
      expect((await heard(replica))?.parts.toSorted((a, b) => (a.part < b.part ? -1 : 1))).toEqual([
        says('b', 'members/0'),
        says('c'),
      ]);
      expect(await heard(replica, 1)).toMatchObject({ sequence: 2, parts: [says('c')] });
      expect(await heard(replica, 2)).toMatchObject({ sequence: 2, parts: [] });
    });

    it('refuses a write that comes late or twice', async () => {
      const replica = await joined();
      await under.ledger.write(replica, 5, [says('new')]);
      expect(value(await under.ledger.write(replica, 5, [says('twice')]))).toBe('stale');
      expect(value(await under.ledger.write(replica, 4, [says('old')]))).toBe('stale');
      expect((await heard(replica))?.parts).toEqual([says('new')]);
    });

    it('forgets a replica with its lease, and lets it never speak again under that name', async () => {
      const replica = await joined();
      await under.ledger.write(replica, 1, [says('x')]);
      await under.expire(replica);
      expect(await heard(replica)).toBeNull();
      expect(value(await under.ledger.write(replica, 2, [says('y')]))).toBe('lost');
      expect(await heard(replica)).toBeNull();
    });

    it('counts a write without parts as a sign of life', async () => {
      const replica = await joined();
      await under.ledger.write(replica, 1, [says('x')]);
      expect(value(await under.ledger.write(replica, 2, []))).toBe('written');
      expect(await heard(replica, 1)).toMatchObject({ sequence: 2, parts: [] });
      expect((await heard(replica))?.silentMs).toBeLessThan(under.ledger.leaseMs);
    });

    it('hints at what was written, to everybody who follows', async () => {
      const replica = await joined();
      const hints = new Set<string | null>();
      let sequence = 0;
      const following = under.ledger.follow((from) => hints.add(from));
      // Following takes a moment to begin; what is said before goes unheard.
      await expect
        .poll(async () => {
          sequence += 1;
          await under.ledger.write(replica, sequence, [says(`x${sequence}`)]);
          return hints.has(replica);
        })
        .toBe(true);
      following.stop();
    });

    it('is unavailable in an outage, and afterwards as it was', async () => {
      const replica = await joined();
      await under.ledger.write(replica, 1, [says('x')]);
      await under.goDown();
      expect((await under.ledger.write(replica, 2, [says('lost?')])).kind).toBe('unavailable');
      expect((await under.ledger.read(new Map())).kind).toBe('unavailable');
      await under.comeBack();
      await expect.poll(async () => (await under.ledger.read(new Map())).kind).toBe('ok');
      expect(value(await under.ledger.write(replica, 3, [says('y')]))).toBe('written');
      expect((await heard(replica))?.parts).toEqual([says('y')]);
    });
  });
}
