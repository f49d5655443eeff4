import type { TrafficHistory } from '../../src/engine/ports/traffic-history.ts';

/** An engine that has never read a table. */
export const noHistory: TrafficHistory = {
  newest: () => null,
  running: () => null,
  ofVersion: () => null,
  ofPosition: () => null,
};
