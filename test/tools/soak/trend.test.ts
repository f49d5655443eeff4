import { describe, expect, it } from 'vitest';
import { type Point, trend } from '../../../tools/soak/trend.ts';
import { seeded } from '../../support/random.ts';

const ALLOWED = { absolute: 8, sharePerHour: 0.02 };

/** An hour, one value in five seconds. */
function hour(value: (atS: number) => number): Point[] {
  return Array.from({ length: 720 }, (_, i) => ({ atS: i * 5, value: value(i * 5) }));
}

/** A heap: a live part, garbage that is collected again and again, and noise. */
function heap(liveMb: (atS: number) => number): Point[] {
  const random = seeded(1);
  return hour((atS) => liveMb(atS) + (atS % 40) * 1.5 + random.next() * 3);
}

describe('trend', () => {
  it('calls a heap flat whose live part is', () => {
    expect(
      trend(
        heap(() => 60),
        600,
        ALLOWED,
      ).verdict,
    ).toBe('flat');
  });

  it('sees a leak under the garbage', () => {
    const found = trend(
      heap((atS) => 60 + atS / 180),
      600,
      ALLOWED,
    );
    expect(found.verdict).toBe('grows');
    expect(found.growth).toBeGreaterThan(14);
    expect(found.growth).toBeLessThan(20);
  });

  it('sees it in a short run as well', () => {
    const twoMinutes = hour((atS) => 60 + atS / 2).filter(({ atS }) => atS <= 120);
    expect(trend(twoMinutes, 40, ALLOWED).verdict).toBe('grows');
  });

  it('does not hold a warm-up against anybody', () => {
    const warming = hour((atS) => 80 - 60 * Math.exp(-atS / 120));
    expect(trend(warming, 600, ALLOWED).verdict).toBe('flat');
    const early = warming.filter(({ atS }) => atS <= 240);
    expect(trend(early, 0, ALLOWED).verdict).toBe('grows');
  });

  it('lets through what may be chance', () => {
    const random = seeded(2);
    const found = trend(
      hour(() => 60 + random.next() * 200),
      0,
      { absolute: 0, sharePerHour: 0 },
    );
    expect(found.verdict).toBe('flat');
    expect(found.error).toBeGreaterThan(0);
  });

  it('allows a share of the level an hour', () => {
    const slow = hour((atS) => 1_000 + atS * (15 / 3_600));
    expect(trend(slow, 0, { absolute: 0, sharePerHour: 0.02 }).verdict).toBe('flat');
    expect(trend(slow, 0, { absolute: 0, sharePerHour: 0.01 }).verdict).toBe('grows');
  });

  it('says when there is too little to say anything', () => {
    expect(trend([], 0, ALLOWED).verdict).toBe('too short');
    expect(
      trend(
        hour(() => 1).filter(({ atS }) => atS < 20),
        0,
        ALLOWED,
      ).verdict,
    ).toBe('too short');
  });
});
