import { follows, type KeptCommit, linkHash } from './kept-commit.ts';

/** How far a store goes, and the hashes of its last commits by their numbers. */
export interface StoreHistory {
  readonly epoch: string;
  readonly n: number;
  readonly hash: string;
  readonly links: ReadonlyMap<number, string>;
}

/** Why the commits that a store has lost cannot be written again from a tail. */
export type NotFound =
  | { readonly kind: 'nothing kept' }
  | { readonly kind: 'another epoch' }
  /** The tail does not reach back: these are missing. */
  | { readonly kind: 'begins late'; readonly from: number; readonly to: number }
  /** Others have seen more than the tail has: these are missing. */
  | { readonly kind: 'ends early'; readonly from: number; readonly to: number }
  /** Up to here both are the same; then the store has taken so many others. */
  | { readonly kind: 'moved on'; readonly common: number; readonly since: number }
  /** Nothing in common as far as both go back. */
  | { readonly kind: 'differs'; readonly n: number }
  /** A link of the tail does not hold. */
  | { readonly kind: 'damaged'; readonly n: number };

export type Lost = { readonly kind: 'found'; readonly commits: readonly KeptCommit[] } | NotFound;

/** What comes after the last link that the store and a tail have in common. `seen`: how far anybody has seen the store. */
export function lostCommits(store: StoreHistory, tail: readonly KeptCommit[], seen: number): Lost {
  const [first, last] = [tail[0], tail.at(-1)];
  if (first === undefined || last === undefined) return { kind: 'nothing kept' };
  if (tail.some(({ epoch }) => epoch !== store.epoch)) return { kind: 'another epoch' };
  const broken = brokenLink(tail);
  if (broken !== null) return { kind: 'damaged', n: broken };
  if (store.n < first.n - 1) return { kind: 'begins late', from: store.n + 1, to: first.n - 1 };
  const hashes = new Map([[first.n - 1, first.prev], ...tail.map(({ n, hash }) => [n, hash] as const)]);
  if (store.n <= last.n && hashes.get(store.n) === store.hash) {
    if (last.n < seen) return { kind: 'ends early', from: last.n + 1, to: seen };
    return { kind: 'found', commits: tail.filter(({ n }) => n > store.n) };
  }
  for (let n = Math.min(store.n, last.n); n >= first.n - 1; n -= 1) {
    const link = store.links.get(n);
    if (link === undefined || link !== hashes.get(n)) continue;
    if (n === last.n) return { kind: 'ends early', from: n + 1, to: Math.max(seen, store.n) };
    return { kind: 'moved on', common: n, since: store.n - n };
  }
  return { kind: 'differs', n: store.n };
}

function brokenLink(tail: readonly KeptCommit[]): number | null {
  let before: KeptCommit | null = null;
  for (const commit of tail) {
    const linked = before === null || follows(before, commit);
    if (!linked || linkHash(commit) !== commit.hash) return commit.n;
    before = commit;
  }
  return null;
}

/** For people: what is missing, as one sentence. */
export function whyNot(missing: NotFound): string {
  switch (missing.kind) {
    case 'nothing kept':
      return 'this engine has kept no commit of the store';
    case 'another epoch':
      return 'what this engine has kept is not of the epoch that the store is in: it is another store, or was reconciled since';
    case 'begins late':
      return `this engine has kept only what came after ${commits(missing)}, and the store lost that too`;
    case 'ends early':
      return `this engine has not kept ${commits(missing)}, which others have seen`;
    case 'moved on':
      return `the store has moved on: up to commit ${missing.common} it is what this engine has kept, then it has taken ${missing.since} of its own`;
    case 'differs':
      return `the store has another history: its commit ${missing.n} and what this engine has kept have nothing in common`;
    case 'damaged':
      return `what this engine has kept is damaged at commit ${missing.n}`;
  }
}

function commits({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `commit ${from}` : `commits ${from} to ${to}`;
}
