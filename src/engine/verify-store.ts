import type { z } from 'zod';
import { VerdictSeries } from '../core/analysis/verdict-series.ts';
import { StoredAuditEntry } from '../core/model/audit.ts';
import type { BackendState } from '../core/model/backend-state.ts';
import { isTerminal } from '../core/model/phase.ts';
import { canWorkWith, leftAlone, parseStamp, SHAPES, type Shapes } from '../core/model/schema.ts';
import { BackendStateRecord, DocumentRecord } from '../core/model/stored.ts';
import { isOwner, StoredTraffic, StoredTrial } from '../core/model/stored-traffic.ts';
import { isSubject } from '../core/model/subject.ts';
import type { FleetTable, OwnerTraffic, TrafficOwner, Trial } from '../core/model/traffic.ts';
import { Decision } from '../core/replay/decision.ts';
import { BreakerRecord } from '../core/rollout/breaker.ts';
import { backendNames, backendsOf } from '../core/rollout/joint.ts';
import { JudgementRecord } from '../core/rollout/judgement.ts';
import { isQueued } from '../core/rollout/queued.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { RolloutRecord } from '../core/rollout/rollout-record.ts';
import { StoredEvent, StoredNotice } from '../core/rollout/stored-event.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import { withTrial } from '../core/traffic/with-trial.ts';
import type { ArchiveLine, Damage, StoreDump } from './ports/store-archive.ts';
import { migrated } from './store-export.ts';

type LineOf<K extends ArchiveLine['kind']> = Extract<ArchiveLine, { readonly kind: K }>;

/** All that is wrong with a store: empty when Serin can work with every part of it. */
export function verifyStore(dump: StoreDump, shapes: Shapes = SHAPES): readonly Damage[] {
  if (!canWorkWith(dump.schema, shapes)) {
    return [{ where: 'schema', detail: `version ${dump.schema.version} is newer than this Serin knows` }];
  }
  const damage: Damage[] = [...dump.damage];
  const say = (where: string, detail: string) => void damage.push({ where, detail });
  const rollouts = new Map<string, Rollout>();
  const backends = new Map<string, BackendState>();
  const judged: string[] = [];
  const known = { rollouts, backends, judged, left: new Set<string>() };
  for (const line of dump.lines) {
    switch (line.kind) {
      case 'record':
        record(line, shapes, known, say);
        break;
      case 'fleet':
        table(line, dump.epoch ?? '', shapes, say);
        break;
      case 'notice':
        shape(StoredNotice, line.notice, `outbox:${line.queue}`, say);
        break;
      case 'dead':
        shape(StoredNotice, line.notice, 'dead', say);
        break;
      case 'event':
        shape(StoredEvent, line.event, `events:${line.rolloutId}, ${line.id}`, say);
        break;
      case 'decision':
        shape(Decision, line.decision, `decisions:${line.rolloutId}`, say);
        break;
      case 'audit':
        shape(StoredAuditEntry, line.entry, `audit, ${line.id}`, say);
        break;
      case 'due':
        if (!isSubject(line.subject)) say('due', `${line.subject} is no subject`);
        break;
    }
  }
  owners(known, say);
  for (const id of judged) {
    if (!rollouts.has(id) && !known.left.has(`rollout/${id}`)) say(`record:judge/${id}`, 'its rollout is not there');
  }
  dueTimes(dump.lines, rollouts, backends, say);
  return damage;
}

type Say = (where: string, detail: string) => void;
interface Known {
  readonly rollouts: Map<string, Rollout>;
  readonly backends: Map<string, BackendState>;
  readonly judged: string[];
  /** Records that only a newer version reads. */
  readonly left: Set<string>;
}

function record({ key, body, schema }: LineOf<'record'>, shapes: Shapes, known: Known, say: Say): void {
  const where = `record:${key}`;
  const stamp = parseStamp(schema ?? '');
  if (stamp === null) {
    say(where, 'its version is none');
    return;
  }
  if (leftAlone(key, stamp, shapes) !== null) {
    known.left.add(key);
    return;
  }
  const [family = '', ...rest] = key.split('/');
  const name = rest.join('/');
  const value = shapes.migrate(key, body, stamp.version);
  const named = (actual: string) => {
    if (actual !== name) say(where, `holds ${actual}`);
  };
  switch (family) {
    case 'document': {
      const parsed = shape(DocumentRecord, value, where, say);
      if (parsed !== null) named(`${parsed.document.kind}/${parsed.document.name}`);
      break;
    }
    case 'backend': {
      const parsed = shape(BackendStateRecord, value, where, say);
      if (parsed !== null) known.backends.set(name, parsed);
      if (parsed !== null) named(parsed.backend);
      break;
    }
    case 'rollout': {
      const parsed = shape(RolloutRecord, value, where, say);
      if (parsed !== null) known.rollouts.set(name, parsed);
      if (parsed !== null) named(parsed.id);
      break;
    }
    case 'judge':
      shape(JudgementRecord, value, where, say);
      known.judged.push(name);
      break;
    case 'verdicts':
      shape(VerdictSeries, value, where, say);
      known.judged.push(name);
      break;
    case 'breaker':
      shape(BreakerRecord, value, where, say);
      break;
    case 'fence':
      break;
    default:
      say(where, 'is of no kind that Serin knows');
  }
}

