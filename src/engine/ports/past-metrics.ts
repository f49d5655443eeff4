import type { CountersResult } from '../../core/analysis/judge.ts';
import type { ClusterRequests } from '../../core/analysis/recording/pick-arms.ts';
import type { MetricsSource } from './metrics-source.ts';

type Gap = Extract<CountersResult, { kind: 'gap' }>;

/** What a source still knows of a time that is over. */
export interface PastMetrics extends Pick<MetricsSource, 'counters' | 'scrapeMs'> {
  /** About how many requests went through which Envoy to which cluster, of those named or with this prefix. */
  requests(request: {
    readonly fleet: string;
    readonly clusters: readonly string[];
    readonly prefix: string;
    readonly fromMs: number;
    readonly toMs: number;
  }): Promise<{ readonly kind: 'ok'; readonly requests: readonly ClusterRequests[] } | Gap>;
}
