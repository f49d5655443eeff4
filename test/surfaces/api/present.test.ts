import { expect, it } from 'vitest';
import { presentEvent } from '../../../src/surfaces/api/present.ts';

it('says the weight of an event in percent, as everywhere', () => {
  const event = {
    rolloutId: 'r',
    type: 'step',
    atMs: 0,
    by: 'serin',
    phase: 'stepping',
    step: 0,
    message: '10 %',
    data: { weight: 1_000, ackMs: 7 },
  } as const;
  expect(presentEvent('1-0', event).data).toEqual({ weight: 10, ackMs: 7 });
});
