import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isSafe,
  SAFE_RATIO,
  type SafetyState,
  safetyEvidence,
  startSafety,
  updateSafety,
} from '../../../../src/core/analysis/sequential/non-inferiority.ts';
import { seeded } from '../../../support/random.ts';
import { type Did, judgeAll, settings, Tape } from './tape.ts';

const MINUTE_MS = 60_000;
const HISTORY = 20;
const fine: Did = { ok: 9_900, bad: 100, slow: 200 };
const part = (did: Did, share: number): Did =>
  Object.fromEntries(Object.entries(did).map(([name, value]) => [name, Math.round(value * share)]));
const history = () => new Tape().times(HISTORY, 0, { p1: { stable: fine } });
/** So many scrapes at 10 %. */
const ramp = (scrapes: number, canary: Did = {}) =>
  history().times(scrapes, 10, { p1: { stable: part(fine, 0.9), canary: part({ ...fine, ...canary }, 0.1) } });
const skipping = (skipAfterMs: number | null) => settings({ skipAfterMs });
const skips = (tape: Tape, asked = skipping(10 * MINUTE_MS)) =>
  judgeAll(tape.scrapes, HISTORY, asked).flatMap(({ decision }, i) => (decision.skips === true ? [i] : []));

describe('a canary that is shown to be no worse', () => {
  it('may skip the remaining steps, from the time on that the plan says', () => {
    expect(skips(ramp(60))[0]).toBe(40);
    expect(skips(ramp(60), skipping(12 * MINUTE_MS))[0]).toBe(48);
  });

  it('may not where the plan says nothing of it', () => {
    expect(skips(ramp(60), skipping(null))).toEqual([]);
  });

  it('is asked for more than nothing being against it', () => {
    // Two of a hundred more: well within the margin of a rollback, and shown by nothing.
    expect(skips(ramp(60, { ok: 9_800, bad: 200 }))).toEqual([]);
    const few = { ok: 20, bad: 0, slow: 0 };
    expect(skips(history().times(80, 10, { p1: { stable: part(few, 9), canary: few } }))).toEqual([]);
  });

  it('has to have been seen beside enough of stable: flawless by itself is not enough', () => {
    const step = { holdMs: 0, pinned: false, sticky: false };
    const steps = [
      { ...step, weight: 99.75 },
      { ...step, weight: 99.9 },
    ];
    const tape = (stable: number) =>
      new Tape()
        .times(HISTORY, 0, { p1: { stable: { ok: 10_000 } } })
        .times(60, 99.75, { p1: { stable: { ok: stable }, canary: { ok: stable * 399 } } });
    const asked = settings({ skipAfterMs: 10 * MINUTE_MS, steps });
    const few = judgeAll(tape(20).scrapes, HISTORY, asked);
    expect(few.at(-1)?.decision).toMatchObject({ kind: 'advance', code: 'OK' });
    expect(skips(tape(20), asked)).toEqual([]);
    expect(skips(tape(20_000), asked)).not.toEqual([]);
  });

  it.each([
    ['slower answers', { slow: 300 }],
    ['answers that a retry took back', { retried: 40 }],
    ['resets and timeouts', { timeouts: 40 }],
  ] as const)('has to show it of each metric: %s', (_, canary) => {
    const tape = ramp(60, canary);
    const back = judgeAll(tape.scrapes, HISTORY, skipping(10 * MINUTE_MS)).findIndex(
      ({ decision: { kind } }) => kind === 'rollback',
    );
    expect(skips(tape).filter((tick) => back === -1 || tick < back)).toEqual([]);
  });
});

describe('laws', () => {
  const strata = fc.array(fc.record({ canary: fc.nat(500), stable: fc.nat(500), bad: fc.nat(20), base: fc.nat(20) }), {
    minLength: 1,
    maxLength: 6,
  });
  const ticks = fc.array(strata, { minLength: 1, maxLength: 8 });
  const played = (all: readonly (readonly { canary: number; stable: number; bad: number; base: number }[])[]) =>
    all.reduce<SafetyState>(
      (state, tick) =>
        updateSafety(
          state,
          tick.map(({ canary, stable, bad, base }) => ({
            canary: { bad: Math.min(bad, canary), total: canary },
            stable: { bad: Math.min(base, stable), total: stable },
          })),
          SAFE_RATIO,
          1,
        ),
      startSafety(),
    );

  it('one more error of the canary never makes it look safer', () => {
    fc.assert(
      fc.property(ticks, (all) => {
        const worse = all.map((tick) => tick.map((one) => ({ ...one, bad: one.bad + 1 })));
        expect(safetyEvidence(played(worse))).toBeLessThanOrEqual(safetyEvidence(played(all)) + 1e-9);
      }),
    );
  });

  it('the order of the Envoys changes nothing, and no NaN comes out', () => {
    fc.assert(
      fc.property(ticks, (all) => {
        const turned = all.map((tick) => [...tick].reverse());
        expect(safetyEvidence(played(turned))).toBe(safetyEvidence(played(all)));
        expect(Number.isFinite(safetyEvidence(played(all)))).toBe(true);
      }),
    );
  });

  it('a canary twice as bad is taken for a safe one in a rollout of twenty at most, however often one looks', () => {
    const random = seeded(5);
    const drawn = (n: number, p: number) => Array.from({ length: n }, () => random.chance(p)).filter(Boolean).length;
    let wrong = 0;
    const rollouts = 200;
    for (let i = 0; i < rollouts; i += 1) {
      let state = startSafety();
      let seen = false;
      for (let tick = 0; tick < 40 && !seen; tick += 1) {
        const [canary, stable] = [
          { bad: drawn(60, 0.04), total: 60 },
          { bad: drawn(240, 0.02), total: 240 },
        ];
        state = updateSafety(state, [{ canary, stable }], SAFE_RATIO, 1);
        seen = isSafe([state]);
      }
      if (seen) wrong += 1;
    }
    expect(wrong / rollouts).toBeLessThanOrEqual(0.05);
  });
});

it('has the numbers of the notes: a ratio of 2 is excluded at the fifth tick', () => {
  let state = startSafety();
  const seen = Array.from({ length: 6 }, () => {
    state = updateSafety(state, [{ canary: { bad: 5, total: 1_000 }, stable: { bad: 15, total: 3_000 } }], 2, 1);
    return Number(state.ratio.raw.toFixed(4));
  });
  expect(seen).toEqual([0.1812, 0.883, 1.6645, 2.4939, 3.355, 4.2368]);
});
