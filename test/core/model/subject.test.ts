import { expect, it } from 'vitest';
import { isSubject } from '../../../src/core/model/subject.ts';

it.each(['rollout/r1', 'outbox/r1~deploys', 'backend/shop', 'trial/edge/apply/a1', 'sweep/retention'])(
  'takes %s for something that can be due',
  (text) => {
    expect(isSubject(text)).toBe(true);
  },
);

it.each(['rollout/', 'fence/documents', 'rollout/a b', 'rollouts/a', '', `rollout/${'x'.repeat(300)}`])(
  'takes "%s" for none',
  (text) => {
    expect(isSubject(text)).toBe(false);
  },
);
