import type { Commit } from './ports/store.ts';

/**
 * Several decisions as one commit, in the order in which they were made: where two write one record, or set one due
 * time, the later one had the earlier before it. They must have read the same revs.
 */
export function mergedCommit(commits: readonly Commit[]): Commit {
  const last = <T>(rows: readonly T[], keyOf: (row: T) => string): readonly T[] => [
    ...new Map(rows.map((row) => [keyOf(row), row])).values(),
  ];
  return {
    reads: last(
      commits.flatMap(({ reads }) => reads),
      ({ key }) => key,
    ),
    writes: last(
      commits.flatMap(({ writes }) => writes),
      ({ key }) => key,
    ),
    events: commits.flatMap(({ events }) => events),
    outbox: commits.flatMap(({ outbox }) => outbox),
    due: last(
      commits.flatMap(({ due }) => due),
      ({ subject }) => subject,
    ),
    traffic: commits.flatMap(({ traffic }) => traffic),
    trials: commits.flatMap(({ trials }) => trials),
    active: commits.flatMap(({ active }) => active),
    decisions: commits.flatMap(({ decisions }) => decisions ?? []),
  };
}
