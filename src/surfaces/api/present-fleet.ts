import { agreement, uncoveredCount } from '../../core/fleet/match-series.ts';
import { countStandings, lagOf, type NodeStanding, standingOf } from '../../core/fleet/node-standing.ts';
import type { FleetNode, NodeType } from '../../core/model/fleet-state.ts';
import type { FleetReport, NodeDiff } from '../../engine/engine.ts';
import { coverageDetail } from './coverage-detail.ts';
import type { FleetBody, NODE_FILTERS, NodeBody, NodeDiffBody } from './fleet-schemas.ts';
import { iso } from './present.ts';

const MAX_NAMES = 20;
/** Of one type's names, and of its fields. */
const MAX_DIFFERENCES = 200;

export function presentFleet(report: FleetReport): FleetBody {
  const { state, newest, coverage } = report;
  const match = coverage.kind === 'known' ? coverage.match : null;
  return {
    fleet: state.fleet,
    revision: newest === null ? null : { epoch: newest.position.epoch, n: newest.position.n },
    complete: state.complete,
    observedSince: iso(state.observedSinceMs),
    nodes: {
      ...countStandings(state.nodes, newest?.position ?? null),
      uncovered: match === null ? null : uncoveredCount(match),
    },
    trial: newest?.trial ? { by: newest.trial.by, node: newest.trial.probe, since: newest.trial.n } : null,
    coverage: {
      state: coverage.kind,
      detail: coverageDetail(report),
      agrees: match === null ? null : agreement(match, state.complete),
      withoutSeries: seen(match?.withoutSeries ?? []),
      withoutNode: seen(match?.withoutNode ?? []),
      shared: {
        count: match?.shared.length ?? 0,
        series: (match?.shared ?? []).slice(0, MAX_NAMES).map(({ name, nodes }) => ({ name, nodes: seen(nodes) })),
      },
    },
  };
}

type Seen = FleetBody['coverage']['withoutNode'];

function seen(names: readonly string[]): Seen {
  return { count: names.length, names: names.slice(0, MAX_NAMES) };
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
    sharesSeriesWith: sharers(node, coverage),
  };
}

function sharers({ nodeId, connected, metricsName }: FleetNode, coverage: FleetReport['coverage']): Seen {
  const shared = coverage.kind === 'known' && connected ? coverage.match.shared : [];
  const nodes = shared.find(({ name }) => name === metricsName)?.nodes ?? [];
  const others = nodes.slice(0, MAX_NAMES + 1).filter((other) => other !== nodeId);
  return { count: Math.max(0, nodes.length - 1), names: others.slice(0, MAX_NAMES) };
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
