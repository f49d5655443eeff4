import type { RampStep } from '../ramp.ts';
import type { Cell } from '../scrapes.ts';
import type { Scrape } from './scrape.ts';

/** Index of the step in force in all of a cell; -1: before the first; `null`: another one began in it. */
export function stepOf(ramp: readonly RampStep[], { t, firstAtMs }: Cell): number | null {
  const step = ramp.findLastIndex(({ committedAtMs }) => committedAtMs <= t);
  if (step === -1) return -1;
  const liveAtMs = ramp[step]?.liveAtMs ?? null;
  return liveAtMs !== null && liveAtMs <= firstAtMs ? step : null;
}

/** What a recording would hold of a cell. */
export function scrapeOf(ramp: readonly RampStep[], cell: Cell): Scrape {
  const { t, proxies } = cell;
  const step = stepOf(ramp, cell);
  if (step === null || step === -1) return { t, weight: step === null ? null : 0, proxies };
  const { share = 0, liveAtMs = null } = ramp[step] ?? {};
  return { t, weight: percentOf(share), liveAt: liveAtMs, proxies };
}

/** Plans know hundredths of a percent; a product of floats is not one of them. */
export function percentOf(share: number): number {
  return Math.round(share * 10_000) / 100;
}
