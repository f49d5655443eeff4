import { describe, expect, it } from 'vitest';
import { isBlind } from '../../../src/core/analysis/blindness.ts';
import type { JudgeInput } from '../../../src/core/analysis/judge.ts';

const SCRAPE_MS = 1_000;
const NOW_MS = 100_000;

/** What there is of a step that has been live for long: samples until then. */
const seen = (newestMs: number): JudgeInput => ({
  analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null }],
  judge: { name: 'threshold' },
  arms: { stable: 'stable', canary: 'canary' },
  ...{ liveAtMs: 1_000, nowMs: NOW_MS, scrapeMs: SCRAPE_MS },
  counters: {
    kind: 'ok',
    series: [
      {
        ...{ proxy: 'p0', cluster: 'canary', family: 'upstream_rq_completed', label: '' },
        points: [
          [newestMs - SCRAPE_MS, 1],
          [newestMs, 2],
        ],
      },
    ],
  },
  queries: new Map(),
  proxies: ['p0'],
  state: null,
});

describe('a rollout of which nothing reaches us', () => {
  it('is one with samples of long ago alone', () => {
    expect([isBlind(seen(NOW_MS - 90_000)), isBlind(seen(NOW_MS - 20_000))]).toEqual([true, false]);
  });

  it('is, after many lost their evidence, one with samples of before alone, however fresh they are', () => {
    const lostAtMs = NOW_MS - 10_000;
    expect(isBlind(seen(lostAtMs), lostAtMs)).toBe(true);
    expect(isBlind(seen(lostAtMs + SCRAPE_MS), lostAtMs)).toBe(false);
  });
});
