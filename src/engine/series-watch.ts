import type { ProxiesResult } from '../core/fleet/match-series.ts';
import type { Clock } from './ports/clock.ts';
import type { MetricsSource } from './ports/metrics-source.ts';

/** An answer is good for so long: who asks about a fleet every second must not cost Prometheus a query each. */
const KEEP_MS = 5_000;

/** Which proxies Prometheus has scraped, asked for seldom. `null`: the fleet has no metrics, or (glance) not yet known. */
export interface SeriesWatch {
  ask(fleet: string): Promise<ProxiesResult | null>;
  /** What was last answered, without waiting; an old answer is renewed for the next glance. */
  glance(fleet: string): ProxiesResult | null;
}

export function seriesWatch(metrics: Pick<MetricsSource, 'proxies' | 'scrapeMs'>, clock: Clock): SeriesWatch {
  const answers = new Map<string, { readonly atMs: number; readonly result: ProxiesResult }>();
  const asked = new Map<string, Promise<ProxiesResult>>();
  const ask = async (fleet: string): Promise<ProxiesResult | null> => {
    if (metrics.scrapeMs(fleet) === null) return null;
    const known = answers.get(fleet);
    if (known !== undefined && clock.now() - known.atMs < KEEP_MS) return known.result;
    const running = asked.get(fleet) ?? renew(fleet);
    asked.set(fleet, running);
    return running;
  };
  const renew = async (fleet: string): Promise<ProxiesResult> => {
    try {
      const result = await metrics.proxies(fleet);
      answers.set(fleet, { atMs: clock.now(), result });
      return result;
    } finally {
      asked.delete(fleet);
    }
  };
  return {
    ask,
    glance(fleet) {
      // The source's outages are values; whatever else happens shows to those who wait for an answer.
      ask(fleet).catch(() => undefined);
      return answers.get(fleet)?.result ?? null;
    },
  };
}
