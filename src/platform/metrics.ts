import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FleetCounts } from '../core/fleet/node-standing.ts';
import type { Meter } from '../engine/ports/meter.ts';

export interface Metrics {
  readonly meter: Meter;
  /** The exposition of everything, in Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Serin's own series. Labels are bounded: phases, kinds and fleet names, never text of users. */
export function createMetrics(options: {
  readonly version: string;
  readonly fleets: () => readonly FleetCounts[];
  readonly driftMs: () => number;
}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const events = new Counter({
    name: 'serin_rollout_events_total',
    help: 'Events of rollouts by type.',
    labelNames: ['type'],
    registers,
  });
  const finished = new Counter({
    name: 'serin_rollouts_total',
    help: 'Finished rollouts by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const acks = new Histogram({
    name: 'serin_push_to_last_ack_seconds',
    help: 'Time from the commit of a change to the ACK of the last counted Envoy.',
    labelNames: ['phase'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const confirmed = new Histogram({
    name: 'serin_rollback_confirm_seconds',
    help: 'Time from the decision to go back to each counted Envoy saying that it is back on stable.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const unconfirmed = new Counter({
    name: 'serin_rollbacks_unconfirmed_total',
    help: 'Ways back that counted Envoys had not confirmed within the ACK timeout of the plan.',
    registers,
  });
  const conflicts = new Counter({
    name: 'serin_commit_conflicts_total',
    help: 'Commits that lost a race and were decided again.',
    registers,
  });
  const deliveries = new Counter({
    name: 'serin_notifications_total',
    help: 'Deliveries of messages by result.',
    labelNames: ['result'],
    registers,
  });
  const store = new Gauge({ name: 'serin_store_up', help: '1 while the store answers.', registers });
  const build = new Gauge({
    name: 'serin_build_info',
    help: 'Version of this process.',
    labelNames: ['version'],
    registers,
  });
  build.set({ version: options.version }, 1);
  const connected = new Gauge({
    name: 'serin_xds_nodes',
    help: 'Envoys by fleet and state.',
    labelNames: ['fleet', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { fleet, connected, behind, refused, gone, uncovered } of options.fleets()) {
        for (const [state, n] of Object.entries({ connected, behind, refused, gone, uncovered })) {
          if (n !== null) this.set({ fleet, state }, n);
        }
      }
    },
  });
  void connected;
  new Gauge({
    name: 'serin_clock_drift_seconds',
    help: 'Difference between wall and monotonic clock; above 5 nothing advances.',
    registers,
    collect() {
      this.set(options.driftMs() / 1000);
    },
  });
  return {
    meter: {
      event: ({ type, phase, data }) => {
        events.inc({ type });
        if (data.outcome !== undefined) finished.inc({ outcome: data.outcome });
        if (type === 'live' && data.ackMs !== undefined) acks.observe({ phase }, data.ackMs / 1000);
        const returning = phase === 'rolling_back' || phase === 'aborting';
        if (returning && data.laggards !== undefined) unconfirmed.inc();
      },
      commitConflict: () => conflicts.inc(),
      delivery: (kind) => deliveries.inc({ result: kind }),
      storeUp: (up) => store.set(up ? 1 : 0),
      confirmedBack: (afterMs) => {
        for (const ms of afterMs) confirmed.observe(ms / 1000);
      },
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
