import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeltaSubscription } from '../../../src/adapters/xds/delta-subscription.ts';
import type { RequestOutcome, Wanted } from '../../../src/adapters/xds/subscription.ts';

const at = (n: number) => ({ epoch: 'e', n });
const wanted = (n: number | null, versions: Record<string, string>): Wanted => ({
  versions: new Map(Object.entries(versions)),
  position: n === null ? null : at(n),
});
const clusters = () => new DeltaSubscription({ fullState: true, stuckAfterMs: 500, silentRemoval: false });
const routes = () => new DeltaSubscription({ fullState: false, stuckAfterMs: 500, silentRemoval: false });

interface Asked {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initial?: Readonly<Record<string, string>>;
  readonly rejected?: boolean;
}

function ask(s: DeltaSubscription, nonce: string, asked: Asked = {}): RequestOutcome {
  const { subscribe = [], unsubscribe = [], initial = {}, rejected = false } = asked;
  return s.receive({
    kind: 'delta',
    nonce,
    rejected,
    subscribe,
    unsubscribe,
    initial: new Map(Object.entries(initial)),
  });
}

/** What goes out for this content; `null`: nothing. */
function push(s: DeltaSubscription, nonce: string, content: Wanted, nowMs = 0) {
  if (s.offer(content, nowMs) !== 'send') return null;
  const { send, removed } = s.payload(content);
  s.sent(nonce, content, nowMs);
  return { send: [...send].sort(), removed: [...removed].sort() };
}

describe('subscriptions', () => {
  it('D1: a request with a nonce that is not known any more still changes the subscription', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    push(s, '1', wanted(1, { a: '1' }));
    expect(ask(s, 'long ago', { subscribe: ['b'] })).toEqual({ kind: 'subscription' });
    ask(s, '1');
    expect(push(s, '2', wanted(1, { a: '1', b: '1' }))).toEqual({ send: ['b'], removed: [] });
  });

  it('D1: one request may ACK and subscribe at once', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    push(s, '1', wanted(1, { a: '1' }));
    expect(ask(s, '1', { subscribe: ['b'] })).toEqual({ kind: 'ack' });
    expect(push(s, '2', wanted(1, { a: '1', b: '1' }))).toEqual({ send: ['b'], removed: [] });
  });

  it('D2: a name that is asked for is answered although the client has it', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    push(s, '1', wanted(1, { a: '1' }));
    ask(s, '1');
    ask(s, '', { subscribe: ['a'] });
    expect(push(s, '2', wanted(1, { a: '1' }))).toEqual({ send: ['a'], removed: [] });
  });

  it('D2: taking away what was never asked for changes nothing', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    push(s, '1', wanted(1, { a: '1' }));
    ask(s, '1', { unsubscribe: ['b'] });
    expect(push(s, '2', wanted(1, { a: '1' }))).toBeNull();
  });

  it('D3: a name that does not exist is said to be gone, stays subscribed, and comes when it appears', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    expect(push(s, '1', wanted(1, {}))).toEqual({ send: [], removed: ['a'] });
    ask(s, '1');
    expect(push(s, '2', wanted(2, {}))).toBeNull();
    expect(push(s, '2', wanted(3, { a: '1' }))).toEqual({ send: ['a'], removed: [] });
  });

  it('D4: what was held before and is gone is taken away, what changed is sent, what is new too', () => {
    const s = clusters();
    ask(s, '', { initial: { same: '1', old: '1', gone: '1' } });
    expect(push(s, '1', wanted(1, { same: '1', old: '2', fresh: '1' }))).toEqual({
      send: ['fresh', 'old'],
      removed: ['gone'],
    });
  });

  it('D5: names asked for on a new stream are answered in full, whatever the client says to hold', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'], initial: { a: '1' } });
    expect(push(s, '1', wanted(1, { a: '1' }))).toEqual({ send: ['a'], removed: [] });
  });

  it('D7: under a wildcard, a name that is given back is answered: there it is still wanted', () => {
    const s = clusters();
    ask(s, '', { subscribe: ['*', 'a'] });
    push(s, '1', wanted(1, { a: '1', b: '1' }));
    ask(s, '1', { unsubscribe: ['a'] });
    expect(push(s, '2', wanted(1, { a: '1', b: '1' }))).toEqual({ send: ['a'], removed: [] });
    ask(s, '2');
    ask(s, '', { subscribe: ['none'] });
    push(s, '3', wanted(1, { a: '1', b: '1' }));
    ask(s, '3', { unsubscribe: ['none'] });
    expect(push(s, '4', wanted(1, { a: '1', b: '1' }))).toEqual({ send: [], removed: ['none'] });
  });

  it('D8: a first wildcard request is answered even if there is nothing', () => {
    const s = clusters();
    ask(s, '');
    expect(push(s, '1', wanted(1, {}))).toEqual({ send: [], removed: [] });
    ask(s, '1');
    expect(push(s, '2', wanted(2, {}))).toBeNull();
    expect(s.credited).toEqual(at(2));
  });

  it('D9: what one request adds and takes away is taken away', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a', 'b'], unsubscribe: ['b'] });
    expect([...s.names]).toEqual(['a']);
  });

  it('C9/C10: a star given back ends the wildcard, names stay', () => {
    const s = clusters();
    ask(s, '', { subscribe: ['*', 'a'] });
    push(s, '1', wanted(1, { a: '1', b: '1' }));
    ask(s, '1', { unsubscribe: ['*'] });
    expect(s.wildcard).toBe(false);
    expect(push(s, '2', wanted(2, { a: '2' }))).toEqual({ send: ['a'], removed: [] });
    const named = clusters();
    ask(named, '', { subscribe: ['a'] });
    expect(named.wildcard).toBe(false);
  });

  it('D11: endpoints of a changed cluster go out again unasked', () => {
    const s = routes();
    ask(s, '', { subscribe: ['a'] });
    push(s, '1', wanted(1, { a: '1' }));
    ask(s, '1');
    s.answerAgain(['a', 'not asked for']);
    expect(push(s, '2', wanted(1, { a: '1' }))).toEqual({ send: ['a'], removed: [] });
  });
});

