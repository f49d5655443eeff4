import { expect, it } from 'vitest';
import { commitWords } from '../../../src/adapters/store/commit-arguments.ts';
import { parseTrial } from '../../../src/adapters/store/stored-values.ts';
import { SHAPES, shapesOf } from '../../../src/core/model/schema.ts';
import { step } from '../../../src/core/rollout/step.ts';
import { transitionCommit } from '../../../src/engine/publish.ts';
import {
  backendState,
  node,
  planSpec,
  planStep,
  push,
  rollout,
  scriptedJudge,
  settings,
} from '../../support/rollouts.ts';

const name = (i: number) =>
  `sidecar~10.1.${i >> 8}.${i & 255}~checkout-7d9f8c6b5-${String(i).padStart(5, '0')}.shop~shop.svc`;

it('the way back can be committed whatever the size of the fleet (the xDS server takes 20,000 streams)', () => {
  const nodes = Array.from({ length: 10_000 }, (_, i) => node(name(i), { credited: { epoch: 'e', n: 5 } }));
  const record = rollout({
    spec: planSpec({ strategy: { name: 'any', steps: [planStep()] } }),
    phase: 'stepping',
    step: 0,
    attempt: 1,
    deadlineAtMs: 1_000,
    // Half of today's fleet was there at the commit.
    push: push(
      nodes.slice(0, 5_000).map(({ nodeId }) => nodeId),
      { liveAtMs: 1 },
    ),
  });
  const transition = step({
    rollout: record,
    backend: backendState(),
    observed: {
      fleets: {
        edge: {
          state: { fleet: 'edge', observedSinceMs: 0, complete: true, nodes },
          position: { epoch: 'e', n: 5 },
          trial: null,
        },
      },
      counters: null,
      queries: new Map(),
      scrapeMs: 1_000,
    },
    judge: scriptedJudge(() => 'pass'),
    judgement: null,
    settings,
    nowMs: 2_000,
  });
  expect(transition.rollout.phase).toBe('rolling_back');
  expect(() => commitWords(transitionCommit(transition, { rollout: 1, backend: 1 }, false), SHAPES, [])).not.toThrow();
});

it('a trial is migrated under the key that names whose it is, as it is written', () => {
  const asked: string[] = [];
  const shapes = shapesOf([
    {
      ...{ to: 7, reader: 7 },
      record: (key, body) => {
        asked.push(key);
        return key === 'trial/rollout-1' ? { ...(body as object), probe: 'moved' } : body;
      },
    },
  ]);
  const cell = `3@6|${JSON.stringify({ by: 'rollout-1', probe: 'edge-1', changes: [] })}`;
  expect(parseTrial(cell, shapes)).toMatchObject({ kind: 'ok', value: { by: 'rollout-1', probe: 'moved', n: 3 } });
  expect(asked).toEqual(['trial/rollout-1']);
  expect(parseTrial('3@6|{}', shapes)).toMatchObject({ kind: 'bad' });
});
