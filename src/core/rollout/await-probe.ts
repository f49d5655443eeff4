import { probing } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { silentProbes } from './laggards.ts';
import { type LiveCheck, refusal, silence, unservable } from './live-check.ts';
import { newPush, nextProbe, trialOf } from './push.ts';
import type { Push } from './rollout.ts';
import { change, type Draft, emit, type Observations, type Settings, wait } from './transition.ts';

/** Longer than Envoy waits for the endpoints of a new cluster (15 s): a node that tries a change out is not slow before. */
const PROBE_TIMEOUT_MS = 20_000;
const MAX_PROBES = 3;
/** So long other rollouts have their turn after nobody answered. */
const PARK_MS = 10_000;

const WAITING = { kind: 'waiting' } as const;
type Probes = Readonly<Record<string, string>>;

/** One node per fleet tries the change out. When it has taken it, the change goes to all; it counts only from there. */
export function awaitProbe(d: Draft, observed: Observations, settings: Settings, probe: Probes): LiveCheck {
  const seen = probing(probe, observed.fleets, trialOf(d.rollout));
  const names = nameSome(Object.values(probe));
  if (seen.kind === 'refused') return { kind: 'failed', cause: refusal(seen.nacks) };
  if (seen.kind === 'unservable') return { kind: 'failed', cause: unservable(seen.detail) };
  if (d.rollout.paused !== null) {
    // What is paused goes no further, and must not keep others from their turn.
    wait(d, `a person to resume it (${d.rollout.paused.reason})`);
    if (names !== '') park(d);
    return WAITING;
  }
  if (!settings.clockTrusted) {
    wait(d, 'a steady clock: wall and monotonic time disagree');
    return WAITING;
  }
  if (seen.kind === 'open') return keepProbing(d, observed, probe, seen.gone);
  const all = newPush(d, observed);
  if (all === null) return WAITING;
  const tookMs = d.nowMs - (d.rollout.push?.committedAtMs ?? d.nowMs);
  change(d, { push: all });
  d.traffic = true;
  emit(d, 'probe', `${names} took the change after ${tookMs} ms; it goes to every Envoy`);
  wait(d, 'the ACKs of the counted Envoys');
  return WAITING;
}

/** Another node is asked when one goes away or stays silent; after three silent ones the plan's word on laggards counts. */
function keepProbing(d: Draft, observed: Observations, probe: Probes, gone: boolean): LiveCheck {
  const push = d.rollout.push;
  if (push === null) return WAITING;
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
  park(d);
  return WAITING;
}

/** Takes the change back from the node that tries it out, so that others have their turn. */
function park(d: Draft): void {
  const push: Push | null = d.rollout.push;
  if (push === null) return;
  change(d, { push: { ...push, committedAtMs: d.nowMs, probe: {}, unanswered: [] } });
  d.traffic = true;
}
