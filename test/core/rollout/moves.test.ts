import { expect, it } from 'vitest';
import { backendTraffic } from '../../../src/core/traffic/backend-traffic.ts';
import { planSpec, planStep, revision } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const DAY_MS = 86_400_000;

it('a cluster for testers stays for its whole time, also when its revision retires once more as stable', () => {
  // given: v2 was promoted an hour ago by a plan with pins, so its cluster for pinned requests is retired till later
  const v2 = revision('v2');
  const stage = new Stage({
    stable: v2,
    canary: revision('v3'),
    spec: planSpec({ strategy: { name: 'any', steps: [planStep({ weight: 500 })] } }),
  });
  stage.backend = { ...stage.backend, retired: [{ revision: v2, pinned: true, untilMs: DAY_MS }] };
  expect(backendTraffic(stage.backend, stage.rollout).pinned).toEqual([v2.key]);
  // when: v3, whose plan pins nobody, is promoted
  for (let i = 0; i < 8 && stage.rollout.phase !== 'promoted'; i += 1) stage.ack().tick(1_000);
  expect(stage.rollout.phase).toBe('promoted');
  // then: an Envoy that was away with the route table of v2's test phase still finds the cluster
  expect(backendTraffic(stage.backend, null).pinned).toContain(v2.key);
});
