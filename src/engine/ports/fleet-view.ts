import type { FleetState } from '../../core/model/fleet-state.ts';

/** What the xDS side knows about the Envoys. */
export interface FleetView {
  state(fleet: string): FleetState;
  /** Fires after ACKs, NACKs, connects and disconnects. Returns the unsubscriber. */
  onProgress(listener: (fleet: string) => void): () => void;
}
