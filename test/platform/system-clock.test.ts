import { describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/platform/system-clock.ts';

function sources() {
  const at = { wall: 1_000_000, monotonic: 50 };
  return {
    at,
    clock: createSystemClock({ wallMs: () => at.wall, monotonicMs: () => at.monotonic, settleMs: 60_000 }),
    pass: (ms: number) => {
      at.wall += ms;
      at.monotonic += ms;
    },
  };
}

describe('system clock', () => {
  it('starts from the wall clock and runs on the monotonic one', () => {
    const { at, clock, pass } = sources();
    expect(clock.now()).toBe(1_000_000);
    pass(250);
    at.wall += 3_600_000;
    expect(clock.now()).toBe(1_000_250);
  });

  it('continues from the store once it follows it', () => {
    const { clock, pass } = sources();
    clock.follow(2_000_000);
    pass(10);
    expect(clock.now()).toBe(2_000_010);
  });

  it('takes a store in another time as no drift', () => {
    const { clock, pass } = sources();
    for (let i = 0; i < 5; i += 1) {
      clock.follow(9_000_000 + i * 1000);
      pass(1000);
    }
    expect(clock.driftMs()).toBe(0);
  });

  it.each([3_600_000, -3_600_000])('shows a wall clock set by %i ms at once, until it has settled', (jumpMs) => {
    const { at, clock, pass } = sources();
    at.wall += jumpMs;
    expect(clock.driftMs()).toBe(3_600_000);
    pass(59_000);
    clock.driftMs();
    expect(clock.driftMs()).toBe(3_600_000);
    pass(1000);
    expect(clock.driftMs()).toBe(0);
  });

  it('shows a jump of the store', () => {
    const { clock, pass } = sources();
    clock.follow(1_000_000);
    pass(1000);
    clock.follow(1_031_000);
    expect(clock.driftMs()).toBe(30_000);
    pass(30_000);
    clock.follow(1_061_000);
    expect(clock.driftMs()).toBe(30_000);
    pass(30_000);
    clock.follow(1_091_000);
    expect(clock.driftMs()).toBe(0);
  });

  it('keeps showing a clock that keeps jumping', () => {
    const { at, clock, pass } = sources();
    for (let i = 0; i < 100; i += 1) {
      pass(1000);
      at.wall += 1000;
      clock.driftMs();
    }
    expect(clock.driftMs()).toBe(100_000);
  });

  it('ignores what NTP slews', () => {
    const { at, clock, pass } = sources();
    for (let i = 0; i < 100; i += 1) {
      pass(60_000);
      at.wall += 20;
      expect(clock.driftMs()).toBeLessThanOrEqual(500);
    }
  });

  it('fires real timers, and not those that were cancelled', async () => {
    const clock = createSystemClock();
    const fired: string[] = [];
    clock.setTimer(0, () => fired.push('cancelled')).cancel();
    await new Promise<void>((resolve) => {
      clock.setTimer(5, resolve);
    });
    expect(fired).toEqual([]);
  });
});
