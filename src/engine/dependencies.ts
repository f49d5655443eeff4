import type { Judge } from '../core/analysis/judge.ts';
import type { RawEnvoyRule } from '../core/manifest/raw/read-raw-envoy.ts';
import type { HttpFilter } from '../core/model/route-rule.ts';
import type { Settings } from '../core/rollout/transition.ts';
import type { ActiveRollouts } from './active-rollouts.ts';
import type { Clock } from './ports/clock.ts';
import type { FleetView } from './ports/fleet-view.ts';
import type { Hooks } from './ports/hooks.ts';
import type { LoadReports } from './ports/load-reports.ts';
import type { Logger } from './ports/logger.ts';
import type { Meter } from './ports/meter.ts';
import type { MetricsSource } from './ports/metrics-source.ts';
import type { Notifier } from './ports/notifier.ts';
import type { CensusTaker, DecisionLog, DueSet, Outbox, RecordStore, Suspects, TrafficReader } from './ports/store.ts';
import type { StoreLineage } from './ports/store-lineage.ts';
import type { StoreTail } from './ports/store-tail.ts';
import type { Tracer } from './ports/tracer.ts';
import type { TrafficHistory } from './ports/traffic-history.ts';
import type { WakeUps } from './ports/wake-ups.ts';

/** Everything the use cases need from outside; put together once, in `main.ts` or in a test. */
export interface Dependencies {
  readonly records: RecordStore;
  readonly traffic: TrafficReader;
  readonly lineage: StoreLineage;
  readonly tail: Pick<StoreTail, 'kept' | 'history' | 'writeAgain'>;
  readonly outbox: Outbox;
  readonly counts: CensusTaker;
  readonly decisions: DecisionLog;
  readonly due: Pick<DueSet, 'schedule' | 'forget'>;
  readonly suspects: Pick<Suspects, 'forgive'>;
  readonly fleets: Pick<FleetView, 'state'>;
  readonly history: TrafficHistory;
  readonly metrics: MetricsSource;
  readonly loadReports: Pick<LoadReports, 'since'>;
  readonly notifier: Notifier;
  readonly hooks: Hooks;
  readonly wakeUps: Pick<WakeUps, 'kick' | 'giveWay'>;
  readonly active: ActiveRollouts;
  readonly judge: Judge;
  readonly clock: Clock;
  /** A new random id, `[a-z0-9]{16,32}`, sortable or not. */
  readonly newId: () => string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Absent: nobody follows. */
  readonly tracer?: Tracer;
  readonly settings: () => Settings;
  /** Fleets of the configuration; a Route may name no other. */
  readonly fleetNames: readonly string[];
  /** HTTP filters that the Envoys of each fleet have. */
  readonly fleetFilters: ReadonlyMap<string, readonly HttpFilter[]>;
  /** What documents may say in Envoy's own words. */
  readonly rawEnvoy: RawEnvoyRule;
}
