import type { Verdict } from '../analysis/judge.ts';
import { renderQuery } from '../manifest/render-query.ts';
import type { AnalysisSpec } from '../model/analysis-spec.ts';
import { ownMetric, partOf, partOfArm } from './joint.ts';
import { queryValues } from './query-values.ts';
import type { Rollout } from './rollout.ts';
import type { Settings } from './transition.ts';

/** Where people see for themselves what a verdict is about: a graph of both arms, or of the plan's own query. */
export function queryLink(
  rollout: Rollout,
  { metric, backend, arm }: Pick<Verdict, 'metric' | 'backend' | 'arm'>,
  { queryUrl }: Pick<Settings, 'queryUrl'>,
): readonly (readonly [string, string])[] {
  if (queryUrl === undefined) return [];
  const own = arm === undefined ? partOf(rollout, backend ?? rollout.backend) : partOfArm(rollout, arm);
  const query = queryOf(own, ownMetric(rollout, arm ?? backend ?? '', metric));
  return [['Query', `${queryUrl}/graph?g0.tab=0&g0.expr=${encodeURIComponent(query)}`]];
}

function queryOf(rollout: Rollout, metric: string): string {
  const spec = specOf(rollout, metric);
  if (spec?.kind === 'query') return renderQuery(spec.query, queryValues(rollout, spec.windowMs));
  const clusters = [rollout.stable?.cluster ?? '', rollout.canary.cluster].filter((name) => name !== '').join('|');
  const of = (family: string, more = '') => `envoy_cluster_${family}{envoy_cluster_name=~"${clusters}"${more}}[5m]`;
  switch (spec?.kind ?? metric) {
    case 'latency':
      return `histogram_quantile(0.99, sum by (envoy_cluster_name, le) (rate(${of('upstream_rq_time_bucket')})))`;
    case 'retried-5xx':
      return `sum by (envoy_cluster_name) (increase(${of('retry_upstream_rq_xx', ',envoy_response_code_class="5"')}))`;
    case 'resets-timeouts':
      return ['upstream_rq_rx_reset', 'upstream_rq_timeout']
        .map((family) => `sum by (envoy_cluster_name) (increase(${of(family)}))`)
        .join(' + ');
    case 'routing':
      return `sum by (envoy_cluster_name) (increase(${of('upstream_rq_completed')}))`;
    default:
      return `sum by (envoy_cluster_name, envoy_response_code_class) (increase(${of('upstream_rq_xx')}))`;
  }
}

function specOf({ spec, step }: Rollout, metric: string): AnalysisSpec | undefined {
  const own = spec.strategy.steps[step]?.analysis ?? [];
  return [...own, ...spec.analysis].find(({ name }) => name === metric);
}
