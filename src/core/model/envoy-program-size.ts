import type { RE2JS } from 're2js';

/**
 * How large a pattern is to Envoy, which refuses those above its limit. The program that the package compiles has
 * another size: it counts a class of characters once and every branch, where RE2 counts each range of bytes and, once
 * the program is flattened (`prog.cc`, `Flatten`), a branch only where it leads to what begins a list of its own.
 * Never below Envoy's own number, and above it where RE2 simplifies more; held against a real Envoy in the tests.
 */
export function envoyProgramSize(pattern: RE2JS): number {
  const rough = pattern.programSize();
  if (rough > LARGE) return rough;
  // Of the package, whose version is pinned; it gives no other way to its program.
  const { inst, start } = (pattern as unknown as { readonly re2Input: { readonly prog: Program } }).re2Input.prog;
  const roots = listRoots(inst, start);
  const lists = [...roots].map((root) => {
    const { own, others } = reached(inst, root, roots);
    const read = [...own].filter((i) => branches(inst[i]) === null);
    return read.reduce((sum, i) => sum + ranges(inst[i]), others.size);
  });
  return ALWAYS_THERE + lists.reduce((sum, size) => sum + size, 0);
}

/** Far above what Envoys are told to take; to count on would take long. */
const LARGE = 2_000;

/** The failure, and the loop by which a match may begin anywhere. */
const ALWAYS_THERE = 3;

interface Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  /** Pairs of first and last; one alone is that character. */
  readonly runes: ArrayLike<number>;
}
interface Program {
  readonly inst: readonly Instruction[];
  readonly start: number;
}

const [ALT, ALT_MATCH, FAIL, MATCH, NOP, RUNE, ANY, ANY_BUT_NEWLINE] = [1, 2, 5, 6, 7, 8, 10, 11] as const;
const LAST_BYTE = 0xff;

/** Where it goes without reading anything; `null`: it does read, or ends. */
function branches(one: Instruction | undefined): readonly number[] | null {
  if (one === undefined) return null;
  if (one.op === ALT || one.op === ALT_MATCH) return [one.out, one.arg];
  return one.op === NOP ? [one.out] : null;
}

/** What begins a list: the start, what follows something that reads, and what two lists would share. */
function listRoots(inst: readonly Instruction[], start: number): ReadonlySet<number> {
  const roots = new Set([start]);
  const before = new Map<number, number[]>();
  const seen = new Set<number>();
  const open = [start];
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    const one = inst[i];
    if (one === undefined || seen.has(i)) continue;
    seen.add(i);
    const to = branches(one);
    for (const next of to ?? []) before.set(next, [...(before.get(next) ?? []), i]);
    if (to === null && one.op !== FAIL && one.op !== MATCH) roots.add(one.out);
    open.push(...(to ?? (one.op === FAIL || one.op === MATCH ? [] : [one.out])));
  }
  for (const root of [...roots].sort((a, b) => b - a)) {
    const { own } = reached(inst, root, roots);
    for (const i of own) {
      if (i !== root && (before.get(i) ?? []).some((from) => !own.has(from))) roots.add(i);
    }
  }
  return roots;
}

/** What a root leads to without reading anything, and the other roots where that ends. */
function reached(inst: readonly Instruction[], root: number, roots: ReadonlySet<number>) {
  const own = new Set<number>();
  const others = new Set<number>();
  const open = [root];
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    if (i !== root && roots.has(i)) others.add(i);
    else if (!own.has(i)) {
      own.add(i);
      open.push(...(branches(inst[i]) ?? []));
    }
  }
  return { own, others };
}

function ranges(one: Instruction | undefined): number {
  if (one === undefined || one.op < RUNE || one.op === ANY) return 1;
  if (one.op === ANY_BUT_NEWLINE) return 2;
  const { runes } = one;
  if (runes.length < 2) return 1;
  const all = Array.from({ length: runes.length / 2 }, (_, i) => [runes[2 * i] ?? 0, runes[2 * i + 1] ?? 0] as const);
  // Where a class takes letters in both cases, small ones alone are compiled, and stand for both.
  const takes = (code: number) => all.some(([first, last]) => first <= code && code <= last);
  const folds = LETTERS.every((code) => takes(code) === takes(code + 32));
  return all.filter(([first, last]) => first <= LAST_BYTE && !(folds && first >= 0x41 && last <= 0x5a)).length;
}

const LETTERS = Array.from({ length: 26 }, (_, i) => 0x41 + i);
