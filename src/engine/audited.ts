import type { AuditCommand, AuditEntry } from '../core/model/audit.ts';
import type { Result } from '../core/model/errors.ts';
import { nameSome } from '../core/model/name-some.ts';
import { PROMOTED_BY_HAND } from '../core/rollout/jump.ts';
import type { JumpRecord } from '../core/rollout/rollout.ts';
import type { AppliedDocument, Engine, RolloutCommand } from './engine.ts';
import { fromStore } from './load.ts';
import type { Clock } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { AuditLog } from './ports/store.ts';

export interface AuditDependencies {
  readonly audit: AuditLog;
  readonly clock: Pick<Clock, 'now'>;
  readonly newId: () => string;
  readonly logger: Logger;
}

type What = Pick<AuditEntry, 'by' | 'command' | 'target' | 'detail'>;

const MAX_DETAIL = 500;

/**
 * Every command leaves a line before it is carried out and one after, so that one which the engine did not live to answer
 * is seen as well. A log that cannot be written stops nobody: a way back must not wait for it.
 */
export function audited(engine: Omit<Engine, 'audit'>, deps: AuditDependencies): Engine {
  const { audit, clock, newId, logger } = deps;
  const write = async (line: Omit<AuditEntry, 'atMs'>): Promise<void> => {
    const entry = { ...line, detail: line.detail.slice(0, MAX_DETAIL), atMs: clock.now() };
    const done = await audit.append(entry);
    if (done.kind !== 'ok') logger.warn('a line of the audit log was not written', { ...entry, why: done.kind });
  };
  const record = async <T>(
    asked: What,
    run: () => Promise<Result<T>>,
    more: (value: T) => Partial<What> = () => ({}),
  ): Promise<Result<T>> => {
    const id = newId();
    // Not waited for: it goes out before the commit, over the same connection.
    void write({ ...asked, id, stage: 'asked', result: null });
    const result = await run();
    const outcome = result.kind === 'ok' ? 'done' : (result.errors[0]?.code ?? 'SERIN_INTERNAL');
    const known = result.kind === 'ok' ? more(result.value) : {};
    await write({ ...asked, ...known, id, stage: 'answered', result: outcome });
    return result;
  };
  const what = (by: string, command: AuditCommand, target: string, detail = ''): What => {
    return { by, command, target, detail };
  };
  return {
    ...engine,
    apply: (request) => {
      if (request.dryRun) return engine.apply(request);
      const files = nameSome(request.files.map(({ file }) => file));
      return record(
        what(request.by, 'apply', 'documents', files),
        () => engine.apply(request),
        (documents) => ({ detail: changedOf(documents) }),
      );
    },
    remove: (request) =>
      record(what(request.by, 'delete', `${request.kind}/${request.name}`), () => engine.remove(request)),
    start: (request) =>
      record(
        what(request.by, 'start', `Plan/${request.plan}`, `plan ${request.plan}, revision ${revisionsOf(request)}`),
        () => engine.start(request),
        ({ view }) => ({ target: `rollout/${view.rollout.id}` }),
      ),
    setEndpoints: (request) => {
      const { by, backend, revision, endpoints } = request;
      const detail = `revision ${revision}: ${nameSome(endpoints) || 'none'}`;
      return record(what(by, 'endpoints', `Backend/${backend}`, detail), () => engine.setEndpoints(request));
    },
    undo: (request) =>
      record(
        what(request.by, 'undo', request.of, request.reason),
        () => engine.undo(request),
        ({ view }) => ({ target: `rollout/${view.rollout.id}` }),
      ),
    command: (request) =>
      record(
        what(request.by, request.command.type, `rollout/${request.id}`, detailOf(request.command)),
        () => engine.command(request),
        ({ rollout }) => leftOut(request.command, rollout.jumps?.at(-1)),
      ),
    reconcileStore: (request) =>
      record(
        what(request.by, 'reconcile', 'store', request.mode),
        () => engine.reconcileStore(request),
        ({ mode, replayed }) => (replayed === null ? {} : { detail: `${mode} ${replayed.from} to ${replayed.to}` }),
      ),
    audit: async (page) => fromStore(await audit.read(page)),
  };
}

function detailOf(command: RolloutCommand): string {
  switch (command.type) {
    case 'approve':
      return command.hook === undefined
        ? gateText(command)
        : `hook ${command.hook}, ${gateText(command)}: ${command.reason ?? ''}`;
    case 'skip':
    case 'jump': {
      const to = command.type === 'jump' ? `to ${command.to}, ` : '';
      return `${to}from ${gateText(command)}${command.force === true ? ', forced' : ''}: ${command.reason}`;
    }
    default:
      return 'reason' in command ? command.reason : '';
  }
}

function gateText({ gate }: { readonly gate: { readonly step: number; readonly attempt: number } }): string {
  return `gate ${gate.step}/${gate.attempt}`;
}

/** That somebody went on without evidence must be found where people look for who did what. */
function leftOut(command: RolloutCommand, last: JumpRecord | undefined): Partial<What> {
  const isJump = command.type === 'skip' || command.type === 'jump';
  const isPromotion = command.type === 'promote' && last?.reason === PROMOTED_BY_HAND;
  if (last === undefined || last.gates.length === 0 || (!isJump && !isPromotion)) return {};
  const own = detailOf(command);
  return { detail: `${own === '' ? '' : `${own}; `}not passed: ${last.gates.join(', ')}` };
}

function changedOf(documents: readonly AppliedDocument[]): string {
  const changed = documents.filter(({ action }) => action !== 'unchanged');
  const begun = documents.flatMap(({ revision }) => (revision?.outcome === 'started' ? [revision.message] : []));
  const all = [...changed.map(({ kind, name, action }) => `${action} ${kind} ${name}`), ...begun];
  return nameSome(all) || 'nothing changed';
}

function revisionsOf({ revision, backends = {} }: Parameters<Engine['start']>[0]): string {
  const own = Object.entries(backends).flatMap(([name, one]) =>
    one.revision === undefined ? [] : [`${one.revision} of ${name}`],
  );
  return [...(revision === null ? [] : [revision]), ...own].join(', ');
}
