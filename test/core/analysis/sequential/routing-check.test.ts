import { describe, expect, it } from 'vitest';
import type { EnvoySeen } from '../../../../src/core/analysis/sequential/envoy-shares.ts';
import {
  getsTwice,
  mismatchWords,
  type RoutingState,
  resumeRouting,
  startRouting,
  updateRouting,
} from '../../../../src/core/analysis/sequential/routing-check.ts';
import { FROM_THE_START } from '../../../../src/core/analysis/statistics/tilt-test.ts';

const asked = { wanted: 0.1, sticky: false, starts: FROM_THE_START, steps: 2, step: 1, isNew: false };
const good: readonly EnvoySeen[] = ['a', 'b', 'c'].map((envoy) => ({ envoy, canary: 1_000, stable: 9_000 }));
const old: EnvoySeen = { envoy: 'old', canary: 0, stable: 400 };

function checked(lines: number, seen: readonly EnvoySeen[], fields: Partial<typeof asked> = {}): RoutingState {
  let state = startRouting(FROM_THE_START);
  for (let i = 0; i < lines; i += 1) state = updateRouting(state, seen, { ...asked, ...fields });
  return state;
}

describe('a mismatch that a person has resumed', () => {
  const at = { t: 100, ticks: 3, starts: FROM_THE_START };
  const held = checked(3, [...good, old]);

  it('is forgotten with what led to it, of the fleet and of the Envoys', () => {
    expect(held.mismatch).toBe(true);
    const now = resumeRouting(held, { id: 1, atMs: 100 }, at);
    expect([now.mismatch, now.envoys, now.seen]).toEqual([false, [], { canary: 0, stable: 0 }]);
    expect(updateRouting(now, good, asked).mismatch).toBe(false);
    expect(updateRouting(updateRouting(now, [...good, old], asked), [...good, old], asked).mismatch).toBe(true);
  });

  it('stays while only what came before the resume was judged, and is let go once for each resume', () => {
    expect(resumeRouting(held, { id: 1, atMs: 101 }, at)).toBe(held);
    expect(resumeRouting(held, null, at)).toBe(held);
    const again = { ...held, resumed: { id: 1, atMs: 50 } };
    expect(resumeRouting(again, { id: 1, atMs: 60 }, at)).toBe(again);
  });

  it('is not forgiven by a resume of something else before it', () => {
    const fine = resumeRouting(checked(3, good), { id: 1, atMs: 50 }, at);
    const later = [1, 2, 3].reduce((state) => updateRouting(state, [...good, old], asked), fine);
    expect(resumeRouting(later, { id: 1, atMs: 50 }, { ...at, t: 900 }).mismatch).toBe(true);
  });

  it('leaves what sends back as it was', () => {
    const far = checked(1, [{ envoy: 'a', canary: 200, stable: 400 }]);
    const now = resumeRouting(far, { id: 1, atMs: 100 }, at);
    expect([far.mismatch, now.mismatch]).toEqual([true, false]);
    expect(now.twice).toEqual(far.twice);
    expect(getsTwice(now)).toBe(getsTwice(far));
  });
});

describe('the check of single Envoys', () => {
  it('has no error left beyond the weights of the plan', () => {
    expect(checked(3, [...good, old], { step: 3 }).mismatch).toBe(false);
  });

  it('is none where everything goes to the canary', () => {
    expect(checked(3, [{ envoy: 'a', canary: 900, stable: 1 }], { wanted: 1 }).mismatch).toBe(false);
  });

  it('is told of where nothing was counted at this weight', () => {
    expect(mismatchWords(startRouting(FROM_THE_START), 10, ['a'])).toBe(
      'the canary does not get the share that it should',
    );
  });
});
