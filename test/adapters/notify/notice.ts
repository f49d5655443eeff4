import type { Notice } from '../../../src/core/rollout/event.ts';

export function notice(fields: Partial<Notice> = {}): Notice {
  return {
    id: 'r1-rolling_back-3-1700000000000',
    rolloutId: 'r1',
    backend: 'checkout',
    plan: 'checkout',
    revision: 'v42',
    stable: 'v41',
    kind: 'rolling_back',
    tone: 'bad',
    title: 'checkout: v42 is being rolled back',
    fields: [
      ['Cause', 'error-rate: 9 of 300 requests failed'],
      ['Value', '0.03'],
      ['Limit', 'at most 0.01'],
    ],
    atMs: 1_700_000_000_000,
    ...fields,
  };
}
