import type { CounterFamily, CountersResult, ScalarResult } from '../../core/analysis/judge.ts';
import type { ProxiesResult } from '../../core/fleet/match-series.ts';

/** Where measurements come from. Every outage and every odd answer is a value with a reason. */
export interface MetricsSource {
  /** Raw samples of Envoy's counters, never rates. */
  counters(request: {
    readonly fleet: string;
    readonly clusters: readonly string[];
    readonly families: readonly CounterFamily[];
    /** Of `upstream_rq` the codes that are wanted. @default none */
    readonly codes?: readonly string[];
    /** Of `upstream_rq_time_bucket` the edges that are wanted, ms, beside `+Inf`; others may come as well. @default all */
    readonly edges?: readonly number[];
    /** Names of the Envoys to look at. @default all of the fleet */
    readonly proxies?: readonly string[];
    /** Times of samples are those of the source; see `offsetMs`. */
    readonly fromMs: number;
    readonly toMs: number;
  }): Promise<CountersResult>;
  /** A query that must answer exactly one finite, fresh number. */
  scalar(request: { readonly query: string; readonly atMs: number }): Promise<ScalarResult>;
  /** Proxies of the fleet that were scraped lately. */
  proxies(fleet: string): Promise<ProxiesResult>;
  /** By how much the clock of the source is ahead of ours, ms; 0 until it is known. */
  offsetMs(): Promise<number>;
  /** Scrape interval of the fleet, ms; `null`: the fleet has no metrics configured. */
  scrapeMs(fleet: string): number | null;
}
