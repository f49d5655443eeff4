import { describe, expect, it } from 'vitest';
import { judgeLine } from '../../../../src/core/analysis/sequential/judge-line.ts';
import { packState, settled, unpackState } from '../../../../src/core/analysis/sequential/pack.ts';
import { startJudging } from '../../../../src/core/analysis/sequential/state.ts';
import { walk } from '../../../../src/core/analysis/sequential/walk.ts';
import { settings, Tape } from './tape.ts';

const asked = settings({ errors: { count: ['5xx'], floor: 0.001, max: null } });

describe('a packed state', () => {
  const tape = new Tape().times(9, 10, { p: { stable: { ok: 900, bad: 9 }, canary: { ok: 95, bad: 3 } } });
  const { read } = walk(asked);
  const state = tape.scrapes.reduce(
    (before, scrape) => judgeLine(asked, before, read(scrape)).state,
    startJudging(asked),
  );

  it('gives back all but the last digits of the levels', () => {
    const back = unpackState(JSON.parse(JSON.stringify(packState(state))) as ReturnType<typeof packState>);
    const levels = state.errors.test.levels.flat();
    expect(levels.some((level) => level < 0) && levels.some((level) => level > 0)).toBe(true);
    for (const [i, level] of back.errors.test.levels.flat().entries()) {
      expect(Math.abs(level - (levels[i] ?? 0))).toBeLessThanOrEqual(1e-9 * Math.abs(levels[i] ?? 0));
    }
    const unlevelled = (own: typeof state) => ({ ...own.errors.test, levels: null });
    expect(unlevelled(back)).toEqual(unlevelled(state));
    expect(back.combined).toEqual(state.combined);
  });

  it('is what a settled state is, to the last digit', () => {
    expect(unpackState(packState(state))).toEqual(settled(state));
    expect(packState(settled(state))).toEqual(packState(state));
  });

  it('stays what it is however often it is packed', () => {
    const once = packState(state);
    expect(packState(unpackState(once))).toEqual(once);
  });
});
