import { describe, expect, it } from 'vitest';
import type { FleetCounts } from '../../src/core/fleet/node-standing.ts';
import { PHASES } from '../../src/core/model/phase.ts';
import type { RolloutEvent } from '../../src/core/rollout/event.ts';
import type { Census, StoreRead } from '../../src/engine/ports/store.ts';
import { createMetrics, type TableState } from '../../src/platform/metrics.ts';

const nobody: Census = {
  nowMs: 100_000,
  active: new Map(),
  evidenceAtMs: null,
  ...{ judged: 0, blind: 0, breakerOpen: false },
  outbox: { queues: 0, sinceMs: null },
  deadLetters: 0,
  dueAtMs: null,
};

let nowMs = 0;
type Options = Parameters<typeof createMetrics>[0];

function metrics(options: Partial<Options> = {}) {
  const made = createMetrics({
    version: '1.2.3',
    fleets: () => [],
    driftMs: () => 0,
    monotonicMs: () => nowMs,
    tables: () => [],
    store: () => ({ downMs: 0, frozen: false }),
    tailBytes: () => 0,
    notifiersOff: () => 0,
    certificates: () => [],
    emergencies: () => ({ open: 0, held: 0, volatile: 0 }),
    census: async () => ({ kind: 'ok', value: nobody }),
    ...options,
  });
  return {
    ...made,
    /** Serin's own series by name and labels; those of the process are left out. */
    series: async (): Promise<Record<string, number>> => {
      const lines = (await made.text()).split('\n').filter((line) => line.startsWith('serin_'));
      return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
      );
    },
  };
}

const event = (fields: Partial<RolloutEvent> = {}): RolloutEvent => ({
  rolloutId: 'r1',
  type: 'step',
  atMs: 0,
  by: 'ci',
  phase: 'stepping',
  step: 0,
  message: 'to 5 %',
  data: {},
  ...fields,
});

