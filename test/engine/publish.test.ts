import { expect, it } from 'vitest';
import { transitionCommit } from '../../src/engine/publish.ts';
import { backendState, rollout } from '../support/rollouts.ts';

it('every decision is fenced by the rev of the backend as well, changed by it or not', () => {
  const record = rollout({ phase: 'stepping', step: 0 });
  const transition = {
    rollout: record,
    backend: backendState(),
    traffic: true,
    events: [],
    notices: [],
    confirmedAfterMs: [],
    dueAtMs: 1,
  };
  expect(transitionCommit(transition, { rollout: 3, backend: 7 }, false).reads).toEqual([
    { key: 'rollout/r1', rev: 3 },
    { key: 'backend/checkout', rev: 7 },
  ]);
});
