import type { z } from 'zod';
import type { BackendState } from '../core/model/backend-state.ts';
import { isTerminal } from '../core/model/phase.ts';
import { canWorkWith, migrate } from '../core/model/schema.ts';
import { BackendStateRecord, DocumentRecord } from '../core/model/stored.ts';
import { isOwner, StoredTraffic, StoredTrial } from '../core/model/stored-traffic.ts';
import { isSubject } from '../core/model/subject.ts';
import type { FleetTable, OwnerTraffic, TrafficOwner, Trial } from '../core/model/traffic.ts';
import type { Rollout } from '../core/rollout/rollout.ts';
import { RolloutRecord } from '../core/rollout/rollout-record.ts';
import { StoredEvent, StoredNotice } from '../core/rollout/stored-event.ts';
import { buildResources } from '../core/traffic/build-resources.ts';
import { withTrial } from '../core/traffic/with-trial.ts';
import type { ArchiveLine, Damage, StoreDump } from './ports/store-archive.ts';

type LineOf<K extends ArchiveLine['kind']> = Extract<ArchiveLine, { readonly kind: K }>;

/** All that is wrong with a store: empty when Serin can work with every part of it. */
export function verifyStore(dump: StoreDump): readonly Damage[] {
  if (!canWorkWith(dump.schema)) {
    return [{ where: 'schema', detail: `version ${dump.schema.version} is newer than this Serin knows` }];
  }
  const damage: Damage[] = [...dump.damage];
  const say = (where: string, detail: string) => void damage.push({ where, detail });
  const rollouts = new Map<string, Rollout>();
  const backends = new Map<string, BackendState>();
  for (const line of dump.lines) {
    switch (line.kind) {
      case 'record':
        record(line, dump.schema.version, { rollouts, backends }, say);
        break;
      case 'fleet':
        table(line, dump.epoch ?? '', say);
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
      case 'due':
        if (!isSubject(line.subject)) say('due', `${line.subject} is no subject`);
        break;
    }
  }
  owners(rollouts, backends, say);
  dueTimes(dump.lines, rollouts, backends, say);
  return damage;
}

type Say = (where: string, detail: string) => void;
interface Known {
  readonly rollouts: Map<string, Rollout>;
  readonly backends: Map<string, BackendState>;
}

function record({ key, body }: LineOf<'record'>, from: number, known: Known, say: Say): void {
  const where = `record:${key}`;
  const [family = '', ...rest] = key.split('/');
  const name = rest.join('/');
  const value = migrate(key, body, from);
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
    case 'fence':
      break;
    default:
      say(where, 'is of no kind that Serin knows');
  }
}

function table({ fleet, n, owners: cells, trial }: LineOf<'fleet'>, epoch: string, say: Say): void {
  const where = `traffic:${fleet}`;
  const values = new Map<TrafficOwner, { readonly n: number; readonly value: OwnerTraffic }>();
  for (const { owner, n: since, value } of cells) {
    if (!isOwner(owner)) say(where, `${owner} is no owner`);
    else if (since > n) say(where, `${owner} is of revision ${since}, the table of ${n}`);
    else {
      const parsed = shape(StoredTraffic, value, `${where}, ${owner}`, say);
      if (parsed === null) return;
      values.set(owner, { n: since, value: parsed as unknown as OwnerTraffic });
    }
  }
  const whole: FleetTable = { fleet, position: { epoch, n }, trial: null, owners: values };
  const tried = trial === null ? null : shape(StoredTrial, trial.value, `${where}, trial`, say);
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
function owners(rollouts: Known['rollouts'], backends: Known['backends'], say: Say): void {
  for (const [name, { rolloutId }] of backends) {
    if (rolloutId === null) continue;
    const rollout = rollouts.get(rolloutId);
    if (rollout === undefined) say(`record:backend/${name}`, `its rollout ${rolloutId} is not there`);
    else if (isTerminal(rollout.phase)) say(`record:backend/${name}`, `its rollout ${rolloutId} has ended`);
    else if (rollout.backend !== name) say(`record:backend/${name}`, `rollout ${rolloutId} is of ${rollout.backend}`);
  }
  for (const [id, { phase, backend }] of rollouts) {
    if (!isTerminal(phase) && backends.get(backend)?.rolloutId !== id) {
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
