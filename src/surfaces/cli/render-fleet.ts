import { counted } from '../../core/model/counted.ts';
import type { FleetBody, NodeBody, NodeDiffBody } from '../api/fleet-schemas.ts';
import { type Paint, table } from './render.ts';

/** Fleets and their Envoys as text for people. Pure, like `render.ts`. */
export function fleetTable(fleets: readonly FleetBody[], paint: Paint): string[] {
  const rows = fleets.map(({ fleet, revision, nodes, complete, coverage }) => [
    fleet,
    revision === null ? '-' : `${revision.epoch}/${revision.n}`,
    String(nodes.connected),
    marked(nodes.behind, paint.warn),
    marked(nodes.refused, paint.bad),
    marked(nodes.gone, paint.warn),
    complete ? 'complete' : paint.warn('incomplete'),
    nodes.uncovered === null
      ? coverage.state
      : `${nodes.connected - nodes.uncovered} of ${counted(nodes.connected, 'Envoy')} scraped`,
  ]);
  const head = ['FLEET', 'REVISION', 'CONNECTED', 'BEHIND', 'REFUSED', 'GONE', 'VIEW', 'METRICS'];
  return [...table([head, ...rows]), ...fleets.flatMap((one) => fleetNotes(one, paint))];
}

/** What deserves a look, below the table. */
export function fleetNotes({ fleet, trial, coverage, complete }: FleetBody, paint: Paint): string[] {
  const { withoutSeries, withoutNode, shared, detail, state, agrees } = coverage;
  const notes: string[] = [];
  if (!complete) notes.push(`${fleet}: a replica does not say what it knows; nothing advances until it does`);
  if (trial !== null)
    notes.push(`${fleet}: ${trial.node} tries out a change of ${trial.by} since revision ${trial.since}`);
  if (state === 'unknown') notes.push(`${fleet}: Prometheus does not say whom it scrapes: ${detail}`);
  if (withoutSeries.count > 0) notes.push(`${fleet}: not in Prometheus: ${some(withoutSeries)}`);
  if (withoutNode.count > 0) notes.push(`${fleet}: in Prometheus, but no Envoy of ours: ${some(withoutNode)}`);
  for (const { name, nodes } of shared.series) notes.push(`${fleet}: series ${name} is shared: ${some(nodes)}`);
  if (shared.count > shared.series.length)
    notes.push(`${fleet}: and ${shared.count - shared.series.length} more shared series`);
  if (agrees === false || withoutNode.count > 0) notes.push(`${fleet}: ${detail}`);
  return notes.map(paint.warn);
}

function some({ count, names }: FleetBody['coverage']['withoutNode']): string {
  return count > names.length ? `${names.join(', ')} and ${count - names.length} more` : names.join(', ');
}

export function nodeTable(nodes: readonly NodeBody[], nowMs: number, paint: Paint): string[] {
  const rows = nodes.map((node) => [
    node.node,
    node.fleet,
    node.replicas.join(',') || '-',
    node.envoyVersion ?? '-',
    standing(node, paint),
    ago(node.since, nowMs),
    revisionText(node),
    node.types.map((one) => (one.state === 'ok' ? one.type : `${one.type} ${typeState(one, paint)}`)).join(', ') || '-',
    metricsText(node, paint),
  ]);
  return table([['NODE', 'FLEET', 'REPLICA', 'ENVOY', 'STATE', 'SINCE', 'REVISION', 'TYPES', 'METRICS'], ...rows]);
}

export function nodeLines(node: NodeBody, nowMs: number, paint: Paint): string[] {
  const lines = [
    `${node.node} of fleet ${node.fleet}: ${standing(node, paint)}`,
    `  ${node.connected ? 'connected' : 'gone'} for ${ago(node.since, nowMs)}, since ${node.since}`,
    `  Envoy ${node.envoyVersion ?? 'of unknown version'}, at replica ${node.replicas.join(', ') || '-'}`,
    `  revision ${revisionText(node)}${node.ackedAt === null ? '' : `, ACKed ${node.ackedAt}`}`,
    `  metrics: ${metricsText(node, paint)}`,
  ];
  if (node.trial !== null) lines.push(paint.warn(`  tries out a change of ${node.trial}, before the others get it`));
  if (node.refused !== null && !node.types.some(({ refused }) => refused !== null)) {
    const { type, message, at, revision } = node.refused;
    lines.push(paint.bad(`  refuses ${type} of revision ${revision} since ${at}: ${message}`));
  }
  const rows = node.types.map((one) => [
    `  ${one.type}`,
    one.protocol,
    one.stream,
    typeState(one, paint),
    one.sent ?? '-',
    one.acked ?? '-',
  ]);
  if (rows.length > 0) lines.push(...table([['  TYPE', 'PROTOCOL', 'STREAM', 'STATE', 'SENT', 'ACKED'], ...rows]));
  for (const { type, refused } of node.types) {
    if (refused === null) continue;
    lines.push(paint.bad(`  refuses ${type} ${refused.version} since ${refused.at}: ${refused.message}`));
  }
  return lines;
}

export function diffLines(diff: NodeDiffBody, paint: Paint): string[] {
  const at = `revision ${diff.acked ?? '-'} of ${diff.newest}`;
  const verdict = diff.equal ? paint.good('runs what the records say') : paint.warn('differs from the records');
  const lines = [`${diff.node} of fleet ${diff.fleet}: ${verdict} (${at})`];
  if (diff.trial !== null) {
    const { by, since } = diff.trial;
    lines.push(paint.warn(`  it tries out a change of ${by} since revision ${since}; compared with that change in it`));
  }
  for (const { type, state, detail, added, removed, changed, more } of diff.types) {
    const word = state === 'equal' ? paint.good('equal') : paint.warn(state);
    lines.push(`  ${type}: ${word}${state === 'equal' ? '' : `, ${detail}`}`);
    for (const name of added) lines.push(paint.good(`    + ${name}`));
    for (const name of removed) lines.push(paint.bad(`    - ${name}`));
    for (const { name, fields } of changed) {
      lines.push(paint.warn(`    ~ ${name}`));
      for (const { path, from, to } of fields)
        lines.push(`        ${path}: ${from ?? '(nothing)'} → ${to ?? '(nothing)'}`);
    }
    if (more > 0) lines.push(paint.dim(`    and ${more} more`));
  }
  return lines;
}

function standing({ state }: NodeBody, paint: Paint): string {
  if (state === 'current') return paint.good(state);
  return state === 'refused' ? paint.bad(state) : paint.warn(state);
}

function typeState({ state, sent }: NodeBody['types'][number], paint: Paint): string {
  if (state === 'ok') return sent === null ? paint.dim('nothing sent') : paint.good('ok');
  return state === 'refused' ? paint.bad('refused') : paint.warn('sent, waiting');
}

function revisionText({ acked, newest, lag }: NodeBody): string {
  const behind = lag !== null && lag > 0 ? ` (${lag} behind)` : '';
  return `${acked ?? '-'} of ${newest ?? '-'}${behind}`;
}

function metricsText({ metricsName, covered, sharesSeriesWith }: NodeBody, paint: Paint): string {
  const name = metricsName ?? '(no name)';
  if (sharesSeriesWith.count > 0) return paint.warn(`${name}, shared with ${some(sharesSeriesWith)}`);
  return covered === false ? paint.warn(`${name}, not scraped`) : name;
}

function marked(count: number, mark: (text: string) => string): string {
  return count === 0 ? '0' : mark(String(count));
}

/** `3m`: one unit is enough to see what is old. A clock that differs a little shows as nothing. */
function ago(at: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(at)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
