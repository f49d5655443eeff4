import type { ProxiesResult } from '../core/fleet/match-series.ts';
import { inTime } from './in-time.ts';
import type { Clock } from './ports/clock.ts';
import type { MetricsSource } from './ports/metrics-source.ts';

/** An answer is good for so long: who asks about a fleet every second must not cost Prometheus a query each. */
const KEEP_MS = 5_000;
/** Who asks about Envoys must not wait for a Prometheus that hangs. */
const WAIT_MS = 1_000;
const LATE: ProxiesResult = {
  kind: 'gap',
  gap: 'SOURCE_TIMEOUT',
  detail: `Prometheus has not answered within ${WAIT_MS / 1_000} s`,
};

/** Which proxies Prometheus has scraped, asked for seldom. `null`: the fleet has no metrics, or (glance) not yet known. */
export interface SeriesWatch {
  /** An answer that is late is a gap for those who wait, and kept for those who ask next. */
  ask(fleet: string): Promise<ProxiesResult | null>;
  /** What was last answered, without waiting; an old answer is renewed for the next glance. */
  glance(fleet: string): ProxiesResult | null;
}

interface Question {
  readonly sinceMs: number;
  readonly answer: Promise<ProxiesResult>;
}

export function seriesWatch(metrics: Pick<MetricsSource, 'proxies' | 'scrapeMs'>, clock: Clock): SeriesWatch {
  const answers = new Map<string, { readonly atMs: number; readonly result: ProxiesResult }>();
  const asked = new Map<string, Question>();
  const recent = (fleet: string): ProxiesResult | null => {
    const known = answers.get(fleet);
    return known !== undefined && clock.monotonicMs() - known.atMs < KEEP_MS ? known.result : null;
  };
  const renew = async (fleet: string): Promise<ProxiesResult> => {
    const result = await metrics.proxies(fleet);
    answers.set(fleet, { atMs: clock.monotonicMs(), result });
    return result;
  };
  const question = (fleet: string): Question => {
    const open = asked.get(fleet) ?? {
      sinceMs: clock.monotonicMs(),
      answer: renew(fleet).finally(() => asked.delete(fleet)),
    };
    asked.set(fleet, open);
    return open;
  };
  return {
    async ask(fleet) {
      if (metrics.scrapeMs(fleet) === null) return null;
      const known = recent(fleet);
      if (known !== null) return known;
      const { sinceMs, answer } = question(fleet);
      return inTime(clock, answer, sinceMs + WAIT_MS - clock.monotonicMs(), () => LATE);
    },
    glance(fleet) {
      if (metrics.scrapeMs(fleet) === null) return null;
      // The source's outages are values; whatever else happens shows to those who wait for an answer.
      if (recent(fleet) === null) question(fleet).answer.catch(() => undefined);
      return answers.get(fleet)?.result ?? null;
    },
  };
}
