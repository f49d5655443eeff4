import { freezeSummary } from '../core/model/freeze.ts';
import { nameSome } from '../core/model/name-some.ts';
import { canWorkWith } from '../core/model/schema.ts';
import type { ReadinessCheck } from './engine.ts';
import type { Clock } from './ports/clock.ts';
import type { DueSet } from './ports/store.ts';
import type { StoreArchive } from './ports/store-archive.ts';
import type { StoreLineage } from './ports/store-lineage.ts';

/** Due work that waits for longer is nobody's. */
const OVERDUE_MS = 30_000;

/** Ready also while it is frozen: a person needs the API to decide. */
export async function storeCheck(lineage: Pick<StoreLineage, 'look'>): Promise<ReadinessCheck> {
  const check = { name: 'store', roles: ['api', 'scheduler'] } as const;
  const looked = await lineage.look();
  if (looked.kind !== 'ok') return { ...check, ok: false, detail: looked.kind };
  const { frozen } = looked.value;
  return { ...check, ok: true, detail: frozen === null ? 'answers' : `frozen: ${freezeSummary(frozen)}` };
}

/**
 * Ready beside a newer replica: what that alone understands is left alone, and the rest goes on. Where the store as a
 * whole is beyond this version nothing can be done here.
 */
export async function schemaCheck(
  { shapes, schema }: Pick<StoreArchive, 'shapes' | 'schema'>,
  left: readonly string[],
): Promise<ReadinessCheck> {
  const check = { name: 'schema', roles: ['api', 'scheduler'] } as const;
  const read = await schema();
  if (read.kind !== 'ok') return { ...check, ok: false, detail: read.kind };
  const own = shapes.schema.version;
  const { version, reader } = read.value;
  if (!canWorkWith(read.value, shapes)) {
    const detail = `the store needs a Serin of schema version ${reader} or newer, this one is of ${own} and changes nothing`;
    return { ...check, ok: false, detail };
  }
  if (version <= own && left.length === 0) return { ...check, ok: true, detail: `version ${own}` };
  const named = left.length === 0 ? 'none met so far' : nameSome(left);
  const detail = `the store is of schema version ${version}, this Serin of ${own}; records that need a newer one are left alone (${named})`;
  return { ...check, ok: true, detail };
}

export async function dueCheck(due: Pick<DueSet, 'next'>, clock: Pick<Clock, 'now'>): Promise<ReadinessCheck> {
  const check = { name: 'due', roles: ['scheduler'] } as const;
  const next = await due.next();
  if (next.kind !== 'ok') return { ...check, ok: false, detail: next.kind };
  const lateMs = next.value === null ? 0 : clock.now() - next.value;
  if (lateMs <= OVERDUE_MS) return { ...check, ok: true, detail: 'due work is taken' };
  // Ready all the same: a replica without its API would leave nobody who can go back.
  return { ...check, ok: true, detail: `work has been due for ${Math.round(lateMs / 1000)} s` };
}
