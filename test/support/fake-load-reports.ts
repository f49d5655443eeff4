import type { LoadReport } from '../../src/core/analysis/push-guard.ts';
import type { LoadReports } from '../../src/engine/ports/load-reports.ts';

export interface FakeLoadReports extends LoadReports {
  report(fleet: string, reports: readonly LoadReport[]): void;
}

/** Load reports as a test says them. */
export function fakeLoadReports(): FakeLoadReports {
  const all = new Map<string, LoadReport[]>();
  const listeners = new Set<(fleet: string) => void>();
  return {
    since: (fleet, clusters, atMs) =>
      (all.get(fleet) ?? []).filter((one) => clusters.includes(one.cluster) && one.atMs >= atMs),
    onReport: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    report: (fleet, reports) => {
      all.set(fleet, [...(all.get(fleet) ?? []), ...reports]);
      for (const listener of listeners) listener(fleet);
    },
  };
}
