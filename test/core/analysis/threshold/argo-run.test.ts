import { describe, expect, it } from 'vitest';
import {
  ARGO_LIMITS,
  ARGO_START,
  type ArgoMeasurement,
  type ArgoPhase,
} from '../../../../src/core/analysis/threshold/argo.ts';
import { argoRunPhase, measureArgoRun } from '../../../../src/core/analysis/threshold/argo-run.ts';
import { oracle } from '../fixtures.ts';

interface Run {
  readonly id: string;
  readonly metrics: readonly ArgoPhase[];
  readonly dryRun?: readonly number[];
  readonly expected: ArgoPhase;
}

it.each(oracle<{ runs: Run[] }>('argo').runs)('$id', ({ metrics, dryRun = [], expected }) => {
  expect(argoRunPhase(metrics.map((phase, i) => ({ phase, dryRun: dryRun.includes(i) })))).toBe(expected);
});

it('has not ended before it began', () => {
  expect(argoRunPhase([])).toBe('Running');
  expect(argoRunPhase([{ phase: 'Pending', dryRun: false }])).toBe('Running');
});

describe('several metrics', () => {
  const limits = { ...ARGO_LIMITS, failureLimit: 1, hasInterval: true };
  const run = (rounds: readonly (readonly (ArgoMeasurement | null)[])[], dryRun: readonly boolean[]) =>
    rounds
      .reduce<readonly (typeof ARGO_START)[]>(
        (metrics, round) =>
          measureArgoRun(
            metrics,
            round,
            dryRun.map((dry) => ({ limits, dryRun: dry })),
          ),
        dryRun.map(() => ARGO_START),
      )
      .map(({ phase, count }) => [phase, count]);

  it('stops the others once one has failed', () => {
    const rounds: ArgoMeasurement[][] = [
      ['F', 'S'],
      ['F', 'F'],
      ['S', 'F'],
    ];
    expect(run(rounds, [false, false])).toEqual([
      ['Failed', 2],
      ['Successful', 2],
    ]);
  });

  it('lets a dry run fail alone', () => {
    const rounds: ArgoMeasurement[][] = [
      ['F', 'S'],
      ['F', 'S'],
      ['F', 'S'],
    ];
    expect(run(rounds, [true, false])).toEqual([
      ['Failed', 2],
      ['Running', 3],
    ]);
  });

  it('leaves a metric without an answer as it is', () => {
    expect(run([['S', null]], [false, false])).toEqual([
      ['Running', 1],
      ['Pending', 0],
    ]);
  });
});
