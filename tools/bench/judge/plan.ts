/** The plan that all judges are given: five weights, 16 scrapes each, after 15 minutes of the baseline alone. */
export const SCRAPE_S = 15;
export const WEIGHTS: readonly number[] = [0.05, 0.1, 0.2, 0.35, 0.5];
export const SCRAPES_PER_STEP = 16;
export const LAST_SCRAPE = WEIGHTS.length * SCRAPES_PER_STEP;
/** Who has not decided after an hour is held. */
export const MOST_SCRAPES = 240;
export const HISTORY = 60;

export function stepAt(clock: number): number {
  return Math.min(WEIGHTS.length - 1, Math.floor(clock / SCRAPES_PER_STEP));
}
