import type { EvidenceGap } from '../analysis/judge.ts';
import type { FleetNode } from '../model/fleet-state.ts';

/** Proxies that Prometheus has scraped lately, by the fleet's `nodeLabel`. */
export type ProxiesResult =
  | {
      readonly kind: 'ok';
      readonly names: readonly string[];
      /** Series of the fleet without the label: of whom they are is unknown. */
      readonly unnamed: boolean;
    }
  | { readonly kind: 'gap'; readonly gap: EvidenceGap; readonly detail: string };

/** Which Envoys are seen by Serin and by Prometheus, and which by one of them alone. */
export interface SeriesMatch {
  readonly covered: ReadonlySet<string>;
  /** Connected Envoys that no fresh series speaks of, alone; node ids in order. */
  readonly withoutSeries: readonly string[];
  /** Names in Prometheus that no Envoy known here has. */
  readonly withoutNode: readonly string[];
  readonly unnamed: boolean;
}

/** A name that two Envoys share speaks for neither: the one series may be of the other. */
export function matchSeries(
  nodes: readonly FleetNode[],
  { names, unnamed }: Extract<ProxiesResult, { kind: 'ok' }>,
): SeriesMatch {
  const scraped = new Set(names);
  const claims = new Map<string, number>();
  for (const { connected, metricsName } of nodes) {
    if (connected && metricsName !== null) claims.set(metricsName, (claims.get(metricsName) ?? 0) + 1);
  }
  const isCovered = ({ metricsName }: FleetNode) =>
    metricsName !== null && claims.get(metricsName) === 1 && scraped.has(metricsName);
  const connected = nodes.filter((node) => node.connected);
  // One that is away may well be scraped still; it is known all the same.
  const known = new Set(nodes.map(({ metricsName }) => metricsName));
  return {
    covered: new Set(connected.filter(isCovered).map(({ nodeId }) => nodeId)),
    withoutSeries: connected
      .filter((node) => !isCovered(node))
      .map(({ nodeId }) => nodeId)
      .sort(),
    withoutNode: [...scraped].filter((name) => !known.has(name)).sort(),
    unnamed,
  };
}
