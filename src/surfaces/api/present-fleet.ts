import { countStandings, lagOf, type NodeStanding, standingOf } from '../../core/fleet/node-standing.ts';
import type { FleetNode, NodeType } from '../../core/model/fleet-state.ts';
import type { FleetReport, NodeDiff } from '../../engine/engine.ts';
import type { FleetBody, NODE_FILTERS, NodeBody, NodeDiffBody } from './fleet-schemas.ts';
import { iso } from './present.ts';

const MAX_NAMES = 20;
/** Of one type's names, and of its fields. */
const MAX_DIFFERENCES = 200;

export function presentFleet({ state, newest, coverage }: FleetReport): FleetBody {
  const match = coverage.kind === 'known' ? coverage.match : null;
  return {
    fleet: state.fleet,
    revision: newest === null ? null : { epoch: newest.position.epoch, n: newest.position.n },
    complete: state.complete,
    observedSince: iso(state.observedSinceMs),
    nodes: {
      ...countStandings(state.nodes, newest?.position ?? null),
      uncovered: match === null ? null : match.withoutSeries.length,
    },
    trial: newest?.trial ? { by: newest.trial.by, node: newest.trial.probe, since: newest.trial.n } : null,
    coverage: {
      state: coverage.kind,
      detail: coverageDetail(coverage),
      withoutSeries: seen(match?.withoutSeries ?? []),
      withoutNode: seen(match?.withoutNode ?? []),
    },
  };
}

function seen(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, MAX_NAMES) };
}

/** What to look at comes with what is wrong. */
function coverageDetail(coverage: FleetReport['coverage']): string {
  switch (coverage.kind) {
    case 'off':
      return 'the fleet has no metrics configured (prometheus and fleets[].metrics)';
    case 'unknown':
      return coverage.detail;
    case 'known': {
      const { covered, withoutSeries, withoutNode, unnamed } = coverage.match;
      if (unnamed) return 'some series lack the label of fleets[].metrics.nodeLabel; Prometheus must set it per target';
      if (withoutSeries.length === 0 && withoutNode.length === 0) return 'every connected Envoy has fresh series';
      if (withoutSeries.length === 0)
        return 'Prometheus scrapes Envoys that never connected here; does the selector take in another fleet?';
      if (withoutNode.length === 0) return 'Envoys without fresh series: are they scraped, and does the selector fit?';
      const none = covered.size === 0 ? 'no name of an Envoy is one in Prometheus' : 'not all names agree';
      return `${none}: fleets[].metrics.nodeFrom must give what Prometheus has under nodeLabel`;
    }
  }
}

export function presentNode(node: FleetNode, { state, newest, coverage }: FleetReport): NodeBody {
  const position = newest?.position ?? null;
  const { credited, nack } = node;
  return {
    fleet: state.fleet,
    node: node.nodeId,
    state: standingOf(node, position),
    connected: node.connected,
    since: iso(node.changedAtMs),
    replicas: [...node.replicas],
    envoyVersion: node.envoyVersion,
    acked: credited?.n ?? null,
    ackedAt: credited === null ? null : iso(node.creditedAtMs),
    newest: position?.n ?? null,
    lag: lagOf(node, position),
    trial: newest?.trial?.probe === node.nodeId ? newest.trial.by : null,
    refused:
      nack === null ? null : { type: nack.type, message: nack.message, at: iso(nack.atMs), revision: nack.position.n },
    types: node.types.map(presentType),
    metricsName: node.metricsName,
    covered: coverage.kind === 'known' && node.connected ? coverage.match.covered.has(node.nodeId) : null,
  };
}

function presentType({ type, protocol, stream, sent, acked, nack }: NodeType): NodeBody['types'][number] {
  const settled = sent === null || sent === acked;
  return {
    type,
    protocol,
    stream,
    state: nack !== null ? 'refused' : settled ? 'ok' : 'waiting',
    sent,
    acked,
    refused: nack === null ? null : { version: nack.version, message: nack.message, at: iso(nack.atMs) },
  };
}

/** One page of a fleet's nodes, in order of their ids; `after` is the last id of the page before. */
export function presentNodes(
  report: FleetReport,
  page: { readonly state: (typeof NODE_FILTERS)[number] | null; readonly after: string | null; readonly limit: number },
): { nodes: NodeBody[]; cursor: string | null } {
  const { state: filter, after, limit } = page;
  const covered = report.coverage.kind === 'known' ? report.coverage.match.covered : null;
  const position = report.newest?.position ?? null;
  const wanted = report.state.nodes.filter((node) => {
    if (after !== null && node.nodeId <= after) return false;
    if (filter === null) return true;
    if (filter === 'connected') return node.connected;
    // Where nobody knows, nobody is said to be uncovered.
    if (filter === 'uncovered') return node.connected && covered !== null && !covered.has(node.nodeId);
    const standing: NodeStanding = standingOf(node, position);
    return standing === filter || (filter === 'behind' && standing === 'refused');
  });
  const shown = wanted.slice(0, limit);
  return {
    nodes: shown.map((node) => presentNode(node, report)),
    cursor: wanted.length > limit ? (shown.at(-1)?.nodeId ?? null) : null,
  };
}

export function presentDiff({ fleet, node, position, trial, types }: NodeDiff): NodeDiffBody {
  return {
    fleet,
    node: node.nodeId,
    acked: node.credited?.n ?? null,
    newest: position.n,
    equal: types.every(({ kind }) => kind === 'equal'),
    trial: trial === null ? null : { by: trial.by, since: trial.n },
    types: types.map(presentTypeDiff),
  };
}

function presentTypeDiff(one: NodeDiff['types'][number]): NodeDiffBody['types'][number] {
  const { type, kind } = one;
  const none = { type, state: kind, added: [], removed: [], changed: [], more: 0 };
  if (one.kind === 'equal') return { ...none, detail: 'as the records say' };
  if (one.kind === 'unknown') return { ...none, detail: one.detail };
  const { added, removed, changed } = one.diff;
  let left = MAX_DIFFERENCES;
  const shown = changed.slice(0, MAX_DIFFERENCES).map(({ name, fields }) => {
    const some = fields.slice(0, left).map((field) => ({ ...field }));
    left -= some.length;
    return { name, fields: some };
  });
  const all = added.length + removed.length + changed.reduce((sum, { fields }) => sum + fields.length, 0);
  const result = { ...none, added: added.slice(0, MAX_DIFFERENCES), removed: removed.slice(0, MAX_DIFFERENCES) };
  const listed = result.added.length + result.removed.length + (MAX_DIFFERENCES - left);
  return {
    ...result,
    changed: shown.filter(({ fields }) => fields.length > 0),
    more: all - listed,
    detail: [
      added.length > 0 ? `lacks ${added.length}` : '',
      removed.length > 0 ? `has ${removed.length} too many` : '',
      changed.length > 0 ? `has ${changed.length} in an older form` : '',
    ]
      .filter((part) => part !== '')
      .join(', '),
  };
}
