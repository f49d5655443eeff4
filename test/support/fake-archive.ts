import type { Shapes } from '../../src/core/model/schema.ts';
import type { OwnerTraffic, TrafficOwner } from '../../src/core/model/traffic.ts';
import { activePhaseOf } from '../../src/core/rollout/active-phase.ts';
import type { Notice } from '../../src/core/rollout/event.ts';
import type { Subject } from '../../src/engine/ports/store.ts';
import type { ArchiveLine, Damage, StoreArchive } from '../../src/engine/ports/store-archive.ts';
import type { State } from './fake-store.ts';

const DOWN = { kind: 'unavailable', detail: 'the fake store is down' } as const;

/** The fake store as a whole. */
export function fakeArchive(s: State, shapes: Shapes): StoreArchive {
  return {
    shapes,
    schema: async () => (s.down ? DOWN : { kind: 'ok', value: s.schema }),
    raiseSchema: async (schema) => {
      if (s.down) return DOWN;
      if (schema.version > s.schema.version) s.schema = schema;
      return { kind: 'ok', value: 'done' };
    },
    dump: async () => {
      if (s.down) return DOWN;
      const { lines, damage } = linesOf(s);
      const empty = s.commits === 0 && lines.length === 0;
      const epoch = empty ? null : s.epoch;
      return { kind: 'ok', value: { schema: s.schema, epoch, takenAtMs: s.clock.now(), lines, damage } };
    },
    load: async (lines, { replace }) => {
      if (s.down) return DOWN;
      const used = s.entries.size + s.fleets.size > 0 || s.history.frozen !== null;
      if (used && !replace) return { kind: 'not empty' };
      for (const part of [s.entries, s.gone, s.events, s.decisions, s.queues, s.due, s.fleets, s.active]) part.clear();
      s.leases.clear();
      s.history.journal.clear();
      s.history.successors.clear();
      Object.assign(s.history, { n: 0, hash: '', frozen: null });
      s.dead.length = 0;
      for (const line of lines) fill(s, line);
      s.schema = shapes.schema;
      s.commits += 1;
      s.epoch = `${s.epoch}+`;
      return { kind: 'loaded', epoch: s.epoch };
    },
  };
}

function linesOf(s: State): { readonly lines: ArchiveLine[]; readonly damage: Damage[] } {
  const lines: ArchiveLine[] = [];
  const damage: Damage[] = [];
  for (const [key, { rev, order, body, schema }] of s.entries) {
    const stamp = schema === undefined ? {} : { schema };
    try {
      lines.push({ kind: 'record', key, rev, order, body: JSON.parse(body) as unknown, ...stamp });
    } catch {
      damage.push({ where: `record:${key}`, detail: 'the body is not JSON' });
    }
  }
  for (const [fleet, { n, owners, trial }] of s.fleets) {
    const cellOf = ({ n: at, value, schema }: { n: number; value: string; schema?: string }) => ({
      n: at,
      value: JSON.parse(value) as unknown,
      ...(schema === undefined ? {} : { schema }),
    });
    const cells = [...owners].map(([owner, cell]) => ({ owner, ...cellOf(cell) }));
    const tried = trial === null ? null : { by: trial.by, ...cellOf(trial) };
    lines.push({ kind: 'fleet', fleet, n, owners: cells, trial: tried });
  }
  for (const [subject, atMs] of s.due) lines.push({ kind: 'due', subject, atMs });
  for (const [queue, { entries }] of s.queues) {
    for (const notice of entries) lines.push({ kind: 'notice', queue, notice });
  }
  for (const { queue, detail, notice } of s.dead) lines.push({ kind: 'dead', queue, detail, notice });
  for (const [rolloutId, events] of s.events) {
    for (const { id, event } of events) {
      lines.push({ kind: 'event', rolloutId, id, event: JSON.parse(event) as unknown });
    }
  }
  for (const [rolloutId, rows] of s.decisions) {
    for (const { run, looks, rev, text } of rows) {
      lines.push({ kind: 'decision', rolloutId, run, looks, rev, decision: JSON.parse(text) as unknown });
    }
  }
  for (const { seq, addedMs, entry } of s.audit) {
    lines.push({ kind: 'audit', id: `${addedMs}-${seq}`, entry: JSON.parse(entry) as unknown });
  }
  return { lines, damage };
}

function keepCount(s: State, key: string, body: unknown): void {
  const phase = activePhaseOf(key, body);
  if (phase !== null) s.active.set(key.slice('rollout/'.length), { phase, evidenceAtMs: null, blind: false });
}

function fill(s: State, line: ArchiveLine): void {
  switch (line.kind) {
    case 'record':
      s.entries.set(line.key, {
        ...{ rev: line.rev, body: JSON.stringify(line.body), order: line.order },
        ...(line.schema === undefined ? {} : { schema: line.schema }),
      });
      s.order = Math.max(s.order, line.order);
      keepCount(s, line.key, line.body);
      break;
    case 'fleet': {
      const owners = new Map(
        line.owners.map(({ owner, ...cell }) => [
          owner as TrafficOwner,
          { ...cell, value: JSON.stringify(cell.value as OwnerTraffic) },
        ]),
      );
      const { trial } = line;
      const tried = trial === null ? null : { ...trial, value: JSON.stringify(trial.value) };
      s.fleets.set(line.fleet, { n: line.n, owners, trial: tried });
      break;
    }
    case 'due':
      s.due.set(line.subject as Subject, line.atMs);
      break;
    case 'notice': {
      const queue = s.queues.get(line.queue) ?? { sinceMs: (line.notice as Notice).atMs, entries: [], attempts: null };
      queue.entries.push(line.notice as Notice);
      s.queues.set(line.queue, queue);
      break;
    }
    case 'dead':
      s.dead.push({ queue: line.queue, detail: line.detail, notice: line.notice as Notice });
      break;
    case 'event': {
      const known = s.events.get(line.rolloutId) ?? [];
      known.push({ id: line.id, seq: (known.at(-1)?.seq ?? 0) + 1, event: JSON.stringify(line.event) });
      s.events.set(line.rolloutId, known);
      break;
    }
    case 'audit': {
      const [addedMs = 0, seq = 0] = line.id.split('-').map(Number);
      const entry = JSON.stringify(line.entry);
      if (s.audit.some((own) => own.addedMs === addedMs && own.entry === entry)) break;
      s.audit.push({ seq, addedMs, entry });
      s.audit.sort((a, b) => a.addedMs - b.addedMs || a.seq - b.seq);
      break;
    }
    case 'decision': {
      const { rolloutId, run, looks, rev, decision } = line;
      const rows = s.decisions.get(rolloutId) ?? [];
      s.decisions.set(rolloutId, [...rows, { run, looks, rev, text: JSON.stringify(decision) }]);
      break;
    }
  }
}
