import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import type { PlanSpec } from '../../../src/core/model/documents.ts';
import { observationNeeds } from '../../../src/core/rollout/needs.ts';
import { step } from '../../../src/core/rollout/step.ts';
import { backendState, fleetAt, planSpec, push, rollout, scriptedJudge, settings } from '../../support/rollouts.ts';

const nowMs = 60_000;

/** Given a rollout that was rolled back, whose Envoys are on stable since 50 000. */
function ended(onRollback: PlanSpec['onRollback'] = { closeStreamsAfterMs: null }) {
  return rollout({
    phase: 'rolled_back',
    spec: planSpec({ onRollback }),
    push: push(['a', 'b'], { committedAtMs: 49_000, liveAtMs: 50_000 }),
    aftercare: 'due',
  });
}

function active(proxy: string, value: number, atMs: number, cluster = 'checkout--v2-abc123'): CounterSeries {
  return { proxy, cluster, family: 'upstream_rq_active', label: '', points: [[atMs, value]] };
}

function look(record: ReturnType<typeof ended>, series: readonly CounterSeries[] | null) {
  return step({
    rollout: record,
    backend: backendState({ rolloutId: null }),
    observed: {
      fleets: fleetAt(3, []),
      counters: series === null ? { kind: 'gap', gap: 'SOURCE_DOWN', detail: '' } : { kind: 'ok', series },
      queries: new Map(),
      scrapeMs: 1_000,
    },
    judge: scriptedJudge(() => 'pass'),
    judgement: null,
    settings,
    nowMs,
  });
}

describe('after a way back', () => {
  it('people hear of requests that are still with the canary, testers included', () => {
    const after = look(ended({ closeStreamsAfterMs: 600_000 }), [
      active('a', 2, 55_000),
      active('b', 1, 56_000),
      active('b', 4, 56_000, 'checkout--v2-abc123--pin'),
      active('a', 9, 55_000, 'checkout--v1-abc123'),
    ]);
    expect(after.rollout).toMatchObject({ phase: 'rolled_back', aftercare: 'done' });
    expect(after.notices).toMatchObject([{ kind: 'streams', fields: [[expect.any(String), '7'], expect.anything()] }]);
    expect(after.events[0]).toMatchObject({ data: { active: 7 } });
    expect(after.events[0]?.message).toContain('10m');
    expect(after.dueAtMs).toBeNull();
  });

  it.each([
    ['nothing is active', [active('a', 0, 55_000)]],
    ['the samples are older than the way back', [active('a', 5, 49_500)]],
    ['nobody can measure', null],
  ] as const)('nothing is said when %s', (_, series) => {
    const after = look(ended(), series);
    expect(after.rollout.aftercare).toBe('done');
    expect([after.notices, after.events]).toEqual([[], []]);
  });

  it('looks once: the record says when it was done', () => {
    const done = { ...ended(), aftercare: 'done' as const };
    expect(look(done, []).rollout).toBe(done);
    expect(observationNeeds(done, 1_000, nowMs).counters).toBeNull();
    expect(observationNeeds(ended(), 1_000, nowMs).counters?.families).toEqual(['upstream_rq_active']);
  });
});
