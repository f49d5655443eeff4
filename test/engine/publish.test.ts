import { expect, it } from 'vitest';
import { transitionCommit } from '../../src/engine/publish.ts';
import { planSpec, push, quietTransition, rollout } from '../support/rollouts.ts';

it('every decision is fenced by the rev of the backend as well, changed by it or not', () => {
  const record = rollout({ phase: 'stepping', step: 0 });
  const transition = quietTransition({ rollout: record, traffic: true });
  expect(transitionCommit(transition, { rollout: 3, backend: 7 }, false).reads).toEqual([
    { key: 'rollout/r1', rev: 3 },
    { key: 'backend/checkout', rev: 7 },
  ]);
});

it('notes where a rollout stands, and since when it has had no conclusive evidence', () => {
  const note = (fields: Parameters<typeof rollout>[0]) => {
    const transition = quietTransition({ rollout: rollout(fields) });
    return transitionCommit(transition, { rollout: 3, backend: 7 }, false).active;
  };
  const evidence = { verdicts: [], judgedAtMs: 900, inconclusiveSinceMs: null };
  expect(note({ phase: 'stepping', evidence })).toEqual([
    { rolloutId: 'r1', phase: 'stepping', evidenceAtMs: 900, blind: false },
  ]);
  expect(note({ phase: 'stepping', evidence: { ...evidence, inconclusiveSinceMs: 400 } })).toMatchObject([
    { evidenceAtMs: 400 },
  ]);
  expect(note({ phase: 'stepping', evidence: null })).toMatchObject([{ evidenceAtMs: null }]);
  expect(note({ phase: 'promoting', evidence })).toMatchObject([{ phase: 'promoting', evidenceAtMs: null }]);
  // A bake is judged like a step.
  const baking = {
    phase: 'promoting',
    spec: planSpec({ bakeMs: 60_000 }),
    push: push(['a'], { liveAtMs: 800 }),
  } as const;
  expect(note({ ...baking, evidence })).toMatchObject([{ evidenceAtMs: 900 }]);
  expect(note({ phase: 'promoted', evidence })).toEqual([
    { rolloutId: 'r1', phase: null, evidenceAtMs: null, blind: false },
  ]);
});
