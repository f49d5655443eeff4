/** How a fleet's Envoys are found in Prometheus. */
export interface FleetMetrics {
  readonly name: string;
  /** Labels that all series of the fleet have, and no others: `{ job: 'envoy-edge' }`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Label whose value names one Envoy. */
  readonly nodeLabel: string;
  readonly scrapeIntervalMs: number;
}
