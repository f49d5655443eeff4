import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { badEvents, type Stratum } from '../../../../src/core/analysis/statistics/stratum.ts';
import {
  FROM_THE_START,
  NOT_YET,
  startTiltTest,
  type TiltTestSpec,
  updateTiltTest,
} from '../../../../src/core/analysis/statistics/tilt-test.ts';

const HARM: TiltTestSpec = { ratio: 1.25, side: 1, starts: FROM_THE_START, clip: Number.POSITIVE_INFINITY };

const stratum: fc.Arbitrary<Stratum> = fc
  .record({
    canaryBad: fc.nat(50),
    stableBad: fc.nat(200),
    canary: fc.nat(3000),
    stable: fc.nat(30_000),
  })
  .map(badEvents);
const ticks = fc.array(fc.array(stratum, { maxLength: 6 }), { minLength: 1, maxLength: 8 });

function play(spec: TiltTestSpec, seen: readonly (readonly Stratum[])[], phi = 1) {
  return seen.reduce((state, strata) => updateTiltTest(spec, state, strata, phi), startTiltTest(spec));
}

describe('updateTiltTest', () => {
  it('says nothing while there is nothing to compare', () => {
    const silent = [
      badEvents({ canaryBad: 0, stableBad: 0, canary: 0, stable: 0 }),
      badEvents({ canaryBad: 4, stableBad: 0, canary: 9, stable: 0 }),
      badEvents({ canaryBad: 0, stableBad: 4, canary: 0, stable: 9 }),
      badEvents({ canaryBad: 0, stableBad: 0, canary: 50, stable: 950 }),
    ];
    expect(play(HARM, [silent, []])).toMatchObject({ raw: 0, logE: 0, tick: 2 });
  });

  it('survives JSON between ticks and leaves the state it was given alone', () => {
    fc.assert(
      fc.property(ticks, (seen) => {
        const stored = seen.reduce(
          (state, strata) => JSON.parse(JSON.stringify(updateTiltTest(HARM, Object.freeze(state), strata, 1))),
          startTiltTest(HARM),
        );
        expect(stored).toEqual(play(HARM, seen));
      }),
    );
  });

  it('comes to the same bits in whatever order the proxies are heard', () => {
    const shuffled = ticks.chain((seen) =>
      fc.tuple(
        fc.constant(seen),
        fc.tuple(...seen.map((strata) => fc.shuffledSubarray(strata, { minLength: strata.length }))),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([seen, other]) => {
        expect(play(HARM, other)).toEqual(play(HARM, seen));
      }),
    );
  });

  it("never falls when one more of the errors is the canary's", () => {
    fc.assert(
      fc.property(ticks, fc.nat(), fc.nat(), fc.constantFrom(1, 3.7), (seen, tick, place, phi) => {
        const at = tick % seen.length;
        const worse = seen.map((strata, index) =>
          index !== at
            ? strata
            : strata.map((one, i) =>
                i === place % strata.length && one.n > 0 ? { ...one, x: one.x + 1, n: one.n + 1 } : one,
              ),
        );
        const spec = { ...HARM, clip: 2.3 };
        expect(play(spec, worse, phi).raw).toBeGreaterThanOrEqual(play(spec, seen, phi).raw - 1e-9);
        expect(play({ ...spec, side: -1 }, worse, phi).raw).toBeLessThanOrEqual(
          play({ ...spec, side: -1 }, seen, phi).raw + 1e-9,
        );
      }),
    );
  });

  it('lets evidence grow by the clip at most, and keeps it under what was really gained', () => {
    fc.assert(
      fc.property(ticks, (seen) => {
        const spec = { ...HARM, clip: 0.7 };
        seen.reduce((state, strata) => {
          const next = updateTiltTest(spec, state, strata, 1);
          expect(next.logE - state.logE).toBeLessThanOrEqual(0.7 + 1e-12);
          expect(next.logE).toBeLessThanOrEqual(next.raw + 1e-12);
          return next;
        }, startTiltTest(spec));
      }),
    );
  });

  it('holds a later start at 1 until its tick is there', () => {
    const harmless = badEvents({ canaryBad: 0, stableBad: 40, canary: 500, stable: 9500 });
    const harmful = badEvents({ canaryBad: 30, stableBad: 40, canary: 500, stable: 9500 });
    const starts = [
      { tick: 0, weight: 0.5 },
      { tick: NOT_YET, weight: 0.5 },
    ];
    const before = play({ ...HARM, starts }, [[harmless], [harmless], [harmless]]);
    expect(before.levels[1]).toEqual(HARM_LEVELS);
    expect(before.raw).toBeGreaterThan(Math.log(0.5));
    const learned = [starts[0], { tick: before.tick, weight: 0.5 }].filter((one) => one !== undefined);
    const late = updateTiltTest({ ...HARM, starts: learned }, before, [harmful], 1);
    const never = updateTiltTest({ ...HARM, starts }, before, [harmful], 1);
    expect(late.raw).toBeGreaterThan(never.raw);
  });

  it.each<[string, Stratum]>([
    ['a count that is no number', { x: Number.NaN, n: 1, w: 0.5 }],
    ['endless events', { x: 1, n: Number.POSITIVE_INFINITY, w: 0.5 }],
    ['a share that is no number', { x: 1, n: 2, w: Number.NaN }],
    ['a share above 1', { x: 1, n: 2, w: 1.2 }],
    ['a count below zero', { x: -1, n: 2, w: 0.5 }],
    ['more of the arm than of all', { x: 3, n: 2, w: 0.5 }],
  ])('refuses %s', (_, broken) => {
    expect(() => updateTiltTest(HARM, startTiltTest(HARM), [broken], 1)).toThrow(RangeError);
  });

  it('refuses what would void the bound', () => {
    const some = [badEvents({ canaryBad: 1, stableBad: 1, canary: 10, stable: 10 })];
    const state = startTiltTest(HARM);
    for (const phi of [0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => updateTiltTest(HARM, state, some, phi)).toThrow(RangeError);
    }
    const tooHeavy = [
      { tick: 0, weight: 0.8 },
      { tick: 3, weight: 0.4 },
    ];
    expect(() => play({ ...HARM, starts: tooHeavy }, [some])).toThrow(/sum to/);
    expect(() => updateTiltTest({ ...HARM, starts: tooHeavy }, state, some, 1)).toThrow(/belong together/);
    expect(() => play({ ...HARM, ratio: Number.NaN }, [some])).toThrow(/margin/);
    expect(() => play({ ...HARM, clip: Number.NaN }, [some])).toThrow(/clip/);
  });
});

