import { connectedNodes, type Liveness, liveness, type Nack, probing } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { type LaggardCheck, laggards, silentProbes } from './laggards.ts';
import { markLive } from './moves.ts';
import { newPush, nextProbe, trialOf } from './push.ts';
import type { Cause, Push } from './rollout.ts';
import { change, type Draft, emit, type Observations, type Settings, wait } from './transition.ts';

/** How often to look when no hint comes, ms. ACKs wake us up at once; this is the backstop. */
export const LOOK_AGAIN_MS = 2_000;
/** Longer than Envoy waits for the endpoints of a new cluster (15 s): a node that tries a change out is not slow before. */
export const PROBE_TIMEOUT_MS = 20_000;
const MAX_PROBES = 3;
/** So long other rollouts have their turn after nobody answered. */
const PARK_MS = 10_000;

export type LiveCheck =
  | { readonly kind: 'live'; readonly liveness: Extract<Liveness, { kind: 'live' }> }
  /** An Envoy refused the push, or does not answer and the plan will not wait for it. */
  | { readonly kind: 'failed'; readonly cause: Omit<Cause, 'atMs' | 'step'> }
  | { readonly kind: 'waiting' };

const WAITING = { kind: 'waiting' } as const;

/** Is the present push in force? Notes it on the draft when it has just become so. */
export function awaitLive(d: Draft, observed: Observations, settings: Settings): LiveCheck {
  const push = d.rollout.push;
  if (push === null) return WAITING;
  if (push.probe !== null) return awaitProbe(d, observed, push, push.probe);
  const who = { by: trialOf(d.rollout), graceMs: settings.disconnectGraceMs, nowMs: d.nowMs };
  let live = liveness(push.counted, observed.fleets, who);
  if (live.kind === 'empty' && rebase(d, observed, who) && d.rollout.push !== null) {
    live = liveness(d.rollout.push.counted, observed.fleets, who);
  }
  switch (live.kind) {
    case 'empty':
      wait(d, `an Envoy of fleet ${live.fleet}: none of those that count is connected`);
      return WAITING;
    case 'blind':
      wait(d, `the view of fleet ${live.fleet} to be complete (another replica has not told what its Envoys have)`);
      return WAITING;
    case 'waiting':
      if (live.nacks.length > 0) return { kind: 'failed', cause: refusal(live.nacks) };
      wait(d, `the ACK of ${nameSome(live.laggards)}`);
      return fromLaggards(laggards(d, live.laggards));
    case 'live':
      if (d.rollout.push?.liveAtMs === null) markLive(d, d.rollout, live.lastAckAtMs);
      return { kind: 'live', liveness: live };
  }
}

/** One node per fleet tries the change out. When it has taken it, the change goes to all; it counts only from there. */
function awaitProbe(d: Draft, observed: Observations, push: Push, probe: Readonly<Record<string, string>>): LiveCheck {
  const seen = probing(probe, observed.fleets, trialOf(d.rollout));
  const names = nameSome(Object.values(probe));
  switch (seen.kind) {
    case 'refused':
      return { kind: 'failed', cause: refusal(seen.nacks) };
    case 'taken': {
      const all = newPush(d, observed);
      if (all === null) return WAITING;
      change(d, { push: all });
      d.traffic = true;
      emit(d, 'live', `${names} took the change; it goes to every Envoy`, {
        ackMs: Math.max(0, d.nowMs - push.committedAtMs),
      });
      wait(d, 'the ACKs of the counted Envoys');
      return WAITING;
    }
    case 'open':
      return keepProbing(d, observed, push, probe, seen.gone);
  }
}

/** Another node is asked when one goes away or stays silent; after three silent ones the plan's word on laggards counts. */
function keepProbing(
  d: Draft,
  observed: Observations,
  push: Push,
  probe: Readonly<Record<string, string>>,
  gone: boolean,
): LiveCheck {
  const asked = Object.values(probe);
  const ageMs = d.nowMs - push.committedAtMs;
  const parked = asked.length === 0;
  wait(d, parked ? 'an Envoy to answer; others have their turn meanwhile' : `Envoy ${nameSome(asked)} to try it out`);
  if (parked ? ageMs < PARK_MS : !gone && ageMs < PROBE_TIMEOUT_MS) return WAITING;
  const unanswered = parked ? [] : gone ? push.unanswered : [...push.unanswered, ...asked];
  const next = unanswered.length < MAX_PROBES ? nextProbe(d, observed, push, { now: asked, unanswered }) : null;
  if (next !== null) {
    change(d, { push: next });
    d.traffic = true;
    const who = nameSome(Object.values(next.probe ?? {}));
    emit(d, 'held', parked ? `${who} tries the change out` : `${nameSome(asked)} does not answer; ${who} tries it out`);
    return WAITING;
  }
  // Whoever is away may be back in a moment; whoever is silent has had its time.
  if (parked || gone) return WAITING;
  const check = silentProbes(d, unanswered);
  if (check.kind === 'give-up') return { kind: 'failed', cause: silence(check.nodes) };
  if (d.rollout.push !== null)
    change(d, { push: { ...d.rollout.push, committedAtMs: d.nowMs, probe: {}, unanswered: [] } });
  d.traffic = true;
  return WAITING;
}

function fromLaggards(check: LaggardCheck): LiveCheck {
  return check.kind === 'gone-on' || check.kind === 'wait' ? WAITING : { kind: 'failed', cause: silence(check.nodes) };
}

function refusal(nacks: readonly Nack[]): Omit<Cause, 'atMs' | 'step'> {
  const [first] = nacks;
  const summary = first === undefined ? 'Envoy refused the change' : nackSummary(first, nacks.length - 1);
  return { kind: 'nack', by: 'serin', summary, verdict: null, node: first?.nodeId ?? null };
}

/** One sentence for a refused push; Envoy's words were redacted where they came in. */
function nackSummary({ nodeId, message }: Nack, more: number): string {
  return `Envoy ${nodeId}${more > 0 ? ` (and ${more} more)` : ''} refused the change: ${message}`;
}

function silence(nodes: readonly string[]): Omit<Cause, 'atMs' | 'step'> {
  const summary = `no answer to the change from ${nameSome(nodes)}`;
  return { kind: 'laggard', by: 'serin', summary, verdict: null, node: nodes[0] ?? null };
}

/**
 * Every counted node of a fleet is gone for good, others are there (an autoscaled fleet): count those.
 * They got the present state when they connected, so nothing is taken on trust; an empty fleet still holds.
 */
function rebase(d: Draft, observed: Observations, who: Parameters<typeof liveness>[2]): boolean {
  const push = d.rollout.push;
  if (push === null) return false;
  const connected = connectedNodes(observed.fleets);
  const counted = Object.fromEntries(
    Object.entries(push.counted).map(([fleet, nodes]) => {
      const here = liveness({ [fleet]: nodes }, observed.fleets, who);
      return [fleet, here.kind === 'empty' ? (connected[fleet] ?? []) : nodes];
    }),
  );
  if (Object.values(counted).some((nodes) => nodes.length === 0)) return false;
  if (JSON.stringify(counted) === JSON.stringify(push.counted)) return false;
  change(d, { push: { ...push, counted, liveAtMs: null } });
  emit(d, 'held', 'every counted Envoy is gone; the connected ones count from now on');
  return true;
}
