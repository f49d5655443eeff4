import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crash, type LoadReport } from '../../../src/core/analysis/push-guard.ts';
import { seeded } from '../../support/random.ts';

const ARMS = { stable: 'shop--v1', canary: 'shop--v2' };

/** One second of one Envoy, as it reports both clusters. */
function second(
  at: number,
  canary: readonly [failed: number, requests: number],
  stable: readonly [failed: number, requests: number],
  nodeId = 'a',
): readonly LoadReport[] {
  const report = (cluster: string, [failed, requests]: readonly [number, number]): LoadReport => {
    return { nodeId, cluster, atMs: at * 1_000 + 400, failed, requests };
  };
  return [report(ARMS.canary, canary), report(ARMS.stable, stable)];
}

const seconds = (count: number, ...arms: [readonly [number, number], readonly [number, number]]) =>
  Array.from({ length: count }, (_, i) => second(i, ...arms)).flat();
/** After how many seconds it is a crash; `null`: not within thirty. */
const after = (...arms: [readonly [number, number], readonly [number, number]]): number | null => {
  const found = Array.from({ length: 30 }, (_, i) => i + 1).find(
    (count) => crash(seconds(count, ...arms), ARMS) !== null,
  );
  return found ?? null;
};

describe('the push guard', () => {
  it.each<[string, readonly [number, number], readonly [number, number], number | null]>([
    ['every request fails', [20, 20], [0, 380], 2],
    ['half of them fail', [100, 200], [1, 3_800], 2],
    ['every request fails at a low rate', [5, 5], [0, 95], 6],
    ['a fifth of them fails: that is for the judge', [40, 200], [0, 3_800], null],
    ['stable fails as well', [20, 20], [300, 380], null],
    ['nothing fails', [0, 200], [0, 3_800], null],
    ['nobody asks the canary', [0, 0], [0, 3_800], null],
    ['nobody asks stable: there is nothing to compare with', [20, 20], [0, 0], null],
  ])('%s', (_what, canary, stable, expected) => {
    expect(after(canary, stable)).toBe(expected);
  });

  it('never says so by one second, however bad it was', () => {
    expect(crash(second(0, [100_000, 100_000], [0, 1_000_000]), ARMS)).toBeNull();
    const bad = second(3, [500, 500], [0, 9_500]);
    expect(crash([...seconds(3, [0, 500], [0, 9_500]), ...bad, ...second(4, [0, 500], [0, 9_500])], ARMS)).toBeNull();
  });

  it('adds up what all Envoys say, and says what it saw', () => {
    const reports = ['a', 'b', 'c'].flatMap((node) =>
      [0, 1, 2].flatMap((at) => second(at, [node === 'a' ? 0 : 40, 40], [1, 760], node)),
    );
    expect(crash(reports, ARMS)).toEqual({
      ...{ failed: 160, requests: 240, baselineFailed: 6, baselineRequests: 4_560, seconds: 2 },
    });
  });

  it('takes nothing that is no count', () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, -5].flatMap((requests, i) =>
      second(i, [20, requests], [0, 380]),
    );
    expect(crash(odd, ARMS)).toBeNull();
    expect(crash(second(0, [30, 20], [0, 380]), ARMS)).toBeNull();
  });

  it('does not care in which order Envoys are heard', () => {
    const some = fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(30), fc.nat(30)), { maxLength: 30 });
    fc.assert(
      fc.property(some, fc.integer(), (rows, seed) => {
        const reports = rows.flatMap(([at, node, failed, more]) =>
          second(at, [failed, failed + more], [0, 100], `n${node}`),
        );
        const turned = reports.map((_, i) => reports[(i + Math.abs(seed)) % reports.length] as LoadReport);
        expect(crash(turned, ARMS) === null).toBe(crash(reports, ARMS) === null);
      }),
    );
  });

  it('is not alarmed by bursts that both arms have', () => {
    // Bursts of eight in a canary of 5 %: of 50 requests a second a burst takes 8 now and then.
    const chance = seeded(7);
    let alarms = 0;
    for (let run = 0; run < 300; run += 1) {
      const reports = Array.from({ length: 30 }, (_, at) =>
        second(at, [chance.chance(0.1) ? 8 : 0, 50], [chance.chance(0.9) ? 16 : 8, 950]),
      ).flat();
      if (crash(reports, ARMS) !== null) alarms += 1;
    }
    expect(alarms).toBe(0);
  });
});
