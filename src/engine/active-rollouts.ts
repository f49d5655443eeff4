import { isTerminal } from '../core/model/phase.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import type { Clock } from './ports/clock.ts';
import type { FleetView } from './ports/fleet-view.ts';
import type { WakeUps } from './ports/wake-ups.ts';

/** Which rollouts this replica has seen going on, by fleet. A hint only: the due set knows them all. */
export interface ActiveRollouts {
  note(rollout: Rollout): void;
  of(fleet: string): readonly string[];
}

export function activeRollouts(): ActiveRollouts {
  const byFleet = new Map<string, Set<string>>();
  return {
    note: ({ id, fleets, phase }) => {
      for (const fleet of fleets) {
        const ids = byFleet.get(fleet) ?? new Set();
        byFleet.set(fleet, ids);
        if (isTerminal(phase)) ids.delete(id);
        else ids.add(id);
      }
    },
    of: (fleet) => [...(byFleet.get(fleet) ?? [])],
  };
}

/** Many ACKs of one push make one look at each rollout, ms. */
const GATHER_MS = 3;

/** Looks at a fleet's rollouts as soon as its Envoys have said something. Returns the unsubscriber. */
export function kickOnProgress(
  view: FleetView,
  active: ActiveRollouts,
  wakeUps: Pick<WakeUps, 'kick'>,
  clock: Clock,
): () => void {
  const gathering = new Set<string>();
  return view.onProgress((fleet) => {
    if (gathering.has(fleet)) return;
    gathering.add(fleet);
    clock.setTimer(GATHER_MS, () => {
      gathering.delete(fleet);
      for (const id of active.of(fleet)) wakeUps.kick(`rollout/${id}`);
    });
  });
}
