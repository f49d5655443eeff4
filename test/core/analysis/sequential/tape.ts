import { type Judged, judgeLine, recordLine } from '../../../../src/core/analysis/sequential/judge-line.ts';
import type { ArmName, ArmScrape, ProxyScrape, Scrape } from '../../../../src/core/analysis/sequential/scrape.ts';
import { SEQUENTIAL_DEFAULTS, type SequentialSettings } from '../../../../src/core/analysis/sequential/settings.ts';
import { startJudging } from '../../../../src/core/analysis/sequential/state.ts';
import { walk } from '../../../../src/core/analysis/sequential/walk.ts';

export const SCRAPE_MS = 15_000;

/** What one arm of one proxy did between two scrapes. */
export interface Did {
  readonly ok?: number;
  readonly bad?: number;
  /** Of all: how many were slower than 250 ms. */
  readonly slow?: number;
  readonly timeouts?: number;
  readonly retried?: number;
  /** Requests that did not end. */
  readonly hanging?: number;
}

type Sums = { -readonly [K in keyof Did]-?: number };
type Fleet = Readonly<Record<string, Partial<Record<ArmName, Did>>>>;

/** Writes counters as Envoys would show them, one scrape after the other. */
export class Tape {
  readonly scrapes: Scrape[] = [];
  #t = 0;
  #uptime = 3_600;
  readonly #arms = new Map<string, Sums>();

  /** One scrape later. A proxy or an arm that is not named is not scraped. */
  add(weight: number | null, fleet: Fleet, more: Partial<Scrape> = {}): this {
    this.#t += SCRAPE_MS;
    this.#uptime += SCRAPE_MS / 1_000;
    const proxies: Record<string, ProxyScrape> = {};
    for (const [proxy, arms] of Object.entries(fleet)) {
      const shown: Record<string, unknown> = { uptime: this.#uptime };
      for (const [arm, did] of Object.entries(arms)) shown[arm] = this.#grow(`${proxy} ${arm}`, did);
      proxies[proxy] = shown as ProxyScrape;
    }
    this.scrapes.push({ t: this.#t, weight, proxies, ...more });
    return this;
  }

  times(count: number, weight: number | null, fleet: Fleet): this {
    for (let i = 0; i < count; i += 1) this.add(weight, fleet);
    return this;
  }

  /** The process of every proxy begins anew: its counters are gone. */
  restart(): this {
    this.#arms.clear();
    this.#uptime = 0;
    return this;
  }

  #grow(key: string, did: Did): ArmScrape {
    const sum: Sums = this.#arms.get(key) ?? { ok: 0, bad: 0, slow: 0, timeouts: 0, retried: 0, hanging: 0 };
    for (const name of ['ok', 'bad', 'slow', 'timeouts', 'retried', 'hanging'] as const) sum[name] += did[name] ?? 0;
    this.#arms.set(key, { ...sum });
    const { ok, bad, slow, timeouts, retried, hanging } = sum;
    const all = ok + bad;
    return {
      rq_xx: { ...(ok === 0 ? {} : { 2: ok }), ...(bad === 0 ? {} : { 5: bad }) },
      completed: all,
      total: all + hanging,
      retry: retried,
      timeout: timeouts,
      ...(all === 0 ? {} : { le: { 250: all - timeouts - slow, '+Inf': all - timeouts } }),
    };
  }
}

/** Every line, whatever is decided; so many of them come before the first that is judged. */
export function judgeAll(
  scrapes: readonly Scrape[],
  history: number,
  asked: SequentialSettings = settings(),
): readonly Judged[] {
  const { read } = walk(asked);
  let state = startJudging(asked);
  return scrapes.flatMap((scrape, i) => {
    const line = read(scrape);
    if (i < history) {
      state = recordLine(asked, state, line);
      return [];
    }
    const judged = judgeLine(asked, state, line);
    state = judged.state;
    return [judged];
  });
}

export function settings(fields: Partial<SequentialSettings> = {}): SequentialSettings {
  return {
    ...SEQUENTIAL_DEFAULTS,
    scrapeMs: SCRAPE_MS,
    routeTimeoutMs: 0,
    steps: [
      { weight: 10, holdMs: 60_000, pinned: false, sticky: false },
      { weight: 50, holdMs: 60_000, pinned: false, sticky: false },
    ],
    ...fields,
  };
}
