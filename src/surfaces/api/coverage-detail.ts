import { type SeriesMatch, uncoveredCount } from '../../core/fleet/match-series.ts';
import type { FleetNode } from '../../core/model/fleet-state.ts';
import type { FleetReport } from '../../engine/engine.ts';

/** What to look at, with what is wrong: the fleet's coverage in one sentence or two. */
export function coverageDetail({ coverage, state }: FleetReport): string {
  switch (coverage.kind) {
    case 'off':
      return 'the fleet has no metrics configured (prometheus and fleets[].metrics)';
    case 'unknown':
      return coverage.detail;
    case 'known':
      return known(coverage.match, state.nodes, state.complete);
  }
}

const NO_SERIES =
  'Prometheus has no fresh envoy_server_live under the selector of the fleet: does it scrape /stats/prometheus of the Envoys, does fleets[].metrics.selector fit, and is the metric kept?';

function known(match: SeriesMatch, nodes: readonly FleetNode[], complete: boolean): string {
  const { covered, withoutSeries, withoutNode, shared, nameless, near, unnamed } = match;
  const connected = covered.size + uncoveredCount(match);
  if (unnamed) return 'some series lack the label of fleets[].metrics.nodeLabel; Prometheus must set it per target';
  if (connected === 0 && withoutNode.length === 0) return 'no Envoy is connected, and none is scraped';
  if (connected > 0 && nameless === connected)
    return 'no Envoy gives a name: fleets[].metrics.nodeFrom points at nothing that they send';
  if (shared.length > 0)
    return 'Envoys that give one name cannot be told apart: fleets[].metrics.nodeFrom must be of one Envoy each';
  if (near !== null)
    return `${quoted(near.ours)} (${near.node}) and ${quoted(near.theirs)} in Prometheus differ; what nodeFrom and nodeLabel of fleets[].metrics give must be the same text`;
  if (withoutSeries.length === 0 && withoutNode.length === 0) return 'every connected Envoy has fresh series';
  if (withoutSeries.length === 0)
    return complete
      ? 'Prometheus scrapes Envoys that never connected here; does the selector take in another fleet?'
      : 'Prometheus scrapes Envoys that are not connected here; other engines may have them, and one does not answer';
  if (withoutNode.length > 0) return disagreement(match, nodes);
  return covered.size === 0 ? NO_SERIES : 'Envoys without fresh series: are they scraped, and does the selector fit?';
}

function disagreement({ covered, withoutSeries, withoutNode }: SeriesMatch, nodes: readonly FleetNode[]): string {
  const lone = new Set(withoutSeries);
  const ours = nodes.find(({ nodeId, metricsName }) => metricsName !== null && lone.has(nodeId))?.metricsName ?? null;
  const none = covered.size === 0 ? 'no name of an Envoy is one in Prometheus' : 'not all names agree';
  const example = ours === null ? '' : ` (${quoted(ours)} here, ${quoted(withoutNode[0] ?? '')} there)`;
  return `${none}${example}: fleets[].metrics.nodeFrom must give what Prometheus has under nodeLabel`;
}

function quoted(name: string): string {
  return `"${name.length > 100 ? `${name.slice(0, 99)}…` : name}"`;
}
