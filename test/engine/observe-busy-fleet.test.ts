import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../src/core/analysis/judge.ts';
import { FleetLedger } from '../../src/core/fleet/fleet-ledger.ts';
import { startOf } from '../../src/core/fleet/ledger-stream.ts';
import { BREAKER_CLOSED } from '../../src/core/rollout/breaker.ts';
import { step } from '../../src/core/rollout/step.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { observe } from '../../src/engine/observe.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeDependencies, noEvidence } from '../support/fake-dependencies.ts';
import { backendState, planSpec, planStep, push, rollout, scriptedJudge, settings } from '../support/rollouts.ts';

const PUSHED = { epoch: 'e', n: 3 };
const TIMEOUT_MS = 15_000;

/** Envoy a had the step after a second, b never has it; a is told something else every `everyMs` since. */
async function judgedAfter(ms: number, everyMs: number, canaryFails: number) {
  const ledger = new FleetLedger('edge', 0);
  for (const [slot, nodeId] of ['a', 'b'].entries()) {
    const identity = { nodeId, metricsName: nodeId, envoyVersion: null, openedAtMs: 0, kinds: [] };
    ledger.open('r1', slot, { identity: identity as never, progress: startOf(0) }, 0);
  }
  const record = rollout({
    spec: planSpec({
      judge: { name: 'sequential' },
      analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: null }],
      strategy: { name: 'any', steps: [planStep({ holdMs: 3_600_000 })] },
    }),
    phase: 'stepping',
    step: 0,
    routeTimeoutMs: TIMEOUT_MS,
    deadlineAtMs: 7_200_000,
    push: push(['a', 'b'], { committedAtMs: 0 }),
    history: [{ step: 0, name: 'one', weight: 1_000, committedAtMs: 0, liveAtMs: null, leftAtMs: null }],
  });
  const { canary, stable } = record;
  const counters: Dependencies['metrics']['counters'] = async ({ fromMs, toMs }) => {
    const of = (cluster: string, label: string, each: number): CounterSeries => {
      const points: (readonly [number, number])[] = [];
      for (let t = Math.ceil(fromMs / 1_000); t * 1_000 <= toMs; t += 1) points.push([t * 1_000, t * each]);
      return { proxy: 'a', cluster, family: 'upstream_rq_xx', label, points };
    };
    const series = [
      ...[of(canary.cluster, '2', 50 - canaryFails), of(canary.cluster, '5', canaryFails)],
      ...[of(stable?.cluster ?? '', '2', 949), of(stable?.cluster ?? '', '5', 1)],
    ];
    return { kind: 'ok', series };
  };
  let n = PUSHED.n;
  for (let t = 1_000; t <= ms; t += everyMs, n += 1) {
    const at = { epoch: 'e', n };
    ledger.progress('r1', 0, { position: at, counts: true, routes: true, routesAt: at, creditedAtMs: t, types: [] });
    ledger.state(true, t);
  }
  const deps = fakeDependencies(fakeClock(), {
    metrics: { ...noEvidence, counters },
    fleets: { state: () => ledger.state(true, ms) },
  });
  Object.assign(deps, {
    traffic: { ...deps.traffic, standing: async () => ({ kind: 'ok', value: { position: PUSHED, trial: null } }) },
  });
  const seen = await observe(deps, record, { breaker: BREAKER_CLOSED, judgement: null }, ms);
  if (seen.kind === 'error') throw new Error('nothing was observed');
  return step({
    ...{ rollout: record, backend: backendState({ rolloutId: 'r1' }), observed: seen.value, judgement: null },
    ...{ judge: scriptedJudge(() => 'inconclusive'), settings, nowMs: ms },
  }).rollout;
}

describe('a canary that crashes while an Envoy keeps its step waiting', () => {
  it.each([
    ['is sent back in a fleet where nothing else happens', 3_600_000],
    ['is sent back in a fleet that is told other hosts every five seconds', 5_000],
    ['is sent back in a fleet that is told something every second', 1_000],
  ])('%s', async (_, everyMs) => {
    expect((await judgedAfter(90_000, everyMs, 50)).cause?.verdict?.metric).toBe('push-guard');
  });

  it('that is well is not, however often its fleet is told something', async () => {
    expect((await judgedAfter(90_000, 1_000, 0)).phase).toBe('stepping');
  });
});
