import type { CounterSeries, CountersResult, Judge, JudgeInput, Verdict } from '../../src/core/analysis/judge.ts';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import type { PlanSpec, StepSpec } from '../../src/core/model/documents.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import type { Revision } from '../../src/core/model/revision.ts';
import type { Push, Rollout } from '../../src/core/rollout/rollout.ts';
import type { Observations, Settings, Transition } from '../../src/core/rollout/transition.ts';

/** Builders of records and observations, with defaults that a test overrides where it cares. */

export function revision(name: string, backend = 'checkout'): Revision {
  return {
    key: `${backend}/${name}-abc123`,
    backend,
    name,
    cluster: `${backend}--${name}-abc123`,
    protocol: 'http1',
    connectTimeoutMs: 1_000,
    healthCheck: null,
    endpoints: { kind: 'static', addresses: [{ host: '127.0.0.1', port: 8080 }] },
  };
}

export function planStep(fields: Partial<StepSpec> = {}): StepSpec {
  return { name: 'step', weight: 500, matches: [], holdMs: 0, approve: false, analysis: [], ...fields };
}

export function planSpec(fields: Partial<PlanSpec> = {}): PlanSpec {
  return {
    backend: 'checkout',
    strategy: { name: 'inline', steps: [planStep()] },
    analysis: [],
    judge: { name: 'threshold' },
    deadlineMs: 3_600_000,
    inconclusiveAfterMs: 600_000,
    ackTimeoutMs: 30_000,
    onLaggard: 'hold',
    onRollback: { closeStreamsAfterMs: null },
    notify: ['deploys'],
    ...fields,
  };
}

export function rollout(fields: Partial<Rollout> = {}): Rollout {
  return {
    id: 'r1',
    plan: 'checkout',
    spec: planSpec(),
    trigger: { revision: 'v2', endpoints: null },
    backend: 'checkout',
    fleets: ['edge'],
    canary: revision('v2'),
    stable: revision('v1'),
    phase: 'pending',
    paused: null,
    step: -1,
    attempt: 0,
    startedBy: 'ci',
    createdAtMs: 0,
    updatedAtMs: 0,
    deadlineAtMs: 3_600_000,
    push: null,
    drill: null,
    excluded: {},
    requires: [],
    aftercare: null,
    approval: null,
    evidence: null,
    cause: null,
    history: [],
    waitingFor: '',
    ...fields,
  };
}

/** A push to the nodes of fleet `edge`, committed at 0 and not live yet. */
export function push(edge: readonly string[], fields: Partial<Push> = {}): Push {
  return {
    committedAtMs: 0,
    liveAtMs: null,
    counted: { edge },
    routesOnly: false,
    probe: null,
    unanswered: {},
    toldAtMs: null,
    ...fields,
  };
}

export function backendState(fields: Partial<BackendState> = {}): BackendState {
  return { backend: 'checkout', stable: revision('v1'), rolloutId: 'r1', retired: [], ...fields };
}

export function node(nodeId: string, fields: Partial<FleetNode> = {}): FleetNode {
  return {
    nodeId,
    connected: true,
    changedAtMs: 0,
    credited: null,
    creditedAtMs: 0,
    routes: null,
    routesAtMs: 0,
    nack: null,
    metricsName: nodeId,
    envoyVersion: '1.40.0',
    replicas: ['self'],
    types: [],
    ...fields,
  };
}

/** A fleet `edge` whose nodes are as given and whose table holds the backend's traffic at revision `n`. */
export function fleetAt(n: number | null, nodes: readonly FleetNode[]): Observations['fleets'] {
  return {
    edge: {
      state: { fleet: 'edge', observedSinceMs: 0, complete: true, nodes },
      position: n === null ? null : { epoch: 'e', n },
      trial: null,
    },
  };
}

export function healthyHosts(proxies: readonly string[], cluster: string, tMs: number, hosts = 1): CountersResult {
  return {
    kind: 'ok',
    series: proxies.map(
      (proxy): CounterSeries => ({ proxy, cluster, family: 'membership_healthy', label: '', points: [[tMs, hosts]] }),
    ),
  };
}

/** A decision that nobody is told of. */
export function quietTransition(fields: Partial<Transition> = {}): Transition {
  return {
    rollout: rollout(),
    backend: backendState(),
    others: [],
    traffic: false,
    events: [],
    notices: [],
    confirmedAfterMs: [],
    judgement: null,
    point: null,
    dueAtMs: 1,
    ...fields,
  };
}

export const settings: Settings = { disconnectGraceMs: 30_000, retireAfterMs: 86_400_000, clockTrusted: true };

/** A judge that says what it is told; the real ones have tests of their own. */
export function scriptedJudge(
  decide: (arms: JudgeInput['arms']) => 'pass' | 'fail' | 'inconclusive',
  openReason: Verdict['reason'] = 'NO_DATA',
): Judge {
  return {
    name: 'scripted',
    assess: ({ analysis, arms, counters, state }) => {
      const scripted = decide(arms);
      const verdict = counters.kind === 'gap' && scripted === 'pass' ? 'inconclusive' : scripted;
      return {
        verdicts: analysis.map((spec) => ({
          metric: spec.name,
          verdict,
          reason: verdict === 'pass' ? 'OK' : verdict === 'fail' ? 'OVER_LIMIT' : openReason,
          detail: `scripted ${verdict}`,
          value: verdict === 'fail' ? 0.5 : 0,
          baseline: 0,
          limit: { min: null, max: 0.01 },
          requests: 300,
          baselineRequests: 300,
        })),
        decision: verdict === 'pass' ? 'advance' : verdict === 'fail' ? 'rollback' : 'hold',
        state: { looks: Number(state?.looks ?? 0) + 1 },
      };
    },
  };
}
