import { cutRevision } from '../../../src/core/model/cut-revision.ts';
import type { BackendSpec, PlanSpec } from '../../../src/core/model/documents.ts';
import type { Revision } from '../../../src/core/model/revision.ts';
import type { OwnerTraffic, TrafficOwner } from '../../../src/core/model/traffic.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { backendKey, rolloutKey } from '../../../src/engine/load.ts';
import type { Commit } from '../../../src/engine/ports/store.ts';
import { EMPTY_COMMIT } from '../../../src/engine/publish.ts';

/** What `bench:scale` runs: its fleets, their Envoys, and rollouts in the middle of their first step. */

export const ENVOYS_PER_FLEET = 2;
export const ROLLOUTS_PER_FLEET = 160;
export const SCRAPE_MS = 15_000;
/** A step lasts so long, and rollouts are spread over it, so that at any time some of them go on to the next one. */
const HOLD_MS = 300_000;
/** One backend in so many gets too few requests to be judged, and is held. */
const THIN_EVERY = 4;
/** Both arms get as many requests in the stand-in, so steps that are judged by comparison are all about half. */
const WEIGHTS = { threshold: [100, 500, 2_500, 5_000], sequential: [4_950, 5_000, 5_050, 5_100] } as const;

export const fleetName = (fleet: number): string => `fleet-${fleet}`;
export const nodeName = (fleet: string, i: number): string => `${fleet}-envoy-${i}`;
export const isThin = (backend: string): boolean => Number(backend.slice(backend.indexOf('-') + 1)) % THIN_EVERY === 0;

const BACKEND: BackendSpec = {
  protocol: 'http1',
  connectTimeoutMs: 1_000,
  healthCheck: { path: '/healthz', intervalMs: 5_000, timeoutMs: 1_000, healthyThreshold: 2, unhealthyThreshold: 3 },
  endpoints: { kind: 'dns', host: 'service-{{ revision }}.internal.example.com', port: 8080 },
  initial: null,
};

function plan(backend: string, judge: keyof typeof WEIGHTS): PlanSpec {
  const step = { matches: [], holdMs: HOLD_MS, approve: false, analysis: [] };
  return {
    backend,
    strategy: {
      name: 'canary',
      steps: WEIGHTS[judge].map((weight) => ({ name: `${weight / 100} %`, weight, ...step })),
    },
    analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 50 }],
    judge: { name: judge },
    deadlineMs: 7_200_000,
    inconclusiveAfterMs: 3_600_000,
    ackTimeoutMs: 30_000,
    onLaggard: 'hold',
    onRollback: { closeStreamsAfterMs: null },
    notify: [],
  };
}

function revision(backend: string, name: string): Revision {
  const cut = cutRevision({ backend, spec: BACKEND, revision: name, endpoints: null });
  if (cut.kind === 'error') throw new Error(cut.errors[0]?.message);
  return cut.value;
}

/** @param share of the hold that has passed, 0–1 */
export function steppingRollout(i: number, fleet: number, share: number, nowMs: number): Rollout {
  const backend = `service-${i}`;
  const liveAtMs = Math.round(nowMs - share * HOLD_MS);
  const committedAtMs = liveAtMs - 50;
  const counted = Array.from({ length: ENVOYS_PER_FLEET }, (_, n) => nodeName(fleetName(fleet), n));
  const judge = Math.floor(i / THIN_EVERY) % 2 === 0 ? 'sequential' : 'threshold';
  const spec = plan(backend, judge);
  return {
    id: `r${i.toString(16).padStart(24, '0')}`,
    plan: backend,
    spec,
    trigger: { revision: 'v42', endpoints: null },
    backend,
    fleets: [fleetName(fleet)],
    canary: revision(backend, 'v42'),
    stable: revision(backend, 'v41'),
    phase: 'stepping',
    paused: null,
    step: 0,
    attempt: 1,
    startedBy: 'ci',
    createdAtMs: committedAtMs - 5_000,
    updatedAtMs: liveAtMs,
    deadlineAtMs: nowMs + spec.deadlineMs,
    push: {
      committedAtMs,
      liveAtMs,
      counted: { [fleetName(fleet)]: counted },
      routesOnly: true,
      probe: null,
      unanswered: {},
      toldAtMs: null,
    },
    drill: { stage: 'proven', backMs: 40 },
    excluded: {},
    requires: [],
    aftercare: null,
    approval: null,
    evidence: null,
    cause: null,
    history: [{ step: 0, name: 'first', weight: WEIGHTS[judge][0], committedAtMs, liveAtMs, leftAtMs: null }],
    waitingFor: 'a measurement',
  };
}

/** All rollouts of a fleet, with their backends and traffic, as one commit; due within one scrape from `dueFromMs` on. */
export function fleetCommit(
  fleet: number,
  from: number,
  to: number,
  times: { readonly nowMs: number; readonly dueFromMs: number },
): Commit {
  const name = fleetName(fleet);
  const own = Array.from({ length: to - from }, (_, k) => {
    const share = (k + 0.5) / (to - from);
    const rollout = steppingRollout(from + k, fleet, share, times.nowMs);
    const { backend, stable, id } = rollout;
    // Another order than that of the holds: who is due next has nothing to do with who goes on.
    const dueAtMs = times.dueFromMs + (((k * 61) % (to - from)) / (to - from) + fleet / 1_000) * SCRAPE_MS;
    return { rollout, state: { backend, stable, rolloutId: id, retired: [] }, dueAtMs };
  });
  const traffic = own.flatMap(({ rollout, state }): [TrafficOwner, OwnerTraffic][] => [
    [`backend/${state.backend}`, backendTraffic(state, rollout)],
    [`route/${state.backend}`, routeTraffic(name, state.backend)],
  ]);
  const writes = own.flatMap(({ rollout, state }): Commit['writes'][number][] => [
    { key: rolloutKey(rollout.id), body: rollout },
    { key: backendKey(state.backend), body: state },
  ]);
  return {
    ...EMPTY_COMMIT,
    reads: writes.map(({ key }) => ({ key, rev: 0 })),
    writes,
    due: own.map(({ rollout, dueAtMs }) => ({ subject: `rollout/${rollout.id}`, atMs: dueAtMs })),
    traffic: traffic.map(([owner, value]) => ({ fleet: name, owner, value })),
  };
}

function routeTraffic(fleet: string, backend: string): OwnerTraffic {
  const path = { type: 'PathPrefix', value: '/' } as const;
  const rules = [{ name: 'all', matches: [{ path, headers: [], queryParams: [] }], backend, timeoutMs: 5_000 }];
  return { kind: 'route', route: backend, spec: { fleet, hostnames: [`${backend}.example.com`], rules } };
}
