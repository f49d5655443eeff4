import { distinctSeries } from './increments.ts';
import type { CounterSeries } from './judge.ts';
import { ALPHA, type Crash, crash, type LoadReport } from './push-guard.ts';
import { cellsOf } from './scrapes.ts';
import { WATERMARK_SCRAPES } from './sequential/cell-walk.ts';
import type { Counting } from './sequential/counts.ts';
import { walk } from './sequential/walk.ts';

/** So many scrapes are looked at together; then it begins anew, with less of the error to spend. */
const BLOCK_SCRAPES = 20;

/** By the clock of the samples. */
export interface CrashWatch {
  /** The change was committed, and not every Envoy has it. */
  readonly committedAtMs: number;
  readonly nowMs: number;
  readonly scrapeMs: number;
}

/** An Envoy, by its name in Prometheus, that has the change, and when it ACKed it. */
export interface AckedProxy {
  readonly proxy: string;
  readonly ackedAtMs: number;
}

/**
 * The scrapes that a look is about. They are told from the time of the commit alone, so that nothing needs to be
 * remembered: blocks that lie one behind the other, of which the k-th one spends 1/(k+1)(k+2) of the error. All of them
 * together spend no more than the whole, however long an Envoy keeps a step waiting.
 */
function blockAt({ committedAtMs, nowMs, scrapeMs }: CrashWatch) {
  const first = Math.floor(committedAtMs / scrapeMs);
  const last = Math.floor(nowMs / scrapeMs) - WATERMARK_SCRAPES;
  const block = Math.max(0, Math.floor((last - first) / BLOCK_SCRAPES));
  return { first: first + block * BLOCK_SCRAPES, last, alpha: ALPHA / ((block + 1) * (block + 2)) };
}

/** From when samples are needed for it. */
export function crashFromMs(watch: CrashWatch): number {
  return blockAt(watch).first * watch.scrapeMs;
}

/**
 * Does the canary crash on the Envoys that have a step for which others keep it waiting? An Envoy counts from its own ACK
 * on, once that has settled, as a step does from the last one; what was scraped before tells nothing. Only of harm beyond
 * doubt, by the test of the push guard: what these Envoys show lets no step go on.
 */
export function crashInScrapes(
  series: readonly CounterSeries[],
  arms: { readonly stable: string; readonly canary: string },
  acked: readonly AckedProxy[],
  { failures, routeTimeoutMs, ...watch }: CrashWatch & { readonly failures: Counting; readonly routeTimeoutMs: number },
): Crash | null {
  const distinct = distinctSeries(series);
  if (distinct === null || !distinct.every(isCounted)) return null;
  const { first, last, alpha } = blockAt(watch);
  const { scrapeMs } = watch;
  const cells = cellsOf(distinct, arms, scrapeMs).filter(({ index }) => index >= first && index <= last);
  const reports = acked.flatMap(({ proxy, ackedAtMs }) => {
    const way = walk({ scrapeMs, routeTimeoutMs });
    return cells.flatMap(({ t, firstAtMs, proxies }): LoadReport[] => {
      const own = proxies[proxy];
      if (own === undefined || firstAtMs < ackedAtMs) return [];
      // Whatever its weight is: the test is given the requests that each arm really had.
      const { pairs } = way.read({ t, weight: 1, liveAt: ackedAtMs, proxies: { [proxy]: own } });
      return pairs.flatMap(({ canary, stable }) => {
        if (canary === null || stable === null) return [];
        return ([canary, stable] as const).map((growth, i): LoadReport => {
          const { bad, total } = failures(growth);
          const cluster = i === 0 ? arms.canary : arms.stable;
          return { nodeId: proxy, cluster, atMs: t, requests: total, failed: bad };
        });
      });
    });
  });
  return crash(reports, arms, alpha);
}

function isCounted({ points }: CounterSeries): boolean {
  return points.every(([tMs, value]) => Number.isFinite(tMs) && Number.isFinite(value));
}
