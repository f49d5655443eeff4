import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scrape } from '../../../../src/core/analysis/sequential/scrape.ts';
import { type Line, type Place, walk } from '../../../../src/core/analysis/sequential/walk.ts';
import { SCRAPE_MS, Tape } from './tape.ts';

const both = { p1: { stable: { ok: 90 }, canary: { ok: 10 } } };

function lines(scrapes: readonly Scrape[], routeTimeoutMs = 0): readonly Line[] {
  const { read } = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs });
  return scrapes.map((scrape) => read(scrape));
}

const completed = ({ pairs }: Line) =>
  pairs.map(({ stable, canary }) => [stable?.completed ?? null, canary?.completed ?? null]);

describe('what counts between two scrapes', () => {
  it('takes the first scrape of a proxy as the base alone', () => {
    const [first, second] = lines(new Tape().times(2, 0, both).scrapes);
    expect(first && completed(first)).toEqual([]);
    expect(second && completed(second)).toEqual([[90, 10]]);
  });

  it('counts an arm from 0 that appears on a proxy already known', () => {
    const tape = new Tape().add(0, { p1: { stable: { ok: 90 } } }).add(0, both);
    expect(lines(tape.scrapes).map(completed)).toEqual([[], [[90, 10]]]);
  });

  it('counts a class from 0 when it appears', () => {
    const tape = new Tape().add(0, both).add(0, { p1: { stable: { ok: 90 }, canary: { ok: 9, bad: 1 } } });
    expect(lines(tape.scrapes)[1]?.pairs[0]?.canary?.classes).toEqual({ 2: 9, 5: 1 });
  });

  it('spans a lost scrape', () => {
    const tape = new Tape().add(0, both).add(0, {}).add(0, both);
    expect(lines(tape.scrapes).map(completed)).toEqual([[], [], [[90, 10]]]);
  });

  it('takes a scrape that lacks an arm for lost: both arms are compared over the same time', () => {
    const tape = new Tape().add(0, both);
    tape.add(0, { p1: { stable: { ok: 90 } } }).add(0, both);
    expect(lines(tape.scrapes).map(completed)).toEqual([[], [], [[180, 10]]]);
  });

  it('takes the present values as growth after a restart, also of counters that have grown past their old value', () => {
    const tape = new Tape().add(0, { p1: { stable: { ok: 10 }, canary: { ok: 100 } } });
    tape.restart().add(0, { p1: { stable: { ok: 40 }, canary: { ok: 30 } } });
    expect(lines(tape.scrapes).map(completed)).toEqual([[], [[40, 30]]]);
  });

  it('sees a restart by the epoch of hot restarts alone', () => {
    const arm = (n: number) => ({ rq_xx: { 2: n }, completed: n });
    const at = (t: number, epoch: number, n: number) => ({ t, weight: 0, proxies: { p: { epoch, stable: arm(n) } } });
    const [, second] = lines([at(0, 1, 50), at(SCRAPE_MS, 2, 70)]);
    expect(second?.pairs[0]?.stable?.completed).toBe(70);
  });

  it('sees a restart after a long gap, though the new process is older than the old one was', () => {
    const at = (t: number, uptime: number, n: number) => {
      return { t, weight: 0, proxies: { p: { uptime, stable: { rq_xx: { 2: n }, completed: n } } } };
    };
    const seen = lines([at(0, 100, 50), at(600_000, 300, 70)]);
    expect(seen[1]?.pairs[0]?.stable?.completed).toBe(70);
    const same = lines([at(0, 100, 50), at(600_000, 699, 70)]);
    expect(same[1]?.pairs[0]?.stable?.completed).toBe(20);
  });

  it('goes on from a place as if it had never stopped', () => {
    const tape = new Tape().times(5, 0, both).times(9, 10, both).times(3, null, both).times(9, 50, both);
    const whole = lines(tape.scrapes);
    for (let stop = 2; stop < tape.scrapes.length; stop += 1) {
      const first = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs: 0 });
      for (const scrape of tape.scrapes.slice(0, stop)) first.read(scrape);
      const place = JSON.parse(JSON.stringify(first.place())) as Place;
      const scrapes = tape.scrapes.slice(Math.max(0, stop - 3), stop);
      const { read } = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs: 0 }, { place, scrapes });
      expect(tape.scrapes.slice(stop).map((scrape) => read(scrape))).toEqual(whole.slice(stop));
    }
  });

  it('needs no scrape to go on that is older than its place says', () => {
    const part = fc.constantFrom<'both' | 'stable' | 'canary' | 'none'>(
      'both',
      'both',
      'both',
      'stable',
      'canary',
      'none',
    );
    const shown = { both, stable: { p1: { stable: { ok: 90 } } }, canary: { p1: { canary: { ok: 10 } } }, none: {} };
    const named = (name: string, which: keyof typeof shown) =>
      Object.fromEntries(Object.values(shown[which]).map((arms) => [name, arms]));
    const line = fc.record({ weight: fc.constantFrom(0, 10, 10, 10, null), parts: fc.tuple(part, part, part) });
    fc.assert(
      fc.property(fc.array(line, { minLength: 4, maxLength: 14 }), (drawn) => {
        // given: proxies that are missing now and then, whole or with one arm
        const tape = new Tape();
        for (const { weight, parts } of drawn) {
          tape.add(weight, Object.assign({}, ...parts.map((which, i) => named(`p${i}`, which))));
        }
        const whole = lines(tape.scrapes);
        for (let stop = 1; stop < tape.scrapes.length; stop += 1) {
          const first = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs: 0 });
          for (const scrape of tape.scrapes.slice(0, stop)) first.read(scrape);
          // when
          const place = first.place();
          const { sinceMs = Number.NEGATIVE_INFINITY } = place;
          const scrapes = tape.scrapes.slice(0, stop).filter(({ t }) => t >= sinceMs);
          const { read } = walk({ scrapeMs: SCRAPE_MS, routeTimeoutMs: 0 }, { place, scrapes });
          // then
          expect(tape.scrapes.slice(stop).map((scrape) => read(scrape))).toEqual(whole.slice(stop));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('drops the pair of a cluster whose classes fell without a restart, and goes on from there', () => {
    const scrape = (t: number, stable: number, canary: number): Scrape => ({
      ...{ t, weight: 0 },
      proxies: {
        p: {
          uptime: 100 + t / 1_000,
          stable: { rq_xx: { 2: stable }, completed: t },
          canary: { rq_xx: { 2: canary }, completed: t },
        },
      },
    });
    const seen = lines([scrape(0, 50, 50), scrape(15_000, 60, 5), scrape(30_000, 70, 20)]);
    expect(seen.map(completed)).toEqual([[], [[10, null]], [[10, 15]]]);
  });

  it('takes it for a restart where nothing tells and every counter fell', () => {
    const at = (t: number, n: number): Scrape => ({ t, weight: 0, proxies: { p: { stable: { rq_xx: { 2: n } } } } });
    expect(lines([at(0, 50), at(15_000, 20)]).map(completed)).toEqual([[], [[20, null]]]);
  });
});

describe('a new weight', () => {
  it('counts from two scrapes after the last one of the old weight', () => {
    const seen = lines(new Tape().times(2, 0, both).times(5, 10, both).scrapes);
    expect(seen.map(({ pairs }) => pairs.length)).toEqual([0, 1, 0, 0, 1, 1, 1]);
    expect(seen.map(({ settling }) => settling)).toEqual([false, false, true, true, false, false, false]);
  });

  it('counts later when slow answers may come later', () => {
    const seen = lines(new Tape().times(2, 0, both).times(6, 10, both).scrapes, SCRAPE_MS);
    expect(seen.map(({ pairs }) => pairs.length)).toEqual([0, 1, 0, 0, 0, 1, 1, 1]);
  });

  it('may begin one scrape later where it is known when it was live', () => {
    const tape = new Tape().times(2, 0, both);
    const liveAt = 2 * SCRAPE_MS + 5_000;
    for (let i = 0; i < 6; i += 1) tape.add(10, both, { liveAt });
    expect(lines(tape.scrapes).map(({ pairs }) => pairs.length)).toEqual([0, 1, 0, 0, 0, 1, 1, 1]);
  });

  it('does not count what was scraped while it was not live everywhere', () => {
    const tape = new Tape().times(2, 5, both).times(2, null, both).times(4, 10, both);
    expect(lines(tape.scrapes).map(({ pairs }) => pairs.length)).toEqual([0, 1, 0, 0, 0, 0, 1, 1]);
  });

  it('is not spanned by a proxy that was away', () => {
    const two = { ...both, p2: both.p1 };
    const tape = new Tape().times(2, 10, two).times(2, 10, both).times(4, 50, both).times(2, 50, two);
    const seen = lines(tape.scrapes).map(({ pairs }) => pairs.map(({ proxy }) => proxy).join());
    expect(seen.slice(-3)).toEqual(['p1', 'p1', 'p1,p2']);
  });
});

describe('twins for the dispersion', () => {
  const twins = (scrapes: readonly Scrape[]) => lines(scrapes).map(({ twin }) => twin !== null);

  it('are next to each other and do not overlap', () => {
    expect(twins(new Tape().times(6, 0, both).scrapes)).toEqual([false, false, true, false, true, false]);
  });

  it('begin afresh after a scrape that is missing', () => {
    const tape = new Tape().times(2, 0, both).add(0, {}).times(3, 0, both);
    expect(twins(tape.scrapes)).toEqual([false, false, false, false, false, true]);
  });

  it('leave out a proxy that restarted or was away', () => {
    const two = { ...both, p2: both.p1 };
    const tape = new Tape().times(2, 0, two).add(0, both).add(0, two);
    const seen = lines(tape.scrapes);
    expect(seen[2]?.twin?.map((arms) => arms.length)).toEqual([1, 1]);
  });

  it('share one weight', () => {
    const tape = new Tape().times(2, 10, both).times(6, 50, both);
    expect(twins(tape.scrapes)).toEqual([false, false, false, false, false, true, false, true]);
  });
});
