import { beforeEach, describe, expect, it } from 'vitest';
import type { ProxiesResult } from '../../src/core/fleet/match-series.ts';
import { type SeriesWatch, seriesWatch } from '../../src/engine/series-watch.ts';
import { type FakeClock, fakeClock } from '../support/fake-clock.ts';

const scraped = (...names: string[]): ProxiesResult => ({ kind: 'ok', names, unnamed: false });

let clock: FakeClock;
let watch: SeriesWatch;
/** Questions that wait for an answer of Prometheus, in the order in which they were asked. */
let open: { readonly fleet: string; readonly say: (result: ProxiesResult) => void }[];
let asked: number;
let broken: boolean;

beforeEach(() => {
  clock = fakeClock();
  open = [];
  asked = 0;
  broken = false;
  const proxies = (fleet: string) => {
    asked += 1;
    if (broken) throw new Error('a bug');
    return new Promise<ProxiesResult>((resolve) => {
      open.push({ fleet, say: resolve });
    });
  };
  watch = seriesWatch({ proxies, scrapeMs: (fleet) => (fleet === 'dark' ? null : 15_000) }, clock);
});

const answer = (result: ProxiesResult) => open.shift()?.say(result);

describe('whom Prometheus scrapes', () => {
  it('is not asked of a fleet without metrics', async () => {
    expect(await watch.ask('dark')).toBeNull();
    expect(watch.glance('dark')).toBeNull();
    expect(asked).toBe(0);
  });

  it('is asked once for all who want to know at the same time, and for five seconds after', async () => {
    const both = Promise.all([watch.ask('edge'), watch.ask('edge')]);
    answer(scraped('a'));
    expect(await both).toEqual([scraped('a'), scraped('a')]);
    await clock.advance(4_999);
    expect(await watch.ask('edge')).toEqual(scraped('a'));
    expect(asked).toBe(1);
    await clock.advance(1);
    const later = watch.ask('edge');
    answer(scraped('b'));
    expect(await later).toEqual(scraped('b'));
  });

  it('is asked by fleet', async () => {
    const both = Promise.all([watch.ask('edge'), watch.ask('mesh')]);
    expect(open.map(({ fleet }) => fleet)).toEqual(['edge', 'mesh']);
    answer(scraped('a'));
    answer(scraped('m'));
    expect(await both).toEqual([scraped('a'), scraped('m')]);
  });
});

describe('a Prometheus that hangs', () => {
  it('costs one second, and the reason is said', async () => {
    const waiting = watch.ask('edge');
    await clock.advance(1_000);
    expect(await waiting).toEqual({
      kind: 'gap',
      gap: 'SOURCE_TIMEOUT',
      detail: 'Prometheus has not answered within 1 s',
    });
  });

  it('costs it once: who comes while the question is still open waits for the rest of that second only', async () => {
    const first = watch.ask('edge');
    await clock.advance(600);
    const second = watch.ask('edge');
    await clock.advance(400);
    expect([await first, await second]).toMatchObject([{ gap: 'SOURCE_TIMEOUT' }, { gap: 'SOURCE_TIMEOUT' }]);
    expect(await watch.ask('edge')).toMatchObject({ gap: 'SOURCE_TIMEOUT' });
    expect(asked).toBe(1);
  });

  it('is heard late: what it says then is what the next one is told', async () => {
    const early = watch.ask('edge');
    await clock.advance(1_000);
    await early;
    await clock.advance(2_000);
    answer(scraped('a'));
    await clock.settle();
    expect(await watch.ask('edge')).toEqual(scraped('a'));
    expect(asked).toBe(1);
  });

  it('says nothing of now: an answer that is too old is not given instead', async () => {
    const before = watch.ask('edge');
    answer(scraped('a'));
    await before;
    await clock.advance(5_000);
    const after = watch.ask('edge');
    await clock.advance(1_000);
    expect(await after).toMatchObject({ kind: 'gap' });
  });

  it('leaves no timer behind once it has answered', async () => {
    const waiting = watch.ask('edge');
    answer(scraped('a'));
    await waiting;
    expect(clock.timers()).toEqual([]);
  });
});

describe('a glance', () => {
  it('waits for nobody, and renews what is old for the next one', async () => {
    expect(watch.glance('edge')).toBeNull();
    answer(scraped('a'));
    await clock.settle();
    expect(watch.glance('edge')).toEqual(scraped('a'));
    await clock.advance(5_000);
    expect(watch.glance('edge')).toEqual(scraped('a'));
    answer({ kind: 'gap', gap: 'SOURCE_DOWN', detail: 'away' });
    await clock.settle();
    expect(watch.glance('edge')).toMatchObject({ gap: 'SOURCE_DOWN' });
    expect([asked, clock.timers()]).toEqual([2, []]);
  });

  it('survives a source that breaks; who waits for an answer sees it, and the next question is a new one', async () => {
    broken = true;
    expect(watch.glance('edge')).toBeNull();
    await expect(watch.ask('edge')).rejects.toThrow('a bug');
    await clock.settle();
    broken = false;
    const again = watch.ask('edge');
    answer(scraped('a'));
    expect(await again).toEqual(scraped('a'));
  });
});
