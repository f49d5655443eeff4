import { describe, expect, it } from 'vitest';
import { lastFigure } from '../../tools/docs/last-figures.ts';

const killed = (times: number, recoveryMsMax: number) => ({ times, recoveryMsP50: 1, recoveryMsMax });

describe('the last figure of a fault', () => {
  it('sums up the kinds that are this fault, and names the worst', () => {
    const kinds = { point: killed(34, 900), 'kill engine': killed(6, 1_200), 'kill store': killed(4, 3_000) };
    expect(lastFigure('F1', { kinds })).toBe('40 times; acted again after 1200 ms at most');
    expect(lastFigure('F4', { kinds })).toBe('4 times; acted again after 3000 ms at most');
  });

  it('is a count where nothing was killed, and nothing where the harness injects none, or an older one ran', () => {
    const kinds = { 'stop store': { times: 8, recoveryMsP50: null, recoveryMsMax: null } };
    expect(lastFigure('F7', { kinds })).toBe('8 times');
    expect(lastFigure('F18', { kinds, rolloutKinds: { refused: 12 } })).toBe('12 rollouts');
    expect([lastFigure('F11', { kinds }), lastFigure('F1', {}), lastFigure('F18', {})]).toEqual(['', '', '']);
  });
});
