import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SotwSubscription } from '../../../src/adapters/xds/sotw-subscription.ts';
import type { Subscription, SubscriptionRequest } from '../../../src/adapters/xds/subscription.ts';

const at = (n: number) => ({ epoch: 'e', n });
const wanted = (n: number | null, versions: Record<string, string>) => ({
  versions: new Map(Object.entries(versions)),
  position: n === null ? null : at(n),
});
const request = (nonce: string, names: string[] = [], rejected = false): SubscriptionRequest => ({
  kind: 'sotw',
  nonce,
  names,
  rejected,
});
const clusters = () => new SotwSubscription({ fullState: true, stuckAfterMs: 500, silentRemoval: false });
const endpoints = () => new SotwSubscription({ fullState: false, stuckAfterMs: 500, silentRemoval: true });

/** A subscription whose first response (nonce 1, fleet revision 1) was sent. */
function served(subscription: Subscription, names: string[], versions: Record<string, string>): Subscription {
  subscription.receive(request('', names));
  subscription.sent('1', wanted(1, versions), 0);
  return subscription;
}

describe('nonces and refusals', () => {
  it('C3/S1: a first request that carries the nonce of an earlier stream is a first request', () => {
    const s = clusters();
    expect(s.receive(request('99'))).toEqual({ kind: 'subscription' });
    expect(s.offer(wanted(1, {}), 0)).toBe('send');
  });

  it('S1: a stale nonce changes nothing, its names included', () => {
    const s = served(endpoints(), ['a'], { a: '1' });
    expect(s.receive(request('0', ['a', 'b']))).toEqual({ kind: 'stale' });
    expect([...s.names]).toEqual(['a']);
    expect(s.unanswered).toBe(1);
  });

  it('C4/C5: a NACK credits nothing and is answered by silence until the content changes', () => {
    const s = served(clusters(), [], { a: '1' });
    expect(s.receive(request('1', [], true))).toEqual({ kind: 'nack', position: at(1) });
    expect(s.offer(wanted(2, { a: '1' }), 0)).toBe('nothing');
    expect(s.credited).toBeNull();
    expect(s.offer(wanted(3, { a: '2' }), 0)).toBe('send');
  });

  it('a request after a NACK that carries its nonce without an error is no ACK', () => {
    const s = served(endpoints(), ['a'], { a: '1' });
    s.receive(request('1', ['a'], true));
    expect(s.receive(request('1', ['a']))).toEqual({ kind: 'subscription' });
    expect(s.credited).toBeNull();
  });

  it('going back after a NACK is sent again: the client may have applied half of what it refused', () => {
    const s = served(clusters(), [], { a: '1' });
    s.receive(request('1'));
    s.sent('2', wanted(2, { a: 'bad' }), 0);
    s.receive(request('2', [], true));
    expect(s.offer(wanted(3, { a: '1' }), 0)).toBe('send');
  });
});

describe('names', () => {
  it('C9: an empty list means everything for clusters until a name was given, never for endpoints', () => {
    const s = clusters();
    s.receive(request(''));
    expect(s.wildcard).toBe(true);
    s.sent('1', wanted(1, { a: '1' }), 0);
    s.receive(request('1', ['a']));
    expect(s.wildcard).toBe(false);
    s.receive(request('1', []));
    expect(s.wildcard).toBe(false);
    const e = endpoints();
    e.receive(request(''));
    expect(e.wildcard).toBe(false);
    expect(e.offer(wanted(1, {}), 0)).toBe('nothing');
  });

  it('C10: a star beside names keeps everything; a list without it ends that', () => {
    const s = clusters();
    s.receive(request('', ['*', 'a']));
    expect(s.wildcard).toBe(true);
    s.sent('1', wanted(1, { a: '1' }), 0);
    s.receive(request('1', ['a']));
    expect(s.wildcard).toBe(false);
  });

  it('S3: an added name is answered, a dropped one is not, and one that comes back is answered again', () => {
    const s = served(endpoints(), ['a', 'b'], { a: '1', b: '1' });
    s.receive(request('1', ['a']));
    expect(s.offer(wanted(1, { a: '1' }), 0)).toBe('nothing');
    s.receive(request('1', ['a', 'b']));
    expect(s.offer(wanted(1, { a: '1', b: '1' }), 0)).toBe('send');
  });

  it('S2: what is gone is a change for clusters and none for endpoints', () => {
    const c = served(clusters(), [], { a: '1', b: '1' });
    c.receive(request('1'));
    expect(c.offer(wanted(2, { a: '1' }), 0)).toBe('send');
    const e = served(endpoints(), ['a', 'b'], { a: '1', b: '1' });
    e.receive(request('1', ['a', 'b']));
    expect(e.offer(wanted(2, { a: '1' }), 0)).toBe('nothing');
    expect(e.credited).toEqual(at(2));
  });
});

