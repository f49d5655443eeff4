import { describe, expect, it } from 'vitest';
import { judge } from '../../../tools/soak/judge.ts';
import type { Life } from '../../../tools/soak/replica-watch.ts';
import type { StoreSeries } from '../../../tools/soak/store-watch.ts';
import type { Point } from '../../../tools/soak/trend.ts';

function points(seconds: number, value: (atS: number) => number): Point[] {
  return Array.from({ length: seconds }, (_, atS) => ({ atS, value: value(atS) }));
}

function life(seconds: number, files: (atS: number) => number): Life {
  const flat = () => points(seconds, () => 50);
  return {
    replica: 'engine-1',
    pid: 7,
    series: { rssMb: flat(), heapMb: flat(), externalMb: flat(), handles: flat(), files: points(seconds, files) },
  };
}

function store(entries: Record<string, Point[]>): StoreSeries {
  const flat = () => points(120, () => 100);
  return {
    keys: flat(),
    passing: [],
    memoryMb: flat(),
    connections: flat(),
    entries: new Map(Object.entries(entries)),
  };
}

function growing(of: ReturnType<typeof judge>): string[] {
  return of.filter(({ verdict }) => verdict === 'grows').map(({ what }) => what);
}

describe('judge', () => {
  it('finds the one figure of the one process that grows', () => {
    const lives = [life(120, () => 30), life(120, (atS) => 30 + atS / 4)];
    const found = judge({ lives, store: store({}) }, 2);
    expect(growing(found)).toEqual(['files']);
  });

  it('leaves out lives that were over soon after their warm-up', () => {
    const found = judge({ lives: [life(60, (atS) => 30 + atS)], store: store({}) }, 2);
    expect(found.filter(({ of }) => of !== 'store')).toEqual([]);
  });

  it('finds a family of keys that grows', () => {
    const found = judge({ lives: [], store: store({ events: points(120, (atS) => 100 + atS) }) }, 2);
    expect(growing(found)).toEqual(['entries of events']);
  });

  it('lets a capped log grow up to its cap alone', () => {
    const upTo = (most: number) => store({ audit: points(120, (atS) => Math.min(most, atS * 20)) });
    expect(growing(judge({ lives: [], store: upTo(1_050) }, 2))).toEqual([]);
    expect(growing(judge({ lives: [], store: upTo(1_500) }, 2))).toHaveLength(1);
  });
});
