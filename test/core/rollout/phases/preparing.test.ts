import { expect, it } from 'vitest';
import { Stage } from '../../../support/stage.ts';

const requires = [{ feature: 'a new thing', since: [1, 22] as const }];

it.each([
  ['while one Envoy tries the clusters out', (stage: Stage) => stage.tick(1)],
  ['while the clusters go out', (stage: Stage) => stage.tried()],
  ['in the middle of the proof of the way back', (stage: Stage) => stage.tried().ack().tick(1)],
])('an older Envoy that comes %s ends the rollout before anybody was sent to the canary', (_when, until) => {
  const stage = new Stage({ requires });
  until(stage);
  expect(stage.rollout.phase).toBe('preparing');
  stage.connect('old').runs('old', '1.20.7').ack().tick(1);
  expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'no_dataplane', node: 'old' } });
  expect(stage.weight).toBe(0);
  expect(stage.trial).toBeNull();
});

it('an older Envoy that has left again is no obstacle', () => {
  const stage = new Stage({ requires });
  stage.connect('old').runs('old', '1.20.7').disconnect('old');
  stage.prepared();
  expect(stage.rollout.phase).toBe('stepping');
});
