import type { StrategyDocument } from '../model/documents.ts';

/** Strategies that a plan may use. A user's own wins over a shipped one of the same name. */
export interface StrategyLibrary {
  /** Those that come with Serin. */
  readonly shipped: readonly StrategyDocument[];
  /** Those applied before. */
  readonly stored: readonly StrategyDocument[];
}

export const NO_STRATEGIES: StrategyLibrary = { shipped: [], stored: [] };
