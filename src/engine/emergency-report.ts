import type { FleetState } from '../core/model/fleet-state.ts';
import { hasReached } from '../core/model/position.ts';
import type { Position } from '../core/model/traffic.ts';
import type { Clock } from './ports/clock.ts';
import type { FleetView } from './ports/fleet-view.ts';

/** What the Envoys of one fleet have of a decision that this replica alone knows. */
export interface EmergencyFleet {
  readonly fleet: string;
  /** Connected here, and all their requests go to stable. */
  readonly confirmed: readonly string[];
  /** Connected here; were told, and have not said so. */
  readonly unconfirmed: readonly string[];
  /** Not connected to this replica: they were told nothing. */
  readonly elsewhere: readonly string[];
}

export interface Told {
  readonly view: FleetView;
  /** Name of this replica in the view. */
  readonly self: () => string;
  readonly given: (fleet: string) => Position | null;
  readonly clock: Clock;
}

export function confirmations({ view, self, given }: Told, fleets: readonly string[]): readonly EmergencyFleet[] {
  return fleets.map((fleet) => ofFleet(view.state(fleet), self(), given(fleet)));
}

/** Resolves once all Envoys that are connected here have confirmed, or when the time is over. */
export function whenConfirmed(told: Told, fleets: readonly string[], patienceMs: number): Promise<void> {
  const isOpen = () => confirmations(told, fleets).some(({ unconfirmed }) => unconfirmed.length > 0);
  return new Promise((resolve) => {
    const end = () => {
      stop();
      timer.cancel();
      resolve();
    };
    const stop = told.view.onProgress(() => {
      if (!isOpen()) end();
    });
    const timer = told.clock.setTimer(patienceMs, end);
    if (!isOpen()) end();
  });
}

function ofFleet({ fleet, nodes }: FleetState, self: string, given: Position | null): EmergencyFleet {
  const here = nodes.filter(({ connected, replicas }) => connected && replicas.includes(self));
  const names = (some: typeof nodes) => some.map(({ nodeId }) => nodeId);
  return {
    fleet,
    // Clusters stay as they are: the routes are all that it takes.
    confirmed: names(here.filter(({ routes }) => hasReached(routes, given))),
    unconfirmed: names(here.filter(({ routes }) => !hasReached(routes, given))),
    elsewhere: names(nodes.filter((node) => !here.includes(node))),
  };
}
