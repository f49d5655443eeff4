import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../../src/core/simulation/random.ts';
import { createRecorder, type RecordedScrape } from '../../../../tools/bench/judge/recorder.ts';
import { fleetTraffic, type ProxyTraffic, scrapeTraffic } from '../../../../tools/bench/judge/traffic.ts';
import { behaviour, type Disturbance, world } from '../../../../tools/bench/judge/world.ts';

const CALM: Disturbance = { missing: 0, restart: 0, spreadS: 0, late: 0 };
const WORLD = world('T', 'test', true, {
  proxies: 2,
  canary: () => behaviour(0.1, { hung: 0.2, retried: 0.1, cut: 0.05 }),
});

function record(disturbance: Disturbance, scrapes: number) {
  const random = createRandom(5);
  const recorder = createRecorder(WORLD, disturbance, random, 15);
  const traffic: (readonly ProxyTraffic[])[] = [];
  const lines: RecordedScrape[] = [];
  for (let scrape = 0; scrape < scrapes; scrape += 1) {
    const seen = scrapeTraffic(random, WORLD, { tS: scrape * 15, sinceStepS: 0, phase: 0 }, () => 0.3);
    traffic.push(seen);
    lines.push(recorder((scrape + 1) * 15_000, 30, seen, true));
  }
  return { traffic, lines };
}

interface Counters {
  readonly rq_xx: Readonly<Record<string, number>>;
  readonly completed: number;
  readonly total: number;
  readonly active: number;
  readonly le: Readonly<Record<string, number>>;
}

function canaryOf(line: RecordedScrape | undefined, proxy: string): Counters | undefined {
  return line?.proxies[proxy]?.canary as Counters | undefined;
}

describe('createRecorder', () => {
  it('shows all traffic so far as counters', () => {
    const { traffic, lines } = record(CALM, 6);
    const all = traffic.map((proxies) => proxies[0]?.canary);
    const sum = (of: (one: NonNullable<(typeof all)[number]>) => number) =>
      all.reduce((total, one) => total + (one === undefined ? 0 : of(one)), 0);
    const last = canaryOf(lines.at(-1), 'p0');
    expect(last?.rq_xx['5']).toBe(sum((one) => one.bad));
    expect(last?.completed).toBe(sum((one) => one.completed));
    expect(last?.total).toBe(sum((one) => one.started));
    expect(last?.active).toBe(sum((one) => one.started - one.completed));
    expect(last?.le['+Inf']).toBe(last?.completed);
    expect((last?.completed ?? 0) - (last?.le['250'] ?? 0)).toBe(sum((one) => one.slow[1] ?? 0));
    expect(last?.active).toBeGreaterThan(0);
  });

  it('lets a restart begin all counters of a proxy anew, and its uptime', () => {
    const { lines } = record({ ...CALM, restart: 0.2 }, 60);
    let falls = 0;
    lines.reduce((before, line) => {
      const [was, is] = [before.proxies.p0, line.proxies.p0];
      const fell = (canaryOf(line, 'p0')?.completed ?? 0) < (canaryOf(before, 'p0')?.completed ?? 0);
      expect((is?.uptime ?? 0) < (was?.uptime ?? 0)).toBe(fell);
      if (fell) falls += 1;
      return line;
    });
    expect(falls).toBeGreaterThan(3);
    for (const line of lines) {
      const shown = canaryOf(line, 'p0');
      expect(shown?.completed).toBeGreaterThanOrEqual(shown?.rq_xx['5'] ?? 0);
      expect(shown?.le['+Inf']).toBeGreaterThanOrEqual(shown?.le['100'] ?? 0);
    }
  });

  it('loses a scrape, not what it would have counted', () => {
    const { traffic, lines } = record({ ...CALM, missing: 0.3 }, 40);
    expect(lines.filter((line) => line.proxies.p0 === undefined).length).toBeGreaterThan(4);
    const at = lines.findLastIndex((line) => line.proxies.p0 !== undefined);
    const counted = traffic.slice(0, at + 1).reduce((sum, proxies) => sum + (proxies[0]?.canary.completed ?? 0), 0);
    expect(canaryOf(lines[at], 'p0')?.completed).toBe(counted);
  });

  it('lets successes end a scrape later than errors', () => {
    const { traffic, lines } = record({ ...CALM, late: 1 / 3 }, 1);
    const bad = traffic[0]?.[0]?.canary.bad ?? 0;
    const shown = canaryOf(lines[0], 'p0');
    expect(shown?.rq_xx['5']).toBe(bad);
    expect(shown?.rq_xx['2']).toBeLessThan(0.7 * ((traffic[0]?.[0]?.canary.completed ?? 0) - bad));
  });
});

describe('scrapeTraffic', () => {
  it('splits as wanted and crosses edges in order', () => {
    const random = createRandom(9);
    const steady = world('T', 'test', true, {});
    let [canary, all] = [0, 0];
    for (let i = 0; i < 200; i += 1) {
      const fleet = fleetTraffic(scrapeTraffic(random, steady, { tS: 0, sinceStepS: 0, phase: 0 }, () => 0.2));
      canary += fleet.canary.completed;
      all += fleet.canary.completed + fleet.stable.completed;
      fleet.stable.slow.reduce((above, here) => {
        expect(here).toBeLessThanOrEqual(above);
        return here;
      }, fleet.stable.completed);
    }
    expect(Math.abs(canary / all - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / all));
  });
});
