import type { Dependencies } from './dependencies.ts';
import { DOCUMENTS_FENCE, fromStore } from './load.ts';
import type { Commit, CommitOutcome, RecordKey, Subject } from './ports/store.ts';
import { commit, EMPTY_COMMIT } from './publish.ts';

/** One record as it was before an apply, with the traffic that goes with it. */
export interface Former {
  readonly key: RecordKey;
  readonly body: unknown;
  readonly traffic: Commit['traffic'];
  /** What the apply made due for it: what was refused before must not be started by that. */
  readonly due: readonly Subject[];
  /** Put back only while this record, too, is as the apply left it. */
  readonly with: RecordKey | null;
}

export type Undone =
  | { readonly kind: 'whole' }
  /** These records were changed by somebody since, and stay as they are now. */
  | { readonly kind: 'part'; readonly left: readonly RecordKey[] }
  | { readonly kind: 'not'; readonly detail: string };

const MAX_RACES = 20;

/**
 * Takes an apply back: every record that is still as the apply wrote it. What has moved on since (a rollout that
 * started, a newer apply) belongs to whoever moved it.
 */
export async function undoApply(
  deps: Dependencies,
  former: readonly Former[],
  written: Extract<CommitOutcome, { kind: 'committed' }>['revs'],
): Promise<Undone> {
  for (let race = 0; race < MAX_RACES; race += 1) {
    const read = fromStore(await deps.records.read([DOCUMENTS_FENCE, ...former.map(({ key }) => key)]));
    if (read.kind === 'error') return { kind: 'not', detail: read.errors[0]?.message ?? '' };
    const now = new Map(read.value.map(({ key, rev }) => [key, rev]));
    const untouched = (key: RecordKey | null): boolean => key === null || now.get(key) === written.get(key);
    const back = former.filter((one) => untouched(one.key) && untouched(one.with));
    const left = former.filter((one) => !back.includes(one)).map(({ key }) => key);
    if (back.length === 0) return { kind: 'part', left };
    const outcome = await commit(deps, {
      ...EMPTY_COMMIT,
      reads: [DOCUMENTS_FENCE, ...back.map(({ key }) => key)].map((key) => ({ key, rev: now.get(key) ?? 0 })),
      writes: [{ key: DOCUMENTS_FENCE, body: {} }, ...back.map(({ key, body }) => ({ key, body }))],
      traffic: back.flatMap(({ traffic }) => traffic),
      due: back.flatMap(({ due }) => due.map((subject) => ({ subject, atMs: null }))),
    });
    if (outcome.kind === 'committed') return left.length === 0 ? { kind: 'whole' } : { kind: 'part', left };
    if (outcome.kind === 'unavailable') return { kind: 'not', detail: outcome.detail };
  }
  return { kind: 'not', detail: 'other changes kept coming in between' };
}
