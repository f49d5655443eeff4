import { isOver } from '../core/rollout/aftercare.ts';
import { loadRollout } from './load.ts';
import type { Clock } from './ports/clock.ts';
import type { Logger } from './ports/logger.ts';
import type { AuditLog, CensusTaker, DueSet, RecordIndex, RecordKey, RecordStore, Subject } from './ports/store.ts';
import { EMPTY_COMMIT } from './publish.ts';

export interface Retention {
  /** A rollout that ended goes so long after its last change, ms. */
  readonly rolloutAgeMs: number;
  /** So many that ended are kept, the newest. */
  readonly rollouts: number;
  /** Lines of the audit log go after so long, ms, */
  readonly auditAgeMs: number;
  /** and so many are kept, the newest. */
  readonly auditEntries: number;
}

export interface RetentionDependencies {
  readonly records: RecordStore;
  readonly keys: RecordIndex;
  readonly counts: CensusTaker;
  readonly audit: Pick<AuditLog, 'trim'>;
  readonly due: Pick<DueSet, 'schedule'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Retention;
}

export const RETENTION_SUBJECT: Subject = 'sweep/retention';

const EVERY_MS = 3_600_000;
/** While there is more to do. */
const SOON_MS = 1_000;
/** Of one sweep: what is looked at, and what goes. */
const MAX_SEEN = 1_000;
const MAX_GONE = 100;
const PAGE = 100;

/** Written with each deletion: of two sweeps at once, which count the same excess, one ends. */
const FENCE: RecordKey = 'fence/retention';

/** Lets go of rollouts that ended, oldest first, with their events, and of old lines of the audit log. The due set gives it to one replica at a time. */
export async function sweepRetention(deps: RetentionDependencies): Promise<void> {
  const { audit, clock, settings } = deps;
  await audit.trim(clock.now() - settings.auditAgeMs, settings.auditEntries);
  const left = await sweep(deps);
  await deps.due.schedule(RETENTION_SUBJECT, clock.now() + (left === 'more' ? SOON_MS : EVERY_MS));
}

async function sweep(deps: RetentionDependencies): Promise<'more' | 'done'> {
  const { keys, counts, clock, logger, settings, records } = deps;
  const fence = await records.read([FENCE]);
  if (fence.kind !== 'ok') return 'done';
  const sweeping = { fenceRev: fence.value[0]?.rev ?? 0, gone: 0 };
  const endedBeforeMs = clock.now() - settings.rolloutAgeMs;
  let cursor: string | null = null;
  for (let seen = 0; seen < MAX_SEEN; seen += PAGE) {
    const page: Awaited<ReturnType<RecordIndex['oldest']>> = await keys.oldest('rollout/', { limit: PAGE, cursor });
    // Afterwards: one that begins in between counts as active at most, never as one too many.
    const census = await counts.census();
    if (page.kind !== 'ok' || census.kind !== 'ok') return 'done';
    let excess = page.value.total - sum(census.value.active.values()) - settings.rollouts;
    for (const key of page.value.keys) {
      if (sweeping.gone >= MAX_GONE) return 'more';
      const outcome = await letGo(deps, sweeping, key.slice('rollout/'.length), excess > 0 ? Infinity : endedBeforeMs);
      if (outcome === 'stop') return 'done';
      if (outcome === 'gone') excess -= 1;
    }
    cursor = page.value.cursor;
    if (cursor === null) break;
  }
  if (sweeping.gone > 0) logger.info('rollouts that ended long ago are gone', { rollouts: sweeping.gone });
  return 'done';
}

/** `stop`: those that follow are to be kept as well, or somebody else sweeps. */
async function letGo(
  { records, logger }: RetentionDependencies,
  sweeping: { fenceRev: number; gone: number },
  id: string,
  endedBeforeMs: number,
): Promise<'gone' | 'kept' | 'stop'> {
  const loaded = await loadRollout(records, id);
  if (loaded.kind === 'error') {
    logger.warn('a rollout cannot be read, so it stays', { rolloutId: id, detail: loaded.errors[0]?.message });
    return 'kept';
  }
  const { key, rev, body } = loaded.value;
  if (body === null) return 'kept';
  if (body.createdAtMs > endedBeforeMs) return 'stop';
  if (!isOver(body) || body.updatedAtMs > endedBeforeMs) return 'kept';
  const outcome = await records.commit({
    ...EMPTY_COMMIT,
    reads: [
      { key, rev },
      { key: FENCE, rev: sweeping.fenceRev },
    ],
    writes: [
      { key, body: null },
      { key: FENCE, body: {} },
    ],
    due: [{ subject: `rollout/${id}`, atMs: null }],
  });
  if (outcome.kind === 'unavailable' || (outcome.kind === 'conflict' && outcome.key === FENCE)) return 'stop';
  if (outcome.kind === 'conflict') return 'kept';
  sweeping.fenceRev = outcome.revs.get(FENCE) ?? 0;
  sweeping.gone += 1;
  return 'gone';
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, n) => total + n, 0);
}
