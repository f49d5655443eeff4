import { describe, expect, it } from 'vitest';
import type { CountersResult } from '../../src/core/analysis/judge.ts';
import { thresholdJudge } from '../../src/core/analysis/threshold-judge.ts';
import type { Notice } from '../../src/core/rollout/event.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { deliver } from '../../src/engine/deliver.ts';
import type { Dependencies } from '../../src/engine/dependencies.ts';
import { transitionCommit } from '../../src/engine/publish.ts';
import { reconcile } from '../../src/engine/reconcile.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeDependencies, noEvidence } from '../support/fake-dependencies.ts';
import { fakeStore } from '../support/fake-store.ts';
import { backendState, node, planSpec, planStep, push, quietTransition, rollout } from '../support/rollouts.ts';

const SCRAPE_MS = 1_000;
const spec = planSpec({
  analysis: [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 10 }],
  strategy: { name: 'any', steps: [planStep({ holdMs: 120_000 })] },
  inconclusiveAfterMs: 60_000,
});

/** Rollouts on their first step, each of a backend of its own; `blind`: those of which Prometheus says nothing. */
async function installation(count: number) {
  const clock = fakeClock();
  const store = fakeStore(clock);
  const startMs = clock.now();
  const blind = new Set<string>();
  const told: Notice[] = [];
  const ids = Array.from({ length: count }, (_, i) => `r${i}`);
  for (const id of ids) {
    const record = rollout({
      ...{ id, backend: id, spec, phase: 'stepping', step: 0, attempt: 1, deadlineAtMs: startMs + 7_200_000 },
      push: push(['a'], { committedAtMs: startMs, liveAtMs: startMs }),
    });
    const backend = backendState({ backend: id, rolloutId: id });
    const first = quietTransition({ rollout: record, backend, traffic: true, dueAtMs: startMs });
    await store.records.commit(transitionCommit(first, { rollout: 0, backend: 0 }, true));
  }
  const counters = (id: string, clusters: readonly string[], toMs: number): CountersResult => {
    if (blind.has(id)) return { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' };
    const at = Array.from({ length: 30 }, (_, i) => toMs - (29 - i) * SCRAPE_MS);
    return {
      kind: 'ok',
      series: clusters.flatMap((cluster) =>
        (['upstream_rq_completed', 'upstream_rq_xx'] as const).map((family) => ({
          ...{ proxy: 'a', cluster, family, label: family === 'upstream_rq_xx' ? '2' : '' },
          points: at.map((tMs) => [tMs, (tMs - startMs) / 100] as const),
        })),
      ),
    };
  };
  let looking = '';
  const deps: Dependencies = fakeDependencies(clock, {
    ...store,
    fleets: {
      state: (fleet) => {
        const nodes = [node('a', { credited: { epoch: 'epoch-1', n: 1_000 }, creditedAtMs: startMs })];
        return { fleet, observedSinceMs: 0, complete: true, nodes };
      },
    },
    metrics: {
      ...noEvidence,
      counters: async ({ clusters, toMs }) => counters(looking, clusters, toMs),
      scrapeMs: () => SCRAPE_MS,
    },
    notifier: {
      targets: () => ['deploys', 'pager'],
      deliver: async (_target, notice) => {
        told.push(notice);
        return { kind: 'delivered' };
      },
    },
    judge: thresholdJudge,
  });
  const look = async (passMs: number): Promise<void> => {
    await clock.advance(passMs);
    for (const id of ids) {
      looking = id;
      await reconcile(deps, id);
    }
    for (const target of deps.notifier.targets()) await deliver(deps, `breaker~${target}`);
  };
  return {
    blind,
    told,
    ids,
    /** Every rollout is looked at once per scrape. */
    looks: async (count: number) => {
      for (let i = 0; i < count; i += 1) await look(SCRAPE_MS);
    },
    rollout: async (id: string): Promise<Rollout> => {
      const read = await store.records.read([`rollout/${id}`]);
      if (read.kind !== 'ok') throw new Error(read.kind);
      return read.value[0]?.body as Rollout;
    },
    isOpen: async () => {
      const census = await store.counts.census();
      return census.kind === 'ok' && census.value.breakerOpen;
    },
  };
}

describe('when many rollouts lose their evidence at once', () => {
  it('F10: all hold, people are told once, and every step begins anew afterwards', async () => {
    const world = await installation(10);
    await world.looks(5);
    expect(await world.isOpen()).toBe(false);
    // when: Prometheus is gone for three of ten, for longer than a plan allows and than the hold
    for (const id of world.ids.slice(0, 3)) world.blind.add(id);
    await world.looks(150);
    expect(await world.isOpen()).toBe(true);
    const states = await Promise.all(world.ids.map(world.rollout));
    expect(states.map(({ phase, step, paused }) => ({ phase, step, paused }))).toEqual(
      world.ids.map(() => ({ phase: 'stepping', step: 0, paused: null })),
    );
    expect(world.told.map(({ kind }) => kind)).toEqual(['evidence_lost', 'evidence_lost']);
    expect(world.told[0]?.title).toBe('3 of 10 judged rollouts lost their evidence at once');
    // then: with the evidence back the hold runs again for all of them
    world.blind.clear();
    await world.looks(100);
    expect(await world.isOpen()).toBe(false);
    expect(world.told.map(({ kind }) => kind).slice(2)).toEqual(['evidence_back', 'evidence_back']);
    expect((await Promise.all(world.ids.map(world.rollout))).every(({ phase }) => phase === 'stepping')).toBe(true);
    await world.looks(30);
    const moved = await Promise.all(world.ids.map(world.rollout));
    expect(moved.every(({ phase }) => phase === 'promoting' || phase === 'promoted')).toBe(true);
  });

  it('two of them are no alarm', async () => {
    const world = await installation(8);
    await world.looks(3);
    world.blind.add('r1').add('r2');
    await world.looks(100);
    expect(await world.isOpen()).toBe(false);
    expect(world.told).toEqual([]);
    expect((await world.rollout('r1')).paused).not.toBeNull();
    expect((await world.rollout('r3')).paused).toBeNull();
  });
});
