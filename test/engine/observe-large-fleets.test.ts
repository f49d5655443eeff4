import { describe, expect, it } from 'vitest';
import type { CounterFamily, CounterSeries } from '../../src/core/analysis/judge.ts';
import { judgeByPlan } from '../../src/core/analysis/judge-by-plan.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import { KAYENTA_SPEC } from '../../src/core/model/kayenta-spec.ts';
import { BREAKER_CLOSED } from '../../src/core/rollout/breaker.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { step } from '../../src/core/rollout/step.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { observe } from '../../src/engine/observe.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeDependencies, noEvidence } from '../support/fake-dependencies.ts';
import { backendState, planSpec, planStep, push, rollout, settings } from '../support/rollouts.ts';

const NODES = Array.from({ length: 1_000 }, (_, i) => `edge-${i}`);
const EDGES = ['0.5', '1', '5', '10', '25', '50', '100', '250', '500', '1000', '2500', '5000', '10000', '30000'];
const MORE_EDGES = ['60000', '300000', '600000', '1800000', '3600000', '+Inf'];
const NOW_MS = 120_000;
const MOST_SERIES = 20_000;

const node = (nodeId: string): FleetNode => ({
  ...{ nodeId, connected: true, changedAtMs: 0, creditedAtMs: 0, routesAtMs: 0, nack: null, metricsName: nodeId },
  ...{ credited: { epoch: 'e', n: 9 }, routes: { epoch: 'e', n: 9 }, envoyVersion: null, replicas: ['x'], types: [] },
});

const LABELS: Partial<Record<CounterFamily, readonly string[]>> = {
  upstream_rq_xx: ['2', '4', '5'],
  upstream_rq_time_bucket: [...EDGES, ...MORE_EDGES],
};

/** Every Envoy that is asked for answers a request a second for each arm; too many series are refused, as always. */
function prometheus(looked: Set<string>): Dependencies['metrics'] {
  return {
    ...noEvidence,
    counters: async ({ clusters, families, proxies = NODES, fromMs, toMs }) => {
      const series = proxies.flatMap((proxy) =>
        clusters.flatMap((cluster) =>
          families.flatMap((family) =>
            (LABELS[family] ?? ['']).map((label): CounterSeries => {
              const points: (readonly [number, number])[] = [];
              const still = family === 'upstream_rq_timeout' || label === '4' || label === '5';
              for (let t = fromMs; t <= toMs; t += Math.max(1_000, (toMs - fromMs) / 20))
                points.push([t, still ? 0 : t / 1_000]);
              return { proxy, cluster, family, label, points };
            }),
          ),
        ),
      );
      for (const proxy of proxies) looked.add(proxy);
      return series.length > MOST_SERIES
        ? { kind: 'gap', gap: 'TOO_MANY_SERIES', detail: `${series.length} series match` }
        : { kind: 'ok', series };
    },
  };
}

const latency = { kind: 'latency', name: 'latency', objectiveMs: 250, max: 0.05, minRequests: null } as const;
const errors = { kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null } as const;

async function judged(fields: Partial<Rollout>) {
  const looked = new Set<string>();
  const deps = fakeDependencies(fakeClock(), {
    metrics: prometheus(looked),
    fleets: { state: (fleet) => ({ fleet, observedSinceMs: 0, complete: true, nodes: NODES.map(node) }) },
  });
  const record = rollout({ phase: 'stepping', step: 0, push: push(NODES, { liveAtMs: 100_000 }), ...fields });
  const seen = await observe(deps, record, { breaker: BREAKER_CLOSED, judgement: null }, NOW_MS);
  if (seen.kind === 'error') throw new Error('nothing was observed');
  const { rollout: after } = step({
    ...{ rollout: record, backend: backendState({ rolloutId: 'r1' }), observed: seen.value, judge: judgeByPlan },
    ...{ judgement: null, settings, nowMs: NOW_MS },
  });
  return { looked: looked.size, evidence: after.evidence };
}

describe('a fleet of a thousand Envoys', () => {
  const at = (
    weight: number,
    name: 'threshold' | 'flagger' | 'argo' | 'kayenta' | 'sequential',
    analysis: typeof latency | typeof errors,
  ) => {
    const judge =
      name === 'flagger'
        ? ({ name, threshold: 5, intervalMs: 10_000 } as const)
        : name === 'argo'
          ? ({
              name,
              intervalMs: 10_000,
              count: null,
              failureLimit: 0,
              inconclusiveLimit: 0,
              consecutiveErrorLimit: 4,
              consecutiveSuccessLimit: 0,
              dryRun: [],
            } as const)
          : name === 'kayenta'
            ? KAYENTA_SPEC
            : ({ name } as const);
    const steps = [planStep({ weight }), planStep({ weight: 10_000, name: 'all' })];
    const history = [{ step: 0, name: 'one', weight, committedAtMs: 0, liveAtMs: 100_000, leftAtMs: null }];
    return judged({ spec: planSpec({ judge, analysis: [analysis], strategy: { name: 'any', steps } }), history });
  };

  it.each([
    ['threshold', 500, latency, 256],
    ['threshold', 500, errors, 1_000],
    ['flagger', 500, latency, 256],
    ['argo', 500, latency, 256],
    ['kayenta', 500, latency, 256],
    ['kayenta', 500, errors, 1_000],
    ['sequential', 10_000, latency, 256],
    ['sequential', 500, latency, 64],
  ] as const)('is judged by %s at weight %i on a sample that can be read', async (name, weight, analysis, envoys) => {
    const { looked, evidence } = await at(weight, name, analysis);
    expect(looked).toBe(envoys);
    expect(evidence?.verdicts.map(({ reason }) => reason)).not.toContain('TOO_MANY_SERIES');
    if (name === 'threshold') expect(evidence?.verdicts).toMatchObject([{ verdict: 'pass', reason: 'OK' }]);
  });

  it('is asked whole for what is one number per Envoy', async () => {
    const { looked } = await judged({ phase: 'preparing', step: -1, push: push(NODES) });
    expect(looked).toBe(1_000);
  });
});
