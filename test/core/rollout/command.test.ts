import { expect, it } from 'vitest';
import { commitWords } from '../../../src/adapters/store/commit-arguments.ts';
import { SHAPES } from '../../../src/core/model/schema.ts';
import { decideCommand } from '../../../src/core/rollout/command.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { transitionCommit } from '../../../src/engine/publish.ts';
import {
  backendState,
  fleetAt,
  node,
  planSpec,
  planStep,
  push,
  revision,
  rollout,
  settings,
} from '../../support/rollouts.ts';

const cases = (['pending', 'preparing', 'stepping', 'promoting'] as const).flatMap((phase) =>
  [revision('v1'), null].flatMap((stable) =>
    [[], [node('a')]].flatMap((nodes) => [null, 3].map((n) => ({ phase, stable, nodes, n }))),
  ),
);

it.each(cases)(
  'abort is one commit without weight for the canary: $phase, $n, $nodes.length Envoys',
  ({ phase, stable, nodes, n }) => {
    const history = [{ step: 0, name: 's', weight: 500, committedAtMs: 0, liveAtMs: null, leftAtMs: null }];
    const outcome = decideCommand({
      rollout: rollout({
        phase,
        stable,
        step: phase === 'stepping' ? 0 : -1,
        spec: planSpec({ strategy: { name: 'x', steps: [planStep()] } }),
        push: phase === 'pending' ? null : push(['a'], { committedAtMs: 0, liveAtMs: null }),
        history: phase === 'stepping' ? history : [],
      }),
      backend: backendState({ stable }),
      command: { type: 'abort', reason: 'x' },
      by: 'p',
      observed: { fleets: fleetAt(n, nodes) },
      settings,
      nowMs: 5,
    });
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    const commit = transitionCommit(outcome.transition, { rollout: 1, backend: 1 }, true);
    expect(() => commitWords(commit, SHAPES, [])).not.toThrow();
    expect(RolloutRecord.safeParse(JSON.parse(JSON.stringify(outcome.transition.rollout))).success).toBe(true);
    const value = commit.traffic[0]?.value;
    const expected = stable === null ? [] : [{ cluster: stable.cluster, weight: 10_000 }];
    expect(value?.kind === 'backend' ? value.split : null).toEqual(expected);
  },
);
