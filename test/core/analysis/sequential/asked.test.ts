import { describe, expect, it } from 'vitest';
import { askedBy } from '../../../../src/core/analysis/sequential/asked.ts';
import type { AnalysisSpec } from '../../../../src/core/model/analysis-spec.ts';

const errors = (fields: object): AnalysisSpec => ({
  ...{ kind: 'error-rate', name: 'errors', max: 0.01, minRequests: null },
  ...fields,
});
const latency = (objectiveMs: number | null, fields: object = {}): AnalysisSpec => ({
  ...{ kind: 'latency', name: 'latency', max: 0.01, minRequests: null, objectiveMs },
  ...fields,
});

describe('what analyses ask together', () => {
  it('is next to nothing where there are none', () => {
    expect(askedBy([])).toEqual({
      errors: { count: ['5xx'], floor: null, max: null },
      latency: { objectives: [], warmupMs: 60_000 },
    });
  });

  it('is no limit that nobody has written: `max` is a default of other judges', () => {
    expect(askedBy([errors({}), latency(250)])).toMatchObject({
      errors: { max: null },
      latency: { objectives: [{ ms: 250, max: null }] },
    });
  });

  it('is whatever any of them counts, and the strictest limit', () => {
    const own = errors({ count: ['429'], ceiling: 0.05, floor: 0.002 });
    expect(askedBy([errors({ ceiling: 0.02, floor: 0.001 }), own]).errors).toEqual({
      ...{ count: ['5xx', '429'], floor: 0.002, max: 0.02 },
    });
  });

  it('is one objective each, with the limits of all that have it', () => {
    const all = [
      latency(500),
      latency(100, { ceiling: 0.2 }),
      latency(100, { ceiling: 0.1, warmupMs: 0 }),
      latency(null),
    ];
    expect(askedBy(all).latency).toEqual({
      objectives: [
        { ms: 100, max: 0.1 },
        { ms: 500, max: null },
      ],
      warmupMs: 0,
    });
  });
});
