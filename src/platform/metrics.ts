import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { EvidenceGap } from '../core/analysis/judge.ts';
import type { FleetCounts } from '../core/fleet/node-standing.ts';
import { isTerminal, PHASES } from '../core/model/phase.ts';
import type { Meter } from '../engine/ports/meter.ts';
import type { Census, StoreRead } from '../engine/ports/store.ts';
import { type CertificateState, certificateMetrics } from './certificate-metrics.ts';

/** Files that a replica keeps in its own folder. */
const OWN_FILES = ['emergency', 'witness', 'tail'] as const;
export type OwnFile = (typeof OWN_FILES)[number];

const TABLE_STATES = ['served', 'refused', 'regressed', 'missing'] as const;

/** A fleet's table: `missing`: never read; `regressed`: the store has gone back behind what Envoys have. */
export interface TableState {
  readonly fleet: string;
  readonly state: (typeof TABLE_STATES)[number];
}

export interface Metrics {
  readonly meter: Meter;
  /** How late the event loop came to a timer. */
  loopLag(ms: number): void;
  /** Prometheus was asked, with this result. */
  query(result: 'OK' | EvidenceGap): void;
  /** A look at a rollout has ended so long after it was due, ms. */
  tickLate(lateMs: number): void;
  /** A file of this replica's own could not be written. */
  fileFailed(file: OwnFile): void;
  /** The exposition of everything, in Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Serin's own series. Labels are bounded: phases, kinds and fleet names, never text of users. */
export function createMetrics(options: {
  readonly version: string;
  readonly fleets: () => readonly FleetCounts[];
  readonly driftMs: () => number;
  readonly monotonicMs: () => number;
  readonly tables: () => readonly TableState[];
  /** What the store knows of the whole installation; asked at every scrape. */
  readonly census: () => Promise<StoreRead<Census>>;
  readonly store: () => { readonly downMs: number; readonly frozen: boolean };
  /** The last commits that this replica keeps in memory. */
  readonly tailBytes: () => number;
  /** Notifiers whose receiver has said that it is gone. */
  readonly notifiersOff: () => number;
  readonly certificates: () => readonly CertificateState[];
  /** Decisions of people at this replica that the store does not have. */
  readonly emergencies: () => { readonly open: number; readonly held: number; readonly volatile: number };
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
  const late = new Counter({
    name: 'serin_late_scrapes_total',
    help: 'Scrapes of single Envoys that Prometheus had too late to be judged.',
    registers,
  });
  const lateness = new Histogram({
    name: 'serin_tick_lateness_seconds',
    help: 'Time from the moment a rollout was due to the end of the look at it: observed, decided, committed.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30],
    registers,
  });
  const deliveries = new Counter({
    name: 'serin_notifications_total',
    help: 'Deliveries of messages by result.',
    labelNames: ['result'],
    registers,
  });
  const queries = queryCounts(registers, options.monotonicMs);
  const store = new Gauge({ name: 'serin_store_up', help: '1 while the store answers.', registers });
  new Gauge({
    name: 'serin_store_down_seconds',
    help: 'For how long the store has not answered; 0 while it does.',
    registers,
    collect() {
      this.set(options.store().downMs / 1000);
    },
  });
  new Gauge({
    name: 'serin_store_regressed',
    help: '1 while the store is frozen: it is not what it was, and a person has to decide.',
    registers,
    collect() {
      this.set(options.store().frozen ? 1 : 0);
    },
  });
  new Gauge({
    name: 'serin_tail_bytes',
    help: 'Memory of the last commits that this replica keeps for a store that loses them.',
    registers,
    collect() {
      this.set(options.tailBytes());
    },
  });
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
    name: 'serin_notifiers_off',
    help: 'Notifiers that this replica sends nothing any more: their receiver has answered 410.',
    registers,
    collect() {
      this.set(options.notifiersOff());
    },
  });
  new Gauge({
    name: 'serin_clock_drift_seconds',
    help: 'Difference between wall and monotonic clock; above 5 nothing advances.',
    registers,
    collect() {
      this.set(options.driftMs() / 1000);
    },
  });
  new Gauge({
    name: 'serin_xds_tables',
    help: 'Tables of fleets by state: 1 for the one it is in.',
    labelNames: ['fleet', 'state'],
    registers,
    collect() {
      this.reset();
      for (const { fleet, state: now } of options.tables()) {
        for (const state of TABLE_STATES) this.set({ fleet, state }, state === now ? 1 : 0);
      }
    },
  });
  certificateMetrics(registry, options.certificates);
  const lag = new Histogram({
    name: 'serin_event_loop_lag_seconds',
    help: 'How late the event loop came to a timer, looked at twice a second.',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  new Gauge({
    name: 'serin_emergencies',
    help: 'Emergencies of this replica: open, held for a person, and not in its journal (volatile).',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, n] of Object.entries(options.emergencies())) this.set({ state }, n);
    },
  });
  const failures = new Counter({
    name: 'serin_file_failures_total',
    help: 'Writes to files of the folder of this replica that failed.',
    labelNames: ['file'],
    registers,
  });
  for (const file of OWN_FILES) failures.inc({ file }, 0);
  const countInstallation = installationGauges(registers);
  return {
    loopLag: (ms) => lag.observe(ms / 1000),
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
      lateScrapes: (count) => late.inc(count),
    },
    query: queries,
    fileFailed: (file) => failures.inc({ file }),
    tickLate: (lateMs) => lateness.observe(lateMs / 1000),
    text: async () => {
      countInstallation(await options.census());
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** Queries to Prometheus. The rate is a number of its own: who minds the budget should not need a Prometheus for it. */
function queryCounts(registers: Registry[], monotonicMs: () => number): Metrics['query'] {
  const total = new Counter({
    name: 'serin_prometheus_queries_total',
    help: 'Queries to Prometheus by result: OK or the evidence gap.',
    labelNames: ['result'],
    registers,
  });
  const perMinute = new Gauge({
    name: 'serin_prometheus_queries_per_minute',
    help: 'Queries to Prometheus in the last minute.',
    registers,
    collect() {
      this.set(lately());
    },
  });
  void perMinute;
  let asked: number[] = [];
  const lately = (): number => {
    const sinceMs = monotonicMs() - 60_000;
    asked = asked.filter((atMs) => atMs > sinceMs);
    return asked.length;
  };
  return (result) => {
    total.inc({ result });
    asked.push(monotonicMs());
    // Nobody may ever scrape us.
    if (asked.length > 100_000) lately();
  };
}

/** What every replica says alike. A store that does not answer leaves no value behind: an old one is no fact. */
function installationGauges(registers: Registry[]): (read: StoreRead<Census>) => void {
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const active = new Gauge({
    name: 'serin_rollouts_active',
    help: 'Rollouts that have not ended, by phase; of the whole installation.',
    labelNames: ['phase'],
    registers,
  });
  const evidence = gauge(
    'serin_evidence_age_seconds',
    'Longest time that a judged rollout has had no conclusive evidence; of the whole installation.',
  );
  const blind = gauge(
    'serin_rollouts_blind',
    'Judged rollouts of which nothing at all reaches us; of the whole installation.',
  );
  const breaker = gauge(
    'serin_evidence_breaker_open',
    '1 while many rollouts lost their evidence at once, and all hold; of the whole installation.',
  );
  const oldest = gauge(
    'serin_outbox_oldest_seconds',
    'How long the oldest message has waited; of the whole installation.',
  );
  const queues = gauge('serin_outbox_queues', 'Queues with messages that wait; of the whole installation.');
  const dead = gauge('serin_dead_letters', 'Messages that were given up; of the whole installation.');
  const overdue = gauge(
    'serin_due_overdue_seconds',
    'How long the earliest due work has waited for a replica to take it; of the whole installation.',
  );
  return (read) => {
    for (const one of [evidence, blind, breaker, oldest, queues, dead, overdue]) one.remove();
    active.reset();
    if (read.kind !== 'ok') return;
    const { nowMs, outbox, ...census } = read.value;
    const since = (ms: number): number => Math.max(0, nowMs - ms) / 1000;
    for (const phase of PHASES) if (!isTerminal(phase)) active.set({ phase }, census.active.get(phase) ?? 0);
    if (census.evidenceAtMs !== null) evidence.set(since(census.evidenceAtMs));
    blind.set(census.blind);
    breaker.set(census.breakerOpen ? 1 : 0);
    oldest.set(since(outbox.sinceMs ?? nowMs));
    queues.set(outbox.queues);
    dead.set(census.deadLetters);
    overdue.set(since(census.dueAtMs ?? nowMs));
  };
}
