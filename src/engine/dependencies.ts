import type { Judge } from '../core/analysis/judge.ts';
import type { Settings } from '../core/rollout/transition.ts';
import type { ActiveRollouts } from './active-rollouts.ts';
import type { Clock } from './ports/clock.ts';
import type { FleetView } from './ports/fleet-view.ts';
import type { Logger } from './ports/logger.ts';
import type { Meter } from './ports/meter.ts';
import type { MetricsSource } from './ports/metrics-source.ts';
import type { Notifier } from './ports/notifier.ts';
import type { DueSet, Outbox, RecordStore, TrafficReader } from './ports/store.ts';
import type { StoreLineage } from './ports/store-lineage.ts';
import type { TrafficHistory } from './ports/traffic-history.ts';
import type { WakeUps } from './ports/wake-ups.ts';

/** Everything the use cases need from outside; put together once, in `main.ts` or in a test. */
export interface Dependencies {
  readonly records: RecordStore;
  readonly traffic: TrafficReader;
  readonly lineage: StoreLineage;
  readonly outbox: Outbox;
  readonly due: Pick<DueSet, 'schedule' | 'forget'>;
  readonly fleets: Pick<FleetView, 'state'>;
  readonly history: TrafficHistory;
  readonly metrics: MetricsSource;
  readonly notifier: Notifier;
  readonly wakeUps: Pick<WakeUps, 'kick'>;
  readonly active: ActiveRollouts;
  readonly judge: Judge;
  readonly clock: Clock;
  /** A new random id, `[a-z0-9]{16,32}`, sortable or not. */
  readonly newId: () => string;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly settings: () => Settings;
  /** Fleets of the configuration; a Route may name no other. */
  readonly fleetNames: readonly string[];
}
