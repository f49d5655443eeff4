import type { ReadinessCheck } from './engine.ts';
import type { Clock } from './ports/clock.ts';
import type { DueSet, RecordStore } from './ports/store.ts';

/** Due work that waits for longer is nobody's. */
const OVERDUE_MS = 30_000;

export async function storeCheck(records: Pick<RecordStore, 'time'>): Promise<ReadinessCheck> {
  const time = await records.time();
  const ok = time.kind === 'ok';
  return { name: 'store', roles: ['api', 'scheduler'], ok, detail: ok ? 'answers' : time.kind };
}

export async function dueCheck(due: Pick<DueSet, 'next'>, clock: Pick<Clock, 'now'>): Promise<ReadinessCheck> {
  const check = { name: 'due', roles: ['scheduler'] } as const;
  const next = await due.next();
  if (next.kind !== 'ok') return { ...check, ok: false, detail: next.kind };
  const lateMs = next.value === null ? 0 : clock.now() - next.value;
  if (lateMs <= OVERDUE_MS) return { ...check, ok: true, detail: 'due work is taken' };
  return { ...check, ok: false, detail: `work has been due for ${Math.round(lateMs / 1000)} s` };
}