const HARM_LEVELS = startTiltTest(HARM).levels[0];

describe('the bound', () => {
  it('holds on average over every outcome of a small null, with moving rates, splits, restarts and clip', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ canary: fc.integer({ min: 1, max: 4 }), stable: fc.integer({ min: 1, max: 4 }), rate: rate() }),
          {
            minLength: 1,
            maxLength: 2,
          },
        ),
        fc.constantFrom(0.5, 1, 1.25, 2),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom<1 | -1>(1, -1),
        fc.constantFrom(1, 2.5),
        fc.constantFrom(0.5, Number.POSITIVE_INFINITY),
        (worlds, ratio, inside, side, phi, clip) => {
          const starts = [
            { tick: 0, weight: 0.6 },
            { tick: 1, weight: 0.4 },
          ];
          const spec = { ratio, side, starts, clip };
          const means = expectation(spec, worlds, inside, phi);
          expect(means.raw).toBeLessThanOrEqual(1 + 1e-9);
          expect(means.clipped).toBeLessThanOrEqual(1 + 1e-9);
        },
      ),
      { numRuns: 150 },
    );
  });
});

function rate(): fc.Arbitrary<number> {
  return fc.double({ min: 0.0005, max: 0.45, noNaN: true });
}

interface World {
  readonly canary: number;
  readonly stable: number;
  readonly rate: number;
}

/** `inside` 0: rates on the edge of the null; 1: far inside. Sums over all outcomes of all ticks. */
function expectation(spec: TiltTestSpec, worlds: readonly World[], inside: number, phi: number) {
  const sums = { raw: 0, clipped: 0 };
  const walk = (tick: number, state: ReturnType<typeof startTiltTest>, probability: number): void => {
    const world = worlds[tick];
    if (world === undefined) {
      sums.raw += probability * Math.exp(state.raw);
      sums.clipped += probability * Math.exp(state.logE);
      return;
    }
    const edge = world.rate * spec.ratio;
    const canaryRate = Math.min(1, spec.side === 1 ? edge * (1 - inside) : edge + (1 - Math.min(1, edge)) * inside);
    for (let canaryBad = 0; canaryBad <= world.canary; canaryBad += 1) {
      for (let stableBad = 0; stableBad <= world.stable; stableBad += 1) {
        const chance = binomial(world.canary, canaryBad, canaryRate) * binomial(world.stable, stableBad, world.rate);
        const seen = badEvents({ canaryBad, stableBad, canary: world.canary, stable: world.stable });
        if (chance > 0) walk(tick + 1, updateTiltTest(spec, state, [seen], phi), probability * chance);
      }
    }
  };
  walk(0, startTiltTest(spec), 1);
  return sums;
}

function binomial(n: number, k: number, p: number): number {
  let ways = 1;
  for (let i = 0; i < k; i += 1) ways = (ways * (n - i)) / (i + 1);
  return ways * p ** k * (1 - p) ** (n - k);
}
