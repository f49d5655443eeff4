import type { FleetNode, Mark, Marks } from '../model/fleet-state.ts';
import type { Position } from '../model/traffic.ts';

/** For each node two of them; with these a time is known to a fraction of what has passed since. */
const MAX_MARKS = 12;

/**
 * One more. Where there are too many, the one goes whose absence tells least: of what is long ago a rough time does, so
 * they lie ever further apart. A time that is told is never too early.
 */
export function withMark(marks: Marks, mark: Mark): Marks {
  const next = [...marks, mark];
  if (next.length <= MAX_MARKS) return next;
  let [least, at] = [Number.POSITIVE_INFINITY, 1];
  for (let i = 1; i < next.length - 1; i += 1) {
    const [before, after] = [next[i - 1]?.atMs ?? 0, next[i + 1]?.atMs ?? 0];
    const lost = (mark.atMs - before + 1) / (mark.atMs - after + 1);
    if (lost < least) [least, at] = [lost, i];
  }
  return next.toSpliced(at, 1);
}

/** Since when it has had this position: by what it had before its present one, else since that. */
function sinceMs(marks: Marks | undefined, now: Position | null, nowAtMs: number, position: Position): number {
  if (now?.epoch !== position.epoch) return nowAtMs;
  return marks?.find(({ n }) => n >= position.n)?.atMs ?? nowAtMs;
}

/**
 * The nodes with the times at which they reached this position, in place of those of whatever they were told since: in a
 * fleet where something else is pushed every few seconds that would be just now, for ever.
 */
export function asOf(nodes: readonly FleetNode[], position: Position | null): readonly FleetNode[] {
  if (position === null || nodes.every(({ reached }) => reached === undefined)) return nodes;
  return nodes.map((node) => {
    const { reached, credited, creditedAtMs, routes, routesAtMs } = node;
    if (reached === undefined) return node;
    return {
      ...node,
      creditedAtMs: sinceMs(reached.credited, credited, creditedAtMs, position),
      routesAtMs: sinceMs(reached.routes, routes, routesAtMs, position),
    };
  });
}
