import { freshForMs } from '../../analysis/sample-health.ts';
import { hostReadiness } from '../../fleet/readiness.ts';
import { awaitLive, LOOK_AGAIN_MS, nackSummary } from '../await-live.ts';
import { advance, newPush, revert } from '../moves.ts';
import { type Draft, type StepInput, wait } from '../transition.ts';

/**
 * Make before break: the route commit follows only when the counted nodes have ACKed the clusters
 * and report healthy hosts in them. Until then nothing can have reached the canary.
 */
export function preparing(d: Draft, { observed, settings }: StepInput): number | null {
  const failed = (kind: 'nack' | 'deadline', summary: string, node: string | null) => {
    revert(d, observed, { kind, by: 'serin', summary, verdict: null, node }, settings);
    return null;
  };
  const live = awaitLive(d, observed, settings);
  if (live.kind === 'nack') return failed('nack', nackSummary(live.nacks), live.nacks[0]?.nodeId ?? null);
  if (d.nowMs >= d.rollout.deadlineAtMs) {
    return failed('deadline', `the deadline passed while waiting for ${d.rollout.waitingFor}`, null);
  }
  const lookAgainMs = Math.min(d.nowMs + LOOK_AGAIN_MS, d.rollout.deadlineAtMs);
  if (live.kind === 'waiting') return lookAgainMs;

  const push = d.rollout.push;
  if (observed.scrapeMs !== null && push !== null) {
    if (observed.counters === null) return lookAgainMs;
    const proxies = live.liveness.nodes.map((node) => node.metricsName);
    // Since the clusters are live, and not long ago: an hour-old "healthy" says nothing.
    const sinceMs = Math.max(push.liveAtMs ?? push.committedAtMs, d.nowMs - freshForMs(observed.scrapeMs));
    const ready = hostReadiness(observed.counters, d.rollout.canary.cluster, proxies, sinceMs);
    if (ready.kind !== 'ready') {
      wait(d, ready.kind === 'gap' ? `proof of healthy hosts (${ready.gap}: ${ready.detail})` : ready.detail);
      return Math.min(d.nowMs + Math.min(observed.scrapeMs, LOOK_AGAIN_MS), d.rollout.deadlineAtMs);
    }
  }
  if (d.rollout.paused !== null) {
    wait(d, 'a person to resume it');
    return d.rollout.deadlineAtMs;
  }
  if (!settings.clockTrusted) {
    wait(d, 'a steady clock: wall and monotonic time disagree');
    return lookAgainMs;
  }
  const next = newPush(d, observed);
  if (next === null) {
    wait(d, 'an Envoy of every fleet to connect');
    return lookAgainMs;
  }
  advance(d, next);
  wait(d, 'the ACKs of the counted Envoys');
  return lookAgainMs;
}
