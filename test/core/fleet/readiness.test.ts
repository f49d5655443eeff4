import { describe, expect, it } from 'vitest';
import { hostReadiness } from '../../../src/core/fleet/readiness.ts';
import { preparing } from '../../../src/core/rollout/phases/preparing.ts';
import { draft } from '../../../src/core/rollout/transition.ts';
import {
  backendState,
  fleetAt,
  healthyHosts,
  node,
  push,
  rollout,
  scriptedJudge,
  settings,
} from '../../support/rollouts.ts';

const CANARY = 'checkout--v2-abc123';

describe('readiness of the canary', () => {
  it('a sample from before the clusters went out says nothing', () => {
    expect(hostReadiness(healthyHosts(['a'], CANARY, 999), CANARY, ['a'], 1_000).kind).toBe('gap');
  });

  it('given the newest sample is an hour old, the first step does not go out', () => {
    const nowMs = 3_600_000;
    const record = rollout({
      phase: 'preparing',
      deadlineAtMs: 7_200_000,
      push: push(['a'], { committedAtMs: 1_000, liveAtMs: null }),
    });
    const d = draft(record, backendState(), nowMs);
    preparing(d, {
      rollout: record,
      backend: backendState(),
      observed: {
        // The ACK came late; Prometheus has not scraped this Envoy since shortly after the commit.
        fleets: fleetAt(1, [node('a', { credited: { epoch: 'e', n: 1 }, creditedAtMs: nowMs })]),
        counters: healthyHosts(['a'], CANARY, 2_000),
        queries: new Map(),
        scrapeMs: 1_000,
      },
      judge: scriptedJudge(() => 'pass'),
      judgement: null,
      settings,
      nowMs,
    });
    expect(d.rollout.phase).toBe('preparing');
  });

  it('given ten Envoys that all claim one name in Prometheus, one series does not speak for the ten', () => {
    const names = Array.from({ length: 10 }, () => 'envoy:9901');
    expect(hostReadiness(healthyHosts(['envoy:9901'], CANARY, 10), CANARY, names, 0).kind).toBe('gap');
  });
});
