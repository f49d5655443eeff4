import type { FleetState } from '../core/model/fleet-state.ts';
import { isTerminal } from '../core/model/phase.ts';
import { isQueued } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Clock } from './ports/clock.ts';
import type { FleetView } from './ports/fleet-view.ts';
import type { WakeUps } from './ports/wake-ups.ts';

/** Which rollouts this replica has seen going on. A hint only: the due set knows them all. */
export interface ActiveRollouts {
  note(rollout: Rollout): void;
  of(fleet: string): readonly string[];
  /** Those of them that an ACK may take further. */
  waiting(fleet: string): readonly string[];
  /** Those of them that give their canary traffic, as they were last seen. */
  exposed(fleet: string): readonly Rollout[];
  /** A rollout's backend never changes; `null`: the rollout was not seen, or is over. */
  backendOf(id: string): string | null;
}

export function activeRollouts(): ActiveRollouts {
  /** By fleet and id: does it wait for Envoys? */
  const byFleet = new Map<string, Map<string, boolean>>();
  const backends = new Map<string, string>();
  const exposed = new Map<string, Rollout>();
  return {
    note: (rollout) => {
      const { id, backend, fleets, phase, push } = rollout;
      if (phase === 'stepping' || phase === 'promoting') exposed.set(id, rollout);
      else exposed.delete(id);
      if (isTerminal(phase)) backends.delete(id);
      else backends.set(id, backend);
      const isLive = phase === 'stepping' && push !== null && push.liveAtMs !== null && push.probe === null;
      const waits = !isLive && !isQueued(rollout);
      for (const fleet of fleets) {
        const known = byFleet.get(fleet) ?? new Map();
        byFleet.set(fleet, known);
        if (isTerminal(phase)) known.delete(id);
        else known.set(id, waits);
      }
    },
    of: (fleet) => [...(byFleet.get(fleet)?.keys() ?? [])],
    waiting: (fleet) => [...(byFleet.get(fleet) ?? [])].flatMap(([id, waits]) => (waits ? [id] : [])),
    exposed: (fleet) => [...exposed.values()].filter(({ fleets }) => fleets.includes(fleet)),
    backendOf: (id) => backends.get(id) ?? null,
  };
}

/** Many ACKs of one push make one look at each rollout, ms. */
const GATHER_MS = 3;

/**
 * Looks at a fleet's rollouts as soon as its Envoys have said something: at all of them when an Envoy came, left or
 * refused something, else at those that wait for ACKs. Returns the unsubscriber.
 */
export function kickOnProgress(
  view: FleetView,
  active: Pick<ActiveRollouts, 'of' | 'waiting'>,
  wakeUps: Pick<WakeUps, 'kick'>,
  clock: Clock,
): () => void {
  const gathering = new Set<string>();
  const seen = new Map<string, string>();
  const hasChanged = (fleet: string): boolean => {
    const now = signature(view.state(fleet));
    const before = seen.get(fleet);
    seen.set(fleet, now);
    return before !== now;
  };
  return view.onProgress((fleet) => {
    if (gathering.has(fleet)) return;
    gathering.add(fleet);
    clock.setTimer(GATHER_MS, () => {
      gathering.delete(fleet);
      const [all, waiting] = [active.of(fleet), active.waiting(fleet)];
      const changed = all.length > waiting.length && hasChanged(fleet);
      for (const id of changed ? all : waiting) wakeUps.kick(`rollout/${id}`);
    });
  });
}

/** What concerns every rollout of a fleet, whatever it waits for: who is there, and who has refused something. */
function signature({ complete, nodes }: FleetState): string {
  return `${complete}\n${nodes.map(({ nodeId, connected, nack }) => `${nodeId} ${connected} ${nack?.atMs}`).join('\n')}`;
}
