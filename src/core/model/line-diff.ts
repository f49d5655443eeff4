/** Lines around a change that show where it is. */
const CONTEXT = 3;
/** Texts that differ in more lines than this are said to differ altogether: to look on takes memory by its square. */
const MAX_EDITS = 2_000;

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** Hunks of a unified diff, as `diff -u` writes and `patch` reads them; none if the texts are equal. */
export function unifiedDiff(before: readonly string[], after: readonly string[]): readonly string[] {
  const edits = editsBetween(before, after);
  const near = edits.flatMap(({ sign }, i) => (sign === ' ' ? [] : [i]));
  const hunks: string[] = [];
  let [old, now, at] = [0, 0, 0];
  for (let k = 0; k < near.length; ) {
    const from = Math.max(at, (near[k] ?? 0) - CONTEXT);
    while ((near[k + 1] ?? Number.POSITIVE_INFINITY) - (near[k] ?? 0) <= 2 * CONTEXT) k += 1;
    const to = Math.min(edits.length, (near[k] ?? 0) + CONTEXT + 1);
    // Between two hunks there are only lines that both have.
    [old, now] = [old + from - at, now + from - at];
    const part = edits.slice(from, to);
    const count = (other: Edit['sign']) => part.filter(({ sign }) => sign !== other).length;
    hunks.push(`@@ -${range(old, count('+'))} +${range(now, count('-'))} @@`);
    hunks.push(...part.map(({ sign, line }) => sign + line));
    [old, now, at] = [old + count('+'), now + count('-'), to];
    k += 1;
  }
  return hunks;
}

/** An empty range names the line before it. */
function range(start: number, count: number): string {
  return `${count === 0 ? start : start + 1},${count}`;
}

/** The fewest edits (Myers, "An O(ND) difference algorithm and its variations", 1986). */
function editsBetween(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const [n, m] = [before.length, after.length];
  // Of each number of edits and each diagonal `x - y = k`, how far into `before` one gets.
  const furthest: Int32Array[] = [];
  for (let d = 0; d <= Math.min(MAX_EDITS, n + m); d += 1) {
    const round = new Int32Array(2 * d + 1);
    furthest.push(round);
    for (let k = -d; k <= d; k += 2) {
      let x = startOf(furthest, d, k).x;
      while (x < n && x - k < m && before[x] === after[x - k]) x += 1;
      round[k + d] = x;
      if (k === n - m && x >= n) return wayBack(furthest, before, after);
    }
  }
  const all = (sign: Edit['sign'], lines: readonly string[]) => lines.map((line) => ({ sign, line }));
  return [...all('-', before), ...all('+', after)];
}

/** Where the `d`th edit leads to on a diagonal: a line of `after` comes in from the one above, else one of `before` goes. */
function startOf(furthest: readonly Int32Array[], d: number, k: number) {
  const at = (diagonal: number) => furthest[d - 1]?.[diagonal + d - 1] ?? -1;
  if (d === 0) return { x: 0, adds: false };
  const adds = k === -d || (k !== d && at(k - 1) < at(k + 1));
  return { x: adds ? at(k + 1) : at(k - 1) + 1, adds };
}

function wayBack(furthest: readonly Int32Array[], before: readonly string[], after: readonly string[]) {
  const edits: Edit[] = [];
  let [x, y] = [before.length, after.length];
  for (let d = furthest.length - 1; d >= 0; d -= 1) {
    const { x: start, adds } = startOf(furthest, d, x - y);
    for (; x > start; x -= 1, y -= 1) edits.push({ sign: ' ', line: before[x - 1] ?? '' });
    if (d === 0) break;
    if (adds) y -= 1;
    else x -= 1;
    edits.push(adds ? { sign: '+', line: after[y] ?? '' } : { sign: '-', line: before[x] ?? '' });
  }
  return edits.reverse();
}