describe('refusals', () => {
  it('C5/D10: what was refused is not sent again until it changes; all else goes on', () => {
    const s = clusters();
    ask(s, '');
    push(s, '1', wanted(1, { a: '1', b: '1' }));
    ask(s, '1');
    push(s, '2', wanted(2, { a: 'bad', b: '1' }));
    expect(ask(s, '2', { rejected: true })).toEqual({ kind: 'nack', position: at(2) });
    expect(push(s, '3', wanted(3, { a: 'bad', b: '1' }))).toBeNull();
    expect(push(s, '3', wanted(4, { a: 'bad', b: '2' }))).toEqual({ send: ['b'], removed: [] });
    ask(s, '3');
    expect(s.credited).toEqual(at(1));
    expect(push(s, '4', wanted(5, { a: '3', b: '2' }))).toEqual({ send: ['a'], removed: [] });
    ask(s, '4');
    expect(s.credited).toEqual(at(5));
  });

  it('D10: going back after a refusal is sent: the client may have applied half of it', () => {
    const s = clusters();
    ask(s, '');
    push(s, '1', wanted(1, { a: '1' }));
    ask(s, '1');
    push(s, '2', wanted(2, { a: 'bad', fresh: '1' }));
    ask(s, '2', { rejected: true });
    expect(push(s, '3', wanted(3, { a: '1' }))).toEqual({ send: ['a'], removed: ['fresh'] });
    ask(s, '3');
    expect(s.credited).toEqual(at(3));
    expect([...s.acked]).toEqual(['a']);
  });

  it('what was refused together is tried again in halves: only what is at fault stays away', () => {
    const s = clusters();
    ask(s, '');
    const all = wanted(1, { a: '1', bad: '1', c: '1' });
    push(s, '1', all);
    ask(s, '1', { rejected: true });
    expect(push(s, '2', all)).toEqual({ send: ['a', 'bad'], removed: [] });
    ask(s, '2', { rejected: true });
    expect(push(s, '3', all)).toEqual({ send: ['a'], removed: [] });
    ask(s, '3');
    expect(push(s, '4', all)).toEqual({ send: ['bad'], removed: [] });
    ask(s, '4', { rejected: true });
    expect(push(s, '5', all)).toEqual({ send: ['c'], removed: [] });
    ask(s, '5');
    expect(push(s, '6', all)).toBeNull();
    expect([...s.acked]).toEqual(['a', 'c']);
    expect(s.credited).toBeNull();
    expect(push(s, '6', wanted(2, { a: '1', c: '1' }))).toEqual({ send: [], removed: ['bad'] });
    ask(s, '6');
    expect(s.credited).toEqual(at(2));
  });

  it('who refuses a thousand gets a few of them by itself, not all', () => {
    const s = clusters();
    ask(s, '');
    const all = wanted(1, Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`c${i}`, '1'])));
    let responses = 0;
    while (push(s, String(responses + 1), all) !== null) {
      responses += 1;
      ask(s, String(responses), { rejected: true });
    }
    expect(responses).toBeGreaterThan(10);
    expect(responses).toBeLessThan(60);
  });

  it('what was withdrawn or has changed meanwhile is not tried again as it was', () => {
    const s = clusters();
    ask(s, '');
    push(s, '1', wanted(1, { a: '1', b: '1', c: '1' }));
    ask(s, '1', { rejected: true });
    expect(push(s, '2', wanted(2, { c: '2', d: '1' }))).toEqual({ send: ['c', 'd'], removed: ['a', 'b'] });
    ask(s, '2');
    expect(s.credited).toEqual(at(2));
  });

  it('a resource that was refused does not count as there', () => {
    const s = clusters();
    ask(s, '');
    push(s, '1', wanted(1, { a: '1' }));
    ask(s, '1');
    push(s, '2', wanted(2, { a: '1', fresh: 'bad' }));
    ask(s, '2', { rejected: true });
    push(s, '3', wanted(3, { a: '2', fresh: 'bad' }));
    ask(s, '3');
    expect([...s.acked]).toEqual(['a']);
  });
});

