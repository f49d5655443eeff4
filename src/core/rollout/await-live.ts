import { type Asking, connectedNodes, liveness } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { awaitProbe } from './await-probe.ts';
import { isOnWayBack, type LaggardCheck, laggards } from './laggards.ts';
import { type LiveCheck, refusal, silence } from './live-check.ts';
import { markLive } from './moves.ts';
import { stillExcluded, trialOf, waitForView, without } from './push.ts';
import type { Cause } from './rollout.ts';
import { change, type Draft, emit, type Observations, type Settings, wait } from './transition.ts';

/** How often to look when no hint comes, ms. ACKs wake us up at once; this is the backstop. */
export const LOOK_AGAIN_MS = 2_000;

const WAITING = { kind: 'waiting' } as const;

/** Is the present push in force? Notes it on the draft when it has just become so. */
export function awaitLive(d: Draft, observed: Observations, settings: Settings): LiveCheck {
  const push = d.rollout.push;
  if (push === null) return WAITING;
  if (push.probe !== null) return awaitProbe(d, observed, settings, push.probe);
  const { routesOnly } = push;
  const who = { routesOnly, by: trialOf(d.rollout), graceMs: settings.disconnectGraceMs, nowMs: d.nowMs };
  let live = liveness(push.counted, observed.fleets, who);
  if (live.kind === 'empty' && rebase(d, observed, who) && d.rollout.push !== null) {
    live = liveness(d.rollout.push.counted, observed.fleets, who);
  }
  switch (live.kind) {
    case 'empty':
      wait(d, `an Envoy of fleet ${live.fleet}: none of those that count is connected`);
      return WAITING;
    case 'blind':
      waitForView(d, live.fleet);
      return WAITING;
    case 'waiting':
      if (live.nacks.length > 0) return { kind: 'failed', cause: refusal(live.nacks) };
      wait(d, `the ACK of ${nameSome(Object.values(live.laggards).flat())}`);
      return fromLaggards(laggards(d, live.laggards, observed));
    case 'live':
      if (d.rollout.push?.liveAtMs === null)
        markLive(d, d.rollout, Math.max(...live.nodes.map(({ ackedAtMs }) => ackedAtMs)));
      return { kind: 'live', liveness: live };
  }
}

/** Refused on the way back, from which there is no other way: stays, says it, and looks again. */
export function staysRefused(d: Draft, { summary }: Pick<Cause, 'summary'>): number {
  const waitingFor = `a way back: ${summary}`;
  if (d.rollout.waitingFor !== waitingFor) emit(d, 'nack', summary);
  wait(d, waitingFor);
  return d.nowMs + LOOK_AGAIN_MS;
}

function fromLaggards(check: LaggardCheck): LiveCheck {
  return check.kind === 'gone-on' || check.kind === 'wait' ? WAITING : { kind: 'failed', cause: silence(check.nodes) };
}

/**
 * Every counted node of a fleet is gone for good, others are there (an autoscaled fleet): count those.
 * They got the present state when they connected, so nothing is taken on trust; an empty fleet still holds. Who was
 * left out stays so, except on the way back.
 */
function rebase(d: Draft, observed: Observations, who: Asking): boolean {
  const push = d.rollout.push;
  if (push === null) return false;
  const here = connectedNodes(observed.fleets);
  const connected = isOnWayBack(d.rollout) ? here : without(here, stillExcluded(d.rollout, observed));
  const counted = Object.fromEntries(
    Object.entries(push.counted).map(([fleet, nodes]) => {
      const seen = liveness({ [fleet]: nodes }, observed.fleets, who);
      return [fleet, seen.kind === 'empty' ? (connected[fleet] ?? []) : nodes];
    }),
  );
  if (Object.values(counted).some((nodes) => nodes.length === 0)) return false;
  if (JSON.stringify(counted) === JSON.stringify(push.counted)) return false;
  const { liveOffsetMs: _of, ...rest } = push;
  const firstLiveAtMs = push.firstLiveAtMs ?? push.liveAtMs;
  change(d, { push: { ...rest, counted, liveAtMs: null, ...(firstLiveAtMs === null ? {} : { firstLiveAtMs }) } });
  emit(d, 'held', 'every counted Envoy is gone; the connected ones count from now on');
  return true;
}
