import { expect, it } from 'vitest';
import { replicaName } from '../../src/platform/replica-name.ts';

it('says where it runs, in plain characters, and is never the same', () => {
  expect(replicaName('pod_7 ü')).toMatch(/^pod-7--~[0-9a-f]{12}$/);
  expect(replicaName('')).toMatch(/^serin~/);
  expect(replicaName('x'.repeat(300)).length).toBeLessThan(100);
  expect(replicaName()).not.toBe(replicaName());
});
