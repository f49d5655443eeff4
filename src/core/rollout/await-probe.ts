import { type ProbeStanding, probing } from '../fleet/liveness.ts';
import { nameSome } from '../model/name-some.ts';
import { silentProbes } from './laggards.ts';
import { type LiveCheck, refusal, silence, unservable } from './live-check.ts';
import { newPush, nextProbe, pushAgain, trialOf } from './push.ts';
import type { Push } from './rollout.ts';
import { change, type Draft, emit, type Observations, type Settings, STEADY_CLOCK, wait } from './transition.ts';

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
  if (d.rollout.paused !== null || !settings.clockTrusted) {
    // What goes no further must not keep others from their turn. To take it back needs neither a person nor a clock.
    wait(d, d.rollout.paused === null ? STEADY_CLOCK : `a person to resume it (${d.rollout.paused.reason})`);
    if (names !== '') park(d);
    return WAITING;
  }
  if (seen.kind === 'open') return keepProbing(d, observed, seen.byFleet);
  const all = newPush(d, observed);
  if (all === null) return WAITING;
  const tookMs = d.nowMs - (d.rollout.push?.committedAtMs ?? d.nowMs);
  change(d, { push: all });
  d.traffic = true;
  emit(d, 'probe', `${names} took the change after ${tookMs} ms; it goes to every Envoy`);
  wait(d, 'the ACKs of the counted Envoys');
  return WAITING;
}

/**
 * Another node of its fleet is asked when one goes away or stays silent; after three silent ones of a fleet the plan's
 * word on laggards counts. A fleet whose node has taken it is left alone.
 */
function keepProbing(d: Draft, observed: Observations, byFleet: Readonly<Record<string, ProbeStanding>>): LiveCheck {
  const push = d.rollout.push;
  const probe = push?.probe ?? null;
  if (push === null || probe === null) return WAITING;
  const ageMs = d.nowMs - push.committedAtMs;
  const at = (wanted: ProbeStanding) => Object.keys(byFleet).filter((fleet) => byFleet[fleet] === wanted);
  const names = (fleets: readonly string[]) => nameSome(fleets.map((fleet) => probe[fleet] ?? ''));
  const [gone, open] = [at('gone'), at('open')];
  if (Object.keys(probe).length === 0) {
    wait(d, 'an Envoy to answer; others have their turn meanwhile');
    if (ageMs < PARK_MS) return WAITING;
    const again = nextProbe(d, observed, push, { must: Object.keys(push.counted), may: [], unanswered: {} });
    if (again !== null) ask(d, again, 'tries the change out');
    return WAITING;
  }
  wait(d, `Envoy ${names([...gone, ...open])} to try it out`);
  const silent = ageMs < PROBE_TIMEOUT_MS ? [] : open;
  if (gone.length === 0 && silent.length === 0) return WAITING;
  const more = silent.map((fleet) => [fleet, [...(push.unanswered[fleet] ?? []), probe[fleet] ?? '']] as const);
  const unanswered = { ...push.unanswered, ...Object.fromEntries(more) };
  const given = more.some(([, nodes]) => nodes.length >= MAX_PROBES);
  const next = given ? null : nextProbe(d, observed, push, { must: silent, may: gone, unanswered });
  if (next !== null) {
    ask(d, next, `tries it out; no answer from ${names([...gone, ...silent])}`);
    return WAITING;
  }
  // Whoever is away may be back in a moment; whoever is silent has had its time.
  if (silent.length === 0) return WAITING;
  const check = silentProbes(d, unanswered);
  if (check.kind === 'give-up') return { kind: 'failed', cause: silence(check.nodes) };
  park(d);
  return WAITING;
}

function ask(d: Draft, next: Push, what: string): void {
  const before = Object.entries(d.rollout.push?.probe ?? {});
  change(d, { push: next });
  d.traffic = true;
  const asked = Object.entries(next.probe ?? {}).filter(
    ([fleet, node]) => !before.some((one) => one[0] === fleet && one[1] === node),
  );
  emit(d, 'held', `${nameSome(asked.map(([, node]) => node))} ${what}`);
}

/** Takes the change back from the node that tries it out, so that others have their turn. */
function park(d: Draft): void {
  const push: Push | null = d.rollout.push;
  if (push === null) return;
  change(d, { push: { ...pushAgain(d, push), probe: {}, unanswered: {} } });
  d.traffic = true;
}