function table({ fleet, n, owners: cells, trial }: LineOf<'fleet'>, epoch: string, shapes: Shapes, say: Say): void {
  const where = `traffic:${fleet}`;
  const values = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
  const stamps = [...cells, ...(trial === null ? [] : [trial])].map(({ schema = '' }) => parseStamp(schema));
  // What the rest of it means depends on what is not understood.
  if (stamps.some((stamp) => stamp !== null && leftAlone(where, stamp, shapes) !== null)) return;
  for (const { owner, n: since, value, schema } of cells) {
    if (!isOwner(owner)) say(where, `${owner} is no owner`);
    else if (since > n) say(where, `${owner} is of revision ${since}, the table of ${n}`);
    else {
      const parsed = shape(
        StoredTraffic,
        migrated(`traffic/${owner}`, value, schema, shapes),
        `${where}, ${owner}`,
        say,
      );
      if (parsed === null) return;
      values.set(owner, { n: since, value: parsed as unknown as OwnerTraffic });
    }
  }
  const whole: FleetTable = { fleet, position: { epoch, n }, trial: null, owners: values };
  const tried =
    trial === null
      ? null
      : shape(StoredTrial, migrated(`trial/${trial.by}`, trial.value, trial.schema, shapes), `${where}, trial`, say);
  const tables = tried === null ? [whole] : [whole, withTrial(whole, tried as unknown as Trial)];
  for (const one of tables) {
    const built = attempt(() => buildResources(one));
    if (built === null) say(where, 'cannot be built');
    else if (built.kind === 'error') for (const { message } of built.errors) say(where, message);
  }
}

/** Values are stored loosely, so what is built of them may meet anything. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

/** A backend and its one active rollout name each other. */
function owners({ rollouts, backends, left }: Known, say: Say): void {
  for (const [name, { rolloutId }] of backends) {
    if (rolloutId === null || left.has(`rollout/${rolloutId}`)) continue;
    const rollout = rollouts.get(rolloutId);
    if (rollout === undefined) say(`record:backend/${name}`, `its rollout ${rolloutId} is not there`);
    else if (isTerminal(rollout.phase)) say(`record:backend/${name}`, `its rollout ${rolloutId} has ended`);
    else if (!backendsOf(rollout).includes(name)) {
      say(`record:backend/${name}`, `rollout ${rolloutId} is of ${backendNames(rollout)}`);
    }
  }
  for (const [name, { next }] of backends) {
    if (next == null || left.has(`rollout/${next}`)) continue;
    const rollout = rollouts.get(next);
    const waits = rollout !== undefined && isQueued(rollout) && rollout.backend === name;
    if (!waits) say(`record:backend/${name}`, `rollout ${next}, which is to be the next, does not wait for it`);
  }
  for (const [id, rollout] of rollouts) {
    if (isTerminal(rollout.phase)) continue;
    for (const backend of backendsOf(rollout)) {
      if (left.has(`backend/${backend}`)) continue;
      const state = backends.get(backend);
      if ((isQueued(rollout) ? state?.next : state?.rolloutId) === id) continue;
      say(`record:rollout/${id}`, `is active, but backend ${backend} does not name it`);
    }
  }
}

/** What is never due is never looked at again. */
function dueTimes(
  lines: readonly ArchiveLine[],
  rollouts: Known['rollouts'],
  backends: Known['backends'],
  say: Say,
): void {
  const due = new Set(lines.flatMap((line) => (line.kind === 'due' ? [line.subject] : [])));
  const wanted = [
    ...[...rollouts].flatMap(([id, { phase }]) => (isTerminal(phase) ? [] : [`rollout/${id}`])),
    ...[...backends].flatMap(([name, { retired }]) => (retired.length === 0 ? [] : [`backend/${name}`])),
    ...lines.flatMap((line) => (line.kind === 'notice' ? [`outbox/${line.queue}`] : [])),
  ];
  for (const subject of new Set(wanted)) if (!due.has(subject)) say('due', `${subject} is missing`);
}

function shape<T>(schema: z.ZodType<T>, value: unknown, where: string, say: Say): T | null {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  say(where, issue === undefined ? 'does not fit' : `${issue.path.join('.')}: ${issue.message}`);
  return null;
}
