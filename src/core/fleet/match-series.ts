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

/** Which Envoys are seen by Serin and by Prometheus, and which by one of them alone. All lists are in order. */
export interface SeriesMatch {
  readonly covered: ReadonlySet<string>;
  /** Connected Envoys that no fresh series speaks of; node ids. */
  readonly withoutSeries: readonly string[];
  /** Names in Prometheus that no Envoy known here has. */
  readonly withoutNode: readonly string[];
  /** Series whose name several connected Envoys give: they speak for none of them. */
  readonly shared: readonly { readonly name: string; readonly nodes: readonly string[] }[];
  /** Connected Envoys that give no name at all. */
  readonly nameless: number;
  /** An Envoy without a series, and a series without an Envoy, that are the same but for port or case. */
  readonly near: { readonly node: string; readonly ours: string; readonly theirs: string } | null;
  readonly unnamed: boolean;
}

export function matchSeries(
  nodes: readonly FleetNode[],
  { names, unnamed }: Extract<ProxiesResult, { kind: 'ok' }>,
): SeriesMatch {
  const scraped = new Set(names);
  const connected = nodes.filter((node) => node.connected);
  const claims = new Map<string, string[]>();
  const alone: FleetNode[] = [];
  for (const node of connected) {
    const { nodeId, metricsName } = node;
    if (metricsName === null || !scraped.has(metricsName)) alone.push(node);
    else {
      const claimed = claims.get(metricsName) ?? [];
      claimed.push(nodeId);
      claims.set(metricsName, claimed);
    }
  }
  // One that is away may well be scraped still; it is known all the same.
  const known = new Set(nodes.map(({ metricsName }) => metricsName));
  const withoutNode = [...scraped].filter((name) => !known.has(name)).sort();
  return {
    covered: new Set([...claims.values()].filter((claimed) => claimed.length === 1).flat()),
    withoutSeries: alone.map(({ nodeId }) => nodeId).sort(),
    withoutNode,
    shared: [...claims]
      .filter(([, claimed]) => claimed.length > 1)
      .map(([name, claimed]) => ({ name, nodes: claimed.sort() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    nameless: alone.filter(({ metricsName }) => metricsName === null).length,
    near: nearMiss(alone, withoutNode),
    unnamed,
  };
}

/** Connected Envoys without a series of their own. */
export function uncoveredCount({ withoutSeries, shared }: SeriesMatch): number {
  return withoutSeries.length + shared.reduce((sum, { nodes }) => sum + nodes.length, 0);
}

/**
 * Do Prometheus and the ledger tell of the same Envoys? `null`: that cannot be said before the ledger has what all
 * engines know.
 */
export function agreement(match: SeriesMatch, complete: boolean): boolean | null {
  if (uncoveredCount(match) > 0 || match.unnamed) return false;
  return complete ? match.withoutNode.length === 0 : null;
}

function nearMiss(alone: readonly FleetNode[], strangers: readonly string[]): SeriesMatch['near'] {
  const byHost = new Map(strangers.map((name) => [hostOf(name), name]));
  for (const { nodeId, metricsName } of alone) {
    const theirs = metricsName === null ? undefined : byHost.get(hostOf(metricsName));
    if (metricsName !== null && theirs !== undefined) return { node: nodeId, ours: metricsName, theirs };
  }
  return null;
}

function hostOf(name: string): string {
  return name.toLowerCase().replace(/:\d{1,5}$/, '');
}
