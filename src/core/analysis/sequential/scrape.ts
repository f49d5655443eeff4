import type { Histogram } from './histogram.ts';

/**
 * Counters of one cluster in one scrape of one proxy, as Envoy shows them: cumulative. What is absent is 0: Envoy
 * creates classes, codes and histograms at their first event.
 */
export interface ArmScrape {
  /** Final answers by class: `2`, `4`, `5`. */
  readonly rq_xx?: Readonly<Record<string, number>>;
  /** Final answers by code: `429`. */
  readonly rq?: Readonly<Record<string, number>>;
  readonly completed?: number;
  readonly total?: number;
  /** The one gauge. */
  readonly active?: number;
  readonly retry_5xx?: number;
  readonly retry?: number;
  readonly rx_reset?: number;
  readonly timeout?: number;
  readonly per_try_timeout?: number;
  /** The histogram of a live scrape, in place of `le`. */
  readonly histogram?: Histogram;
  /** Histogram by upper edge in ms, and `+Inf`, as recordings have it. */
  readonly le?: Readonly<Record<string, number>>;
}

export const ARMS = ['stable', 'canary'] as const;
export type ArmName = (typeof ARMS)[number];

/** An arm that is absent was not scraped. */
export interface ProxyScrape {
  /** Of the process, s. */
  readonly uptime?: number;
  /** Of hot restarts. */
  readonly epoch?: number;
  readonly stable?: ArmScrape;
  readonly canary?: ArmScrape;
}

export interface Scrape {
  /** Epoch ms. */
  readonly t: number;
  /** Percent in force; `null`: a step is committed, but not live on every proxy. */
  readonly weight: number | null;
  /** When this weight went live everywhere, if that is known better than by the line it first stands on. */
  readonly liveAt?: number | null;
  readonly proxies: Readonly<Record<string, ProxyScrape>>;
}
