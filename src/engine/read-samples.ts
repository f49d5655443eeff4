import type { CounterSeries, EvidenceGap } from '../core/analysis/judge.ts';
import { RECORDED_FAMILIES } from '../core/analysis/scrapes.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import type { MetricsSource } from './ports/metrics-source.ts';

/** What is longer is no one rollout, and more than fits into the memory of who asks. */
export const MAX_SCRAPES = 2_000;
/** Read whether the plan counts them or not: whoever judges the recording again may want to. */
const USUAL_CODES = ['429'];
/** Asked for at once. */
const PIECE_SCRAPES = 40;

/** All that a recording holds of a long time, piece by piece. Silence is no failure. */
export async function readSamples(
  metrics: Pick<MetricsSource, 'counters'>,
  fleets: readonly { readonly name: string; readonly proxies?: readonly string[] }[],
  {
    clusters,
    fromMs,
    endMs,
    scrapeMs,
    codes,
  }: {
    readonly clusters: readonly string[];
    readonly fromMs: number;
    readonly endMs: number;
    readonly scrapeMs: number;
    /** Those that the plan counts as failures. */
    readonly codes: readonly string[];
  },
): Promise<Result<readonly CounterSeries[]>> {
  const all = { families: RECORDED_FAMILIES, codes: [...new Set([...codes, ...USUAL_CODES])] };
  const series: CounterSeries[] = [];
  for (let at = fromMs; at < endMs; at += PIECE_SCRAPES * scrapeMs) {
    const range = { fromMs: at, toMs: Math.min(at + PIECE_SCRAPES * scrapeMs, endMs) - 1 };
    for (const { name: fleet, ...some } of fleets) {
      const read = await metrics.counters({ fleet, clusters, ...all, ...some, ...range });
      if (read.kind === 'ok') for (const one of read.series) series.push(one);
      else if (read.gap !== 'NO_DATA') return noSamples(read.gap, read.detail);
    }
  }
  return ok(series);
}

/** Some of what is missing is mended by whoever asks, the rest where Prometheus runs. */
export function noSamples(gap: EvidenceGap, detail: string) {
  const own = gap === 'TOO_MANY_SERIES' || gap === 'AMBIGUOUS_RESULT';
  return fail(own ? 'SERIN_REQUEST_INVALID' : 'SERIN_METRICS_UNAVAILABLE', `Prometheus gives no samples: ${detail}`, {
    hint: own ? "Narrow the fleet's selector, or the time." : 'Check the URL, and what the message says.',
  });
}
