import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SHARE_BET, startShareBet, updateShareBet } from '../../../../src/core/analysis/statistics/share-bet.ts';

describe('updateShareBet', () => {
  it('keeps its bound when all events of a tick go to one arm together', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0.02, max: 0.9, noNaN: true })), {
          minLength: 1,
          maxLength: 6,
        }),
        (ticks) => {
          const mean = (state: ReturnType<typeof startShareBet>, tick: number): number => {
            const now = ticks[tick];
            if (now === undefined) return Math.exp(state.logE);
            const [n, w] = now;
            const odds = (w / (1 - w)) * SHARE_BET.ratio;
            const q = odds / (1 + odds);
            const next = (x: number) => mean(updateShareBet(SHARE_BET, state, [{ x, n, w }]), tick + 1);
            return q * next(n) + (1 - q) * next(0);
          };
          expect(mean(startShareBet(SHARE_BET), 0)).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
    );
  });

  it('bets once per tick on all proxies together, in any order', () => {
    const strata = [
      { x: 3, n: 5, w: 0.1 },
      { x: 0, n: 2, w: 0.1 },
      { x: 1, n: 9, w: 0.3 },
    ];
    const start = startShareBet(SHARE_BET);
    expect(updateShareBet(SHARE_BET, start, strata.toReversed())).toEqual(updateShareBet(SHARE_BET, start, strata));
    const parts = updateShareBet(
      SHARE_BET,
      start,
      [strata[0], strata[1]].filter((one) => one !== undefined),
    );
    expect(parts).toEqual(updateShareBet(SHARE_BET, start, [{ x: 3, n: 7, w: 0.1 }]));
  });

  it('says nothing without events or with one arm alone', () => {
    const start = startShareBet(SHARE_BET);
    expect(updateShareBet(SHARE_BET, start, [])).toBe(start);
    expect(updateShareBet(SHARE_BET, start, [{ x: 4, n: 4, w: 1 }])).toBe(start);
  });
});