describe('one response at a time, newest wins', () => {
  it('waits for the answer, then sends the newest', () => {
    const s = served(clusters(), [], { a: '1' });
    expect(s.offer(wanted(2, { a: '2' }), 499)).toBe('wait');
    s.receive(request('1'));
    expect(s.credited).toEqual(at(1));
    expect(s.offer(wanted(3, { a: '3' }), 499)).toBe('send');
  });

  it('other content overtakes a response that is stuck; the same content never does', () => {
    const s = served(clusters(), [], { a: '1' });
    expect(s.offer(wanted(2, { a: '1' }), 10_000)).toBe('nothing');
    expect(s.offer(wanted(2, { a: '2' }), 500)).toBe('send');
    s.sent('2', wanted(2, { a: '2' }), 500);
    expect(s.receive(request('1'))).toEqual({ kind: 'stale' });
    expect(s.receive(request('2'))).toEqual({ kind: 'ack' });
    expect(s.credited).toEqual(at(2));
  });

  it('an answer that is due again waits for the one under way', () => {
    const s = served(endpoints(), ['a'], { a: '1' });
    s.answerAgain(['a']);
    expect(s.offer(wanted(1, { a: '1' }), 10_000)).toBe('wait');
    s.receive(request('1', ['a']));
    expect(s.offer(wanted(1, { a: '1' }), 10_000)).toBe('send');
  });
});

describe('credit', () => {
  it('equal content under way is credited with the newest revision it equals', () => {
    const s = served(clusters(), [], { a: '1' });
    s.offer(wanted(2, { a: '2' }), 0);
    s.offer(wanted(3, { a: '1' }), 0);
    s.receive(request('1'));
    expect(s.credited).toEqual(at(3));
  });

  it('content that stands for no revision credits none', () => {
    const s = served(clusters(), [], { a: '1' });
    s.receive(request('1'));
    s.sent('2', wanted(null, { a: '1', b: '1' }), 0);
    s.receive(request('2'));
    expect(s.credited).toEqual(at(1));
  });

  /** A client that holds what it ACKed, and a table of contents by revision: credit must never run ahead. */
  it('never credits a revision whose content the client does not hold', () => {
    type Event =
      | { kind: 'change'; content: number }
      | { kind: 'answer'; ok: boolean }
      | { kind: 'stale' }
      | { kind: 'time' };
    const event: fc.Arbitrary<Event> = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant('change' as const), content: fc.integer({ min: 0, max: 2 }) }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), ok: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('stale' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const s = clusters();
        s.receive(request(''));
        const contents = [0];
        const inFlight: { nonce: string; content: number }[] = [];
        let holds: number | null = null;
        let nonce = 0;
        let nowMs = 0;
        const offer = () => {
          const n = contents.length - 1;
          const content = contents[n] ?? 0;
          const now = wanted(n, { a: String(content) });
          if (s.offer(now, nowMs) !== 'send') return;
          nonce += 1;
          s.sent(String(nonce), now, nowMs);
          inFlight.push({ nonce: String(nonce), content });
        };
        offer();
        for (const e of events) {
          if (e.kind === 'change') contents.push(e.content);
          if (e.kind === 'time') nowMs += 600;
          if (e.kind === 'stale') s.receive(request('0'));
          const newest = inFlight.at(-1);
          if (e.kind === 'answer' && newest !== undefined) {
            // Like Envoy: of several responses under way only the last is answered.
            inFlight.length = 0;
            if (e.ok) holds = newest.content;
            s.receive(request(newest.nonce, [], !e.ok));
          }
          const before = s.credited?.n ?? -1;
          offer();
          expect(s.credited?.n ?? -1).toBeGreaterThanOrEqual(before);
          if (s.credited !== null) expect(contents[s.credited.n]).toBe(holds);
        }
        // Nothing is lost: a client that ACKs all it gets ends at the newest revision.
        for (let left = inFlight.at(-1); left !== undefined; left = inFlight.at(-1)) {
          inFlight.length = 0;
          s.receive(request(left.nonce));
          offer();
        }
        const rejectedLast =
          s.sentVersions?.get('a') === String(contents.at(-1)) && s.credited?.n !== contents.length - 1;
        if (!rejectedLast) expect(s.credited).toEqual(at(contents.length - 1));
      }),
      { numRuns: 500 },
    );
  });
});
