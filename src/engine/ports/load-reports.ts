import type { LoadReport } from '../../core/analysis/push-guard.ts';

/**
 * What Envoys say by themselves of the requests they have sent upstream, seconds after it happened. Evidence of a crash
 * only: who is heard, and how often, is not as sure as with samples.
 */
export interface LoadReports {
  /** What has come since, of any Envoy of the fleet; what is older than a minute may be gone. */
  since(fleet: string, clusters: readonly string[], atMs: number): readonly LoadReport[];
  /** Calls with the fleet at every report; the answer unsubscribes. */
  onReport(listener: (fleet: string) => void): () => void;
}
