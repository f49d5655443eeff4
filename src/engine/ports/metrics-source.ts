import type { CounterFamily, CountersResult, ScalarResult } from '../../core/analysis/judge.ts';
import type { ProxiesResult } from '../../core/fleet/match-series.ts';

/** Where measurements come from. Every outage and every odd answer is a value with a reason. */
export interface MetricsSource {
  /** Raw samples of Envoy's counters, never rates. */
  counters(request: {
    readonly fleet: string;
    readonly clusters: readonly string[];
    readonly families: readonly CounterFamily[];
    readonly fromMs: number;
    readonly toMs: number;
  }): Promise<CountersResult>;
  /** A query that must answer exactly one finite, fresh number. */
  scalar(request: { readonly query: string; readonly atMs: number }): Promise<ScalarResult>;
  /** Proxies of the fleet that were scraped lately. */
  proxies(fleet: string): Promise<ProxiesResult>;
  /** Scrape interval of the fleet, ms; `null`: the fleet has no metrics configured. */
  scrapeMs(fleet: string): number | null;
}
