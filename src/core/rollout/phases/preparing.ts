import { freshForMs } from '../../analysis/sample-health.ts';
import { hostReadiness } from '../../fleet/readiness.ts';
import { addressesOf } from '../../model/api-endpoints.ts';
import type { FleetNode } from '../../model/fleet-state.ts';
import { awaitLive, LOOK_AGAIN_MS } from '../await-live.ts';
import { drill, isDrilling } from '../drill.ts';
import { isSeveral, partName, partsOf, statesOf } from '../joint.ts';
import { incapable } from '../live-check.ts';
import { advance, revert, revertLate } from '../moves.ts';
import { type Draft, STEADY_CLOCK, type StepInput, wait } from '../transition.ts';
import { awaitWindow } from '../window-gate.ts';

/**
 * Make before break: the first route commit follows only when the counted nodes have ACKed the clusters, report
 * healthy hosts in them, and have shown that they come back. Until then nothing can have reached the canary.
 */
export function preparing(d: Draft, input: StepInput): number | null {
  const { observed, settings } = input;
  // Again, since others may have come: at the first step it would be too late.
  const lack = incapable(d.rollout, observed);
  if (lack !== null) {
    revert(d, observed, lack, settings);
    return null;
  }
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'failed') {
    revert(d, observed, live.cause, settings);
    return null;
  }
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    const summary = `the deadline passed while waiting for ${d.rollout.waitingFor}`;
    revertLate(d, observed, summary, settings);
    return null;
  }
  const lookAgainMs = Math.min(d.nowMs + LOOK_AGAIN_MS, d.rollout.deadlineAtMs);
  if (live.kind === 'waiting') return lookAgainMs;
  const nodes = live.liveness.nodes.map(({ node }) => node);
  if (lacksEndpoints(d)) return lookAgainMs;
  if (!isDrilling(d.rollout) && !hostsReady(d, input, nodes)) {
    return Math.min(d.nowMs + Math.min(observed.scrapeMs ?? LOOK_AGAIN_MS, LOOK_AGAIN_MS), d.rollout.deadlineAtMs);
  }
  if (d.rollout.paused !== null) {
    wait(d, 'a person to resume it');
    return d.rollout.deadlineAtMs;
  }
  if (!settings.clockTrusted) {
    wait(d, STEADY_CLOCK);
    return lookAgainMs;
  }
  if (drill(d, observed) !== 'proven') return lookAgainMs;
  const window = awaitWindow(d);
  if (window !== 'open') return window;
  advance(d, observed);
  return lookAgainMs;
}

/** Envoys take a cluster without hosts; requests to it would fail. */
function lacksEndpoints(d: Draft): boolean {
  const states = new Map(statesOf(d).map((state) => [state.backend, state]));
  const empty = partsOf(d.rollout).find(({ backend, canary }) => {
    const state = states.get(backend);
    return canary.endpoints.kind === 'api' && state !== undefined && addressesOf(state, canary.name).length === 0;
  });
  if (empty === undefined) return false;
  const { backend, canary } = empty;
  const command = `serin backend endpoints set ${backend} --revision ${canary.name} <ip:port>`;
  wait(d, `endpoints of revision ${canary.name} of ${backend} (\`${command}\`)`);
  return true;
}

/** Without metrics the ACK has to do; with them every counted node has to report a healthy host. */
function hostsReady(d: Draft, { observed }: StepInput, nodes: readonly FleetNode[]): boolean {
  const push = d.rollout.push;
  if (observed.scrapeMs === null || push === null) return true;
  if (observed.counters === null) return false;
  // Not long ago: an hour-old "healthy" says nothing. And at first since the clusters are live; the drill touches none.
  const freshMs = d.nowMs - freshForMs(observed.scrapeMs);
  const sinceMs = d.rollout.drill === null ? Math.max(push.liveAtMs ?? push.committedAtMs, freshMs) : freshMs;
  const sampledSinceMs = sinceMs + (observed.offsetMs ?? 0);
  for (const part of partsOf(d.rollout)) {
    const { canary, push: own } = part;
    const counted = new Set(Object.values(own?.counted ?? {}).flat());
    // Not every backend of several is with every Envoy that counts.
    const here = d.rollout.joint === undefined ? nodes : nodes.filter(({ nodeId }) => counted.has(nodeId));
    const proxies = here.map((node) => node.metricsName);
    const ready = hostReadiness(observed.counters, canary.cluster, proxies, sampledSinceMs);
    if (ready.kind === 'ready') continue;
    const whose = isSeveral(d.rollout) ? ` of ${partName(part)}` : '';
    wait(d, ready.kind === 'gap' ? `proof of healthy hosts${whose} (${ready.gap}: ${ready.detail})` : ready.detail);
    return false;
  }
  return true;
}
