import type { EarlierUpdate, Notice } from './event.ts';

/** So many earlier updates are named; the rest is counted. */
const MAX_NAMED = 20;

const OUTCOMES: ReadonlySet<Notice['kind']> = new Set(['promoted', 'rolled_back', 'aborted', 'failed']);

/**
 * What to say instead of the messages of one rollout that wait since an outage, oldest first: the last of them, which
 * is what holds now, and in short what was before it. An outcome is never something that was before: it ends the fold.
 * `null`: there is nothing to fold. The id is that of the last message, which nobody can have got yet.
 */
export function foldNotices(
  waiting: readonly Notice[],
): { readonly ids: readonly string[]; readonly notice: Notice } | null {
  const outcome = waiting.findIndex(({ kind }) => OUTCOMES.has(kind));
  const folded = outcome === -1 ? waiting : waiting.slice(0, outcome + 1);
  const last = folded.at(-1);
  if (last === undefined || folded.length < 2) return null;
  const before = folded.slice(0, -1);
  const updates = before.flatMap(({ id, kind, title, atMs, earlier }): readonly EarlierUpdate[] => [
    ...(earlier?.updates ?? []),
    { id, kind, title, atMs },
  ]);
  const count = before.reduce((sum, { earlier }) => sum + 1 + (earlier?.count ?? 0), 0);
  return {
    ids: folded.map(({ id }) => id),
    notice: { ...last, earlier: { count, updates: updates.slice(-MAX_NAMED) } },
  };
}
