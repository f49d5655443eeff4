import { matchSeries, type SeriesMatch, uncoveredCount } from '../core/fleet/match-series.ts';
import { countStandings, type FleetCounts } from '../core/fleet/node-standing.ts';
import { diffResources, isEmptyDiff, type PlainResource, type ResourceDiff } from '../core/fleet/resource-diff.ts';
import { fail, ok, type Result } from '../core/model/errors.ts';
import type { FleetNode, FleetState, NodeType } from '../core/model/fleet-state.ts';
import { hasReached } from '../core/model/position.ts';
import { didYouMean } from '../core/model/suggest.ts';
import type { Position } from '../core/model/traffic.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import { trialResources } from '../core/traffic/with-trial.ts';
import type { Dependencies } from './dependencies.ts';
import { fromStore } from './load.ts';
import type { NewestTable } from './ports/traffic-history.ts';
import type { SeriesWatch } from './series-watch.ts';

export type Coverage =
  | { readonly kind: 'off' }
  | { readonly kind: 'unknown'; readonly detail: string }
  | { readonly kind: 'known'; readonly match: SeriesMatch };

/** All that is known of a fleet. */
export interface FleetReport {
  readonly state: FleetState;
  readonly newest: NewestTable | null;
  readonly coverage: Coverage;
}

export type TypeDiff = { readonly type: NodeType['type'] } & (
  | { readonly kind: 'equal' }
  | { readonly kind: 'differs'; readonly diff: ResourceDiff }
  | { readonly kind: 'unknown'; readonly detail: string }
);

/** What an Envoy runs against what the records say. */
export interface NodeDiff {
  readonly fleet: string;
  readonly node: FleetNode;
  readonly position: Position;
  /** The trial that this node is the probe of. */
  readonly trial: NewestTable['trial'];
  readonly types: readonly TypeDiff[];
}

/** So many names are looked through for one that is near. */
const MAX_SUGGESTED = 1_000;

export async function fleetReport(deps: Dependencies, watch: SeriesWatch, name: string): Promise<Result<FleetReport>> {
  if (!deps.fleetNames.includes(name)) return unknownFleet(deps, name);
  const series = await watch.ask(name);
  const state = deps.fleets.state(name);
  const coverage: Coverage =
    series === null
      ? { kind: 'off' }
      : series.kind === 'gap'
        ? { kind: 'unknown', detail: series.detail }
        : { kind: 'known', match: matchSeries(state.nodes, series) };
  return ok({ state, newest: deps.history.newest(name), coverage });
}

/** For gauges: nothing is waited for. */
export function fleetCounts(deps: Dependencies, watch: SeriesWatch): readonly FleetCounts[] {
  return deps.fleetNames.map((fleet) => {
    const { nodes } = deps.fleets.state(fleet);
    const series = watch.glance(fleet);
    const uncovered = series?.kind === 'ok' ? uncoveredCount(matchSeries(nodes, series)) : null;
    return { fleet, ...countStandings(nodes, deps.history.newest(fleet)?.position ?? null), uncovered };
  });
}

export function findNode(state: FleetState, nodeId: string): Result<FleetNode> {
  const node = state.nodes.find((one) => one.nodeId === nodeId);
  if (node !== undefined) return ok(node);
  const names = state.nodes.slice(0, MAX_SUGGESTED).map((one) => one.nodeId);
  return fail('SERIN_NOT_FOUND', `fleet ${state.fleet} has no Envoy ${nodeId}.${didYouMean(nodeId, names)}`, {
    hint: 'List them with `serin fleet nodes`; one that left is forgotten after an hour.',
  });
}

export async function nodeDiff(deps: Dependencies, fleet: string, nodeId: string): Promise<Result<NodeDiff>> {
  if (!deps.fleetNames.includes(fleet)) return unknownFleet(deps, fleet);
  const found = findNode(deps.fleets.state(fleet), nodeId);
  if (found.kind === 'error') return found;
  const node = found.value;
  const read = fromStore(await deps.traffic.table(fleet));
  if (read.kind === 'error') return read;
  const table = read.value;
  const trial = table.trial?.probe === nodeId ? table.trial : null;
  const tried = trial === null ? null : trialResources(table);
  const wanted = tried?.kind === 'ok' ? tried : buildResources(table);
  if (wanted.kind === 'error') return wanted;
  const { clusters, endpoints, listeners, routes } = wanted.value;
  const lists: readonly (readonly [NodeType['type'], readonly object[]])[] = [
    ['cluster', clusters],
    ['endpoint', endpoints],
    ['listener', listeners],
    ['route', routes],
  ];
  // With clusters of its own an Envoy may ask for routes alone.
  const asked = lists.filter(([type]) => node.types.length === 0 || node.types.some((one) => one.type === type));
  const types = asked.map(([type, resources]) =>
    typeDiff(deps, fleet, node, table.position, type, resources as PlainResource[]),
  );
  return ok({ fleet, node, position: table.position, trial, types });
}

function typeDiff(
  { history }: Dependencies,
  fleet: string,
  node: FleetNode,
  newest: Position,
  type: NodeType['type'],
  wanted: readonly PlainResource[],
): TypeDiff {
  const acked = node.types.find((one) => one.type === type)?.acked ?? null;
  const exact = acked === null ? null : history.ofVersion(fleet, type, acked);
  // A version of a part (what one Envoy asked for, what changed) is none of the history's; then its revision tells.
  const at = positionOf(node, newest, type);
  const runs = exact ?? (at.kind === 'at' ? history.ofPosition(fleet, type, at.position, node.nodeId) : null);
  if (runs !== null) {
    const diff = diffResources(runs, wanted);
    return isEmptyDiff(diff) ? { type, kind: 'equal' } : { type, kind: 'differs', diff };
  }
  const unknown = (detail: string): TypeDiff => ({ type, kind: 'unknown', detail });
  if (at.kind === 'from')
    return unknown(
      `it had fleet revision ${at.position.n}, and has ACKed something since of which no revision is known`,
    );
  if (at.kind === 'none' && acked === null) return unknown('it has confirmed nothing yet on its present streams');
  const what = acked === null && at.kind === 'at' ? `fleet revision ${at.position.n}` : `version ${acked}`;
  return unknown(`it runs ${what}, which is older than what this engine remembers`);
}

type TypePosition =
  | { readonly kind: 'at'; readonly position: Position }
  /** This one or a later one: the node's credit is the least of its types. */
  | { readonly kind: 'from'; readonly position: Position }
  | { readonly kind: 'none' };

/** The fleet revision of one type on a node, as far as the ledger tells. */
function positionOf(node: FleetNode, newest: Position, type: NodeType['type']): TypePosition {
  if (type === 'route' && node.routes !== null) return { kind: 'at', position: node.routes };
  if (node.credited === null) return { kind: 'none' };
  const position = node.credited;
  const open = node.types.filter(({ sent, acked, nack }) => nack !== null || sent !== acked).map((one) => one.type);
  // Endpoints are none of what a credit counts.
  const known =
    type === 'endpoint'
      ? hasReached(position, newest) && !open.includes(type)
      : hasReached(position, newest) ||
        (open.includes(type) && open.every((one) => one === type || one === 'endpoint'));
  return { kind: known ? 'at' : 'from', position };
}

function unknownFleet({ fleetNames }: Dependencies, name: string): Result<never> {
  const message = `there is no fleet ${name}.${didYouMean(name, fleetNames)}`;
  return fail('SERIN_NOT_FOUND', message, { hint: 'List them with `serin fleet list`.' });
}