describe('the exposition', () => {
  it('has every series with its type and help', async () => {
    const text = await metrics().text();
    const types = [...text.matchAll(/^# TYPE (serin_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(types.toSorted()).toEqual([
      'serin_build_info gauge',
      'serin_certificate_expiry_seconds gauge',
      'serin_certificates_refused gauge',
      'serin_clock_drift_seconds gauge',
      'serin_commit_conflicts_total counter',
      'serin_dead_letters gauge',
      'serin_due_overdue_seconds gauge',
      'serin_emergencies gauge',
      'serin_event_loop_lag_seconds histogram',
      'serin_evidence_age_seconds gauge',
      'serin_evidence_breaker_open gauge',
      'serin_file_failures_total counter',
      'serin_late_scrapes_total counter',
      'serin_notifications_total counter',
      'serin_notifiers_off gauge',
      'serin_outbox_oldest_seconds gauge',
      'serin_outbox_queues gauge',
      'serin_prometheus_queries_per_minute gauge',
      'serin_prometheus_queries_total counter',
      'serin_push_to_last_ack_seconds histogram',
      'serin_rollback_confirm_seconds histogram',
      'serin_rollbacks_unconfirmed_total counter',
      'serin_rollout_events_total counter',
      'serin_rollouts_active gauge',
      'serin_rollouts_blind gauge',
      'serin_rollouts_total counter',
      'serin_store_down_seconds gauge',
      'serin_store_regressed gauge',
      'serin_store_up gauge',
      'serin_tail_bytes gauge',
      'serin_tick_lateness_seconds histogram',
      'serin_xds_nodes gauge',
      'serin_xds_tables gauge',
    ]);
    for (const [, name] of text.matchAll(/^# TYPE (\w+) /gm))
      expect(text).toMatch(new RegExp(`^# HELP ${name} .`, 'm'));
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('says for how long the store is away, and that it is frozen', async () => {
    const made = metrics({ store: () => ({ downMs: 61_500, frozen: true }) });
    const text = await made.text();
    expect(text).toContain('serin_store_down_seconds 61.5');
    expect(text).toContain('serin_store_regressed 1');
  });

  it('is text of Prometheus', () => {
    expect(metrics().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  it('names the version', async () => {
    expect(await metrics().series()).toMatchObject({ 'serin_build_info{version="1.2.3"}': 1 });
  });

  it('of two of them in one process are two', async () => {
    const [a, b] = [metrics(), metrics()];
    a.meter.commitConflict();
    expect([(await a.series()).serin_commit_conflicts_total, (await b.series()).serin_commit_conflicts_total]).toEqual([
      1, 0,
    ]);
  });
});

describe('what the engine does', () => {
  it('is counted', async () => {
    const m = metrics();
    m.meter.event(event());
    m.meter.event(event());
    m.meter.event(event({ type: 'live', data: { ackMs: 30 } }));
    m.meter.event(event({ type: 'finished', phase: 'promoted', data: { outcome: 'promoted' } }));
    m.meter.commitConflict();
    m.meter.lateScrapes(3);
    m.meter.delivery('delivered');
    m.meter.delivery('retry');
    m.meter.storeUp(true);
    expect(await m.series()).toMatchObject({
      'serin_rollout_events_total{type="step"}': 2,
      'serin_rollout_events_total{type="live"}': 1,
      'serin_rollout_events_total{type="finished"}': 1,
      'serin_rollouts_total{outcome="promoted"}': 1,
      serin_commit_conflicts_total: 1,
      serin_late_scrapes_total: 3,
      'serin_notifications_total{result="delivered"}': 1,
      'serin_notifications_total{result="retry"}': 1,
      serin_store_up: 1,
    });
    m.meter.storeUp(false);
    expect(await m.series()).toMatchObject({ serin_store_up: 0 });
  });

  it('tells what the last commits take in memory', async () => {
    expect(await metrics({ tailBytes: () => 2_048 }).series()).toMatchObject({ serin_tail_bytes: 2_048 });
  });

  it('is timed in seconds, by phase', async () => {
    const m = metrics();
    m.meter.event(event({ type: 'live', data: { ackMs: 30 } }));
    m.meter.event(event({ type: 'live', data: { ackMs: 0 } }));
    m.meter.event(event({ type: 'live', phase: 'rolling_back', data: { ackMs: 60_000 } }));
    m.meter.event(event());
    expect(await m.series()).toMatchObject({
      'serin_push_to_last_ack_seconds_bucket{le="0.005",phase="stepping"}': 1,
      'serin_push_to_last_ack_seconds_bucket{le="0.025",phase="stepping"}': 1,
      'serin_push_to_last_ack_seconds_bucket{le="0.05",phase="stepping"}': 2,
      'serin_push_to_last_ack_seconds_sum{phase="stepping"}': 0.03,
      'serin_push_to_last_ack_seconds_count{phase="stepping"}': 2,
      'serin_push_to_last_ack_seconds_bucket{le="30",phase="rolling_back"}': 0,
      'serin_push_to_last_ack_seconds_bucket{le="+Inf",phase="rolling_back"}': 1,
    });
  });
});

describe('the way back', () => {
  it('is timed for every Envoy, and counted where Envoys did not confirm in time', async () => {
    const m = metrics();
    m.meter.confirmedBack([4, 30]);
    const held = { type: 'held', data: { laggards: ['a'] } } as const;
    m.meter.event(event({ ...held, phase: 'rolling_back' }));
    m.meter.event(event({ ...held, phase: 'stepping' }));
    expect(await m.series()).toMatchObject({
      'serin_rollback_confirm_seconds_bucket{le="0.005"}': 1,
      serin_rollback_confirm_seconds_count: 2,
      serin_rollbacks_unconfirmed_total: 1,
    });
  });
});

it('F25: says how many notifiers are off', async () => {
  expect((await metrics().series()).serin_notifiers_off).toBe(0);
  expect((await metrics({ notifiersOff: () => 2 }).series()).serin_notifiers_off).toBe(2);
});

it('measures how late rollouts are looked at, in seconds', async () => {
  const m = metrics();
  m.tickLate(40);
  m.tickLate(1_200);
  expect(await m.series()).toMatchObject({
    'serin_tick_lateness_seconds_bucket{le="0.05"}': 1,
    serin_tick_lateness_seconds_count: 2,
    serin_tick_lateness_seconds_sum: 1.24,
  });
});

describe('what is asked for at every scrape', () => {
  it('the clock', async () => {
    let drift = 0;
    const m = metrics({ driftMs: () => drift });
    expect(await m.series()).toMatchObject({ serin_clock_drift_seconds: 0 });
    drift = 1_500;
    expect(await m.series()).toMatchObject({ serin_clock_drift_seconds: 1.5 });
  });

  it('the Envoys, by fleet and state', async () => {
    const none = { connected: 0, behind: 0, refused: 0, gone: 0 };
    let fleets: readonly FleetCounts[] = [
      { fleet: 'edge', connected: 5, behind: 3, refused: 1, gone: 2, uncovered: 4 },
      { fleet: 'mesh', ...none, uncovered: null },
    ];
    const m = metrics({ fleets: () => fleets });
    const nodes = async () => Object.entries(await m.series()).filter(([name]) => name.startsWith('serin_xds_nodes'));
    expect(await nodes()).toEqual([
      ['serin_xds_nodes{fleet="edge",state="connected"}', 5],
      ['serin_xds_nodes{fleet="edge",state="behind"}', 3],
      ['serin_xds_nodes{fleet="edge",state="refused"}', 1],
      ['serin_xds_nodes{fleet="edge",state="gone"}', 2],
      ['serin_xds_nodes{fleet="edge",state="uncovered"}', 4],
      // What is not known is no 0.
      ['serin_xds_nodes{fleet="mesh",state="connected"}', 0],
      ['serin_xds_nodes{fleet="mesh",state="behind"}', 0],
      ['serin_xds_nodes{fleet="mesh",state="refused"}', 0],
      ['serin_xds_nodes{fleet="mesh",state="gone"}', 0],
    ]);
    // A fleet that is gone leaves no series behind.
    fleets = fleets.slice(1);
    expect(await nodes()).toHaveLength(4);
  });
});

describe('the tables of the fleets', () => {
  it('are each in one state', async () => {
    let tables: readonly TableState[] = [{ fleet: 'edge', state: 'served' }];
    const m = metrics({ tables: () => tables });
    const states = async () => Object.entries(await m.series()).filter(([name]) => name.startsWith('serin_xds_tables'));
    expect(await states()).toEqual([
      ['serin_xds_tables{fleet="edge",state="served"}', 1],
      ['serin_xds_tables{fleet="edge",state="refused"}', 0],
      ['serin_xds_tables{fleet="edge",state="regressed"}', 0],
      ['serin_xds_tables{fleet="edge",state="missing"}', 0],
    ]);
    tables = [{ fleet: 'edge', state: 'regressed' }];
    expect(await m.series()).toMatchObject({
      'serin_xds_tables{fleet="edge",state="served"}': 0,
      'serin_xds_tables{fleet="edge",state="regressed"}': 1,
    });
  });
});

describe('the event loop', () => {
  it('is late in seconds', async () => {
    const m = metrics();
    for (const ms of [0, 60, 300]) m.loopLag(ms);
    expect(await m.series()).toMatchObject({
      'serin_event_loop_lag_seconds_bucket{le="0.01"}': 1,
      'serin_event_loop_lag_seconds_bucket{le="0.1"}': 2,
      'serin_event_loop_lag_seconds_bucket{le="0.25"}': 2,
      serin_event_loop_lag_seconds_count: 3,
    });
  });
});

describe('the whole installation', () => {
  const busy: Census = {
    nowMs: 100_000,
    active: new Map([
      ['stepping', 3],
      ['rolling_back', 1],
    ]),
    evidenceAtMs: 70_000,
    ...{ judged: 3, blind: 2, breakerOpen: true },
    outbox: { queues: 2, sinceMs: 90_000 },
    deadLetters: 5,
    dueAtMs: 99_500,
  };

  it('is counted by what the store says, ages in seconds', async () => {
    const m = metrics({ census: async () => ({ kind: 'ok', value: busy }) });
    expect(await m.series()).toMatchObject({
      'serin_rollouts_active{phase="stepping"}': 3,
      'serin_rollouts_active{phase="rolling_back"}': 1,
      'serin_rollouts_active{phase="pending"}': 0,
      serin_evidence_age_seconds: 30,
      serin_rollouts_blind: 2,
      serin_evidence_breaker_open: 1,
      serin_outbox_oldest_seconds: 10,
      serin_outbox_queues: 2,
      serin_dead_letters: 5,
      serin_due_overdue_seconds: 0.5,
    });
    expect(Object.keys(await m.series()).join('\n')).not.toContain('serin_rollouts_active{phase="promoted"}');
  });

  it('waits for nothing where nothing waits; without a judged rollout evidence has no age', async () => {
    const series = await metrics({
      census: async () => ({ kind: 'ok', value: { ...nobody, dueAtMs: 200_000 } }),
    }).series();
    expect(series).toMatchObject({ serin_outbox_oldest_seconds: 0, serin_due_overdue_seconds: 0 });
    expect(series).not.toHaveProperty('serin_evidence_age_seconds');
  });

  it('is not told from memory while the store is silent', async () => {
    let read: StoreRead<Census> = { kind: 'ok', value: busy };
    const m = metrics({ census: async () => read });
    await m.series();
    read = { kind: 'unavailable', detail: 'down' };
    const names = Object.keys(await m.series()).join('\n');
    expect(names).not.toMatch(/serin_(rollouts_active|rollouts_blind|evidence_|outbox|dead_letters|due)/);
    expect(names).toContain('serin_store_up');
  });
});

describe('labels', () => {
  it('are of a few known words, however much happens', async () => {
    const types = ['started', 'phase', 'step', 'live', 'verdict', 'finished'] as const;
    const m = metrics({
      fleets: () => [{ fleet: 'edge', connected: 500, behind: 9, refused: 3, gone: 40, uncovered: 7 }],
      tables: () => [{ fleet: 'edge', state: 'served' }],
    });
    for (let i = 0; i < 5_000; i += 1) {
      const phase = PHASES[i % PHASES.length] ?? 'pending';
      const words = `of-user-${i}`;
      m.meter.event(
        event({
          rolloutId: words,
          by: words,
          message: words,
          type: types[i % types.length] ?? 'step',
          phase,
          step: i,
          data: { ackMs: i, outcome: phase, node: words, weight: i },
        }),
      );
      m.meter.delivery(i % 2 === 0 ? 'delivered' : 'rejected');
    }
    const series = Object.keys(await m.series());
    // One of each type, outcome and result; a dozen buckets and two sums for each phase; a handful of others.
    expect(series.length).toBeLessThanOrEqual(
      types.length + 3 + (PHASES.length + 2) * (1 + 13 + 2) + 10 + 6 + 4 + 12 + 4 + 2 + 3 + 9,
    );
    expect(series.join('\n')).not.toMatch(/of-user|node-\d/);
  });
});

it('counts the queries of the last minute', async () => {
  nowMs = 0;
  const { query, series } = metrics();
  query('OK');
  query('SOURCE_DOWN');
  nowMs = 59_999;
  query('OK');
  expect(await series()).toMatchObject({
    'serin_prometheus_queries_total{result="OK"}': 2,
    'serin_prometheus_queries_total{result="SOURCE_DOWN"}': 1,
    serin_prometheus_queries_per_minute: 3,
  });
  nowMs = 60_001;
  expect(await series()).toMatchObject({ serin_prometheus_queries_per_minute: 1 });
});
