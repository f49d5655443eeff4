import type { CounterFamily, CounterSeries, JudgeInput } from '../../../src/core/analysis/judge.ts';
import type { AnalysisSpec } from '../../../src/core/model/analysis-spec.ts';

export const LIVE_AT = 1_000_000;

/** `points` as `[seconds after the step went live, value]`. */
export function series(
  family: CounterFamily,
  label: string,
  points: readonly (readonly [number, number])[],
  { proxy = 'p1', cluster = 'canary' }: { readonly proxy?: string; readonly cluster?: string } = {},
): CounterSeries {
  return { proxy, cluster, family, label, points: points.map(([s, value]) => [LIVE_AT + s * 1_000, value]) };
}

/** A cluster that answered `requests` since the step is live, `bad` of them 5xx; scraped at 1 s and 9 s. */
export function arm(cluster: string, requests: number, bad: number, proxy = 'p1'): CounterSeries[] {
  const at = { proxy, cluster };
  return [
    series(
      'upstream_rq_completed',
      '',
      [
        [1, 50],
        [9, 50 + requests],
      ],
      at,
    ),
    series(
      'upstream_rq_xx',
      '2',
      [
        [1, 50],
        [9, 50 + requests - bad],
      ],
      at,
    ),
    ...(bad > 0 ? [series('upstream_rq_xx', '5', [[9, bad]], at)] : []),
  ];
}

export const errorRate: Extract<AnalysisSpec, { kind: 'error-rate' }> = {
  kind: 'error-rate',
  name: 'error-rate',
  max: 0.01,
  minRequests: 200,
};

export function judgeInput(counters: readonly CounterSeries[], fields: Partial<JudgeInput> = {}): JudgeInput {
  return {
    analysis: [errorRate],
    judge: { name: 'threshold' },
    arms: { stable: 'stable', canary: 'canary' },
    liveAtMs: LIVE_AT,
    nowMs: LIVE_AT + 10_000,
    scrapeMs: 1_000,
    counters: { kind: 'ok', series: counters },
    queries: new Map(),
    proxies: ['p1'],
    state: null,
    ...fields,
  };
}
