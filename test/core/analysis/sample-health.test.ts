import { expect, it } from 'vitest';
import { sampleHealth } from '../../../src/core/analysis/sample-health.ts';

const CANARY = 'checkout--v2-abc123';

it('given ten Envoys that all claim one name in Prometheus, coverage is one of ten', () => {
  const health = sampleHealth({
    analysis: [],
    judge: { name: 'threshold' },
    arms: { stable: 'stable', canary: CANARY },
    liveAtMs: 0,
    nowMs: 1_000,
    scrapeMs: 1_000,
    counters: {
      kind: 'ok',
      series: [
        { proxy: 'envoy:9901', cluster: CANARY, family: 'upstream_rq_completed', label: '', points: [[500, 7]] },
      ],
    },
    queries: new Map(),
    proxies: Array.from({ length: 10 }, () => 'envoy:9901'),
    state: null,
  });
  expect(health.kind === 'usable' ? health.thin?.gap : health.gap).toBe('COVERAGE');
});