describe('several responses under way', () => {
  it('waits for the answer, unless it is stuck and the content is another', () => {
    const s = clusters();
    ask(s, '');
    push(s, '1', wanted(1, { a: '1' }));
    expect(s.offer(wanted(2, { a: '2' }), 499)).toBe('wait');
    expect(push(s, '2', wanted(3, { b: '1' }), 500)).toEqual({ send: ['b'], removed: ['a'] });
    expect([ask(s, '1'), ask(s, '2')]).toEqual([{ kind: 'ack' }, { kind: 'ack' }]);
    expect(s.credited).toEqual(at(3));
    expect([...s.acked]).toEqual(['b']);
  });

  type Event =
    | { readonly kind: 'change'; readonly content: Readonly<Record<string, string>> }
    | { readonly kind: 'answer'; readonly ok: boolean }
    | { readonly kind: 'time' };
  const content = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', '3'));
  const event: fc.Arbitrary<Event> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('change' as const), content }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), ok: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const) }) },
  );

  it('never credits a revision that the client does not hold, and loses nothing', () => {
    fc.assert(
      fc.property(content, fc.array(event, { maxLength: 60 }), (start, events) => {
        const s = clusters();
        ask(s, '', { initial: start });
        const contents: Readonly<Record<string, string>>[] = [{}];
        // An Envoy that applies the good part of what it refuses.
        const holds = new Map<string, string>(Object.entries(start));
        const inFlight: { nonce: string; set: [string, string][]; removed: readonly string[] }[] = [];
        let nonce = 0;
        let nowMs = 0;
        const offer = () => {
          const now = wanted(contents.length - 1, contents.at(-1) ?? {});
          const out = push(s, String(nonce + 1), now, nowMs);
          if (out === null) return;
          nonce += 1;
          const set = out.send.map((name): [string, string] => [name, now.versions.get(name) ?? '']);
          inFlight.push({ nonce: String(nonce), set, removed: out.removed });
        };
        const answer = (ok: boolean) => {
          const response = inFlight.shift();
          if (response === undefined) return;
          for (const [i, [name, version]] of response.set.entries()) {
            if (ok || i > 0) holds.set(name, version);
            else holds.set(name, 'half');
          }
          for (const name of response.removed) holds.delete(name);
          ask(s, response.nonce, { rejected: !ok });
        };
        const check = () => {
          if (s.credited === null || inFlight.length > 0) return;
          expect(Object.fromEntries(holds)).toEqual(contents[s.credited.n]);
        };
        offer();
        for (const e of events) {
          if (e.kind === 'change') contents.push(e.content);
          if (e.kind === 'time') nowMs += 600;
          if (e.kind === 'answer') answer(e.ok);
          const before = s.credited?.n ?? -1;
          offer();
          expect(s.credited?.n ?? -1).toBeGreaterThanOrEqual(before);
          // What was credited stays a fact until something else is sent.
          if ((s.credited?.n ?? -1) > before) check();
        }
        // A client that takes all that comes ends at the newest revision, unless that itself was refused before.
        contents.push({ a: 'last', b: 'last', c: 'last' });
        offer();
        while (inFlight.length > 0) {
          answer(true);
          offer();
        }
        expect(s.credited).toEqual(at(contents.length - 1));
        check();
      }),
      { numRuns: 1_000 },
    );
  });
});
