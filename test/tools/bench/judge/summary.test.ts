import { describe, expect, it } from 'vitest';
import { ALL_WORLDS, CONTESTS, seedOf } from '../../../../tools/bench/judge/contests.ts';
import { type Outcome, replicate } from '../../../../tools/bench/judge/replicate.ts';
import { missedGates, type Row, summarise } from '../../../../tools/bench/judge/summary.ts';
import { world } from '../../../../tools/bench/judge/world.ts';

const outcome = (ended: Outcome['ended'], atS: number, errors = 10): Outcome => ({ ended, atS, errors });

describe('summarise', () => {
  it('counts every rollback of a good canary, whenever', () => {
    const row = summarise(world('G', '', true, {}), 'x', [outcome('rollback', 30), outcome('promote', 1200)], null);
    expect(row).toMatchObject({ falseRollback: 0.5, detected: null, promoted: 0.5, medianPromoteS: 1200 });
  });

  it('counts of a bad one those after it turned bad, from there on', () => {
    const late = world('B', '', false, { onsetS: 720 });
    const row = summarise(
      late,
      'x',
      [outcome('rollback', 300), outcome('rollback', 780, 30), outcome('held', 3600)],
      5,
    );
    expect(row).toMatchObject({ falseRollback: null, detected: 1 / 3, medianDelayS: 60, held: 1 / 3 });
    expect(row.ratioToLimit).toBeCloseTo(50 / 3 / 5, 3);
  });

  it('takes a hold for seen where traffic, not the version, is at fault', () => {
    const split = world('B', '', false, { seenBy: 'hold' });
    expect(summarise(split, 'x', [outcome('held', 3600), outcome('promote', 1200)], null).detected).toBe(0.5);
  });
});

describe('missedGates', () => {
  const row = (name: string, parts: Partial<Row>): Row => ({
    name,
    judge: 'sequential',
    falseRollback: null,
    detected: null,
    medianDelayS: null,
    errorsSeen: 1,
    ratioToLimit: null,
    promoted: 0,
    held: 0,
    medianPromoteS: null,
    replications: 100,
    ...parts,
  });

  it('holds the sequential judge to each of them, and nobody else', () => {
    expect(missedGates([row('G1', { falseRollback: 0.01 }), row('B2', { detected: 0.99, ratioToLimit: 2.5 })])).toEqual(
      [],
    );
    expect(missedGates([row('G1', { falseRollback: 0.02 })])).toEqual([expect.stringContaining('G1')]);
    expect(missedGates([row('B1', { detected: 0.98, ratioToLimit: 9 })])).toEqual([expect.stringContaining('B1')]);
    expect(missedGates([row('B5b', { detected: 0.98 })])).toEqual([]);
    expect(missedGates([row('B4', { detected: 1, ratioToLimit: 2.6 })])).toEqual([expect.stringContaining('limit')]);
    expect(missedGates([row('B4', { detected: 1 })])).toHaveLength(1);
    expect(missedGates([row('G1', { judge: 'flagger', falseRollback: 0.9 })])).toEqual([]);
  });
});

describe('the benchmark', () => {
  it('has every world that is promised, each by its own name', () => {
    const names = ALL_WORLDS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const promised = ['G1', 'G2', 'G3', 'G3b', 'G4', 'G5', 'G6', 'G7', 'G8', 'G9'];
    const bad = ['B1', 'B2', 'B3', 'B4', 'B5', 'B5b', 'B6', 'B7', 'B8', 'B9'];
    expect(names.slice(0, 20)).toEqual([...promised, ...bad]);
  });

  it.each(CONTESTS.map((contest, index) => [contest.name, index] as const))(
    '%s ends every rollout, and the same way for the same seed',
    (_, contest) => {
      for (const [index, one] of ALL_WORLDS.entries()) {
        const judge = CONTESTS[contest];
        if (judge === undefined || !judge.plays(one)) continue;
        const seed = seedOf({ world: index, contest }, 0);
        const first = replicate(one, judge, seed);
        expect(first.atS).toBeGreaterThan(0);
        expect(first.atS).toBeLessThanOrEqual(3600);
        expect(replicate(one, judge, seed)).toEqual(first);
      }
    },
  );
});
