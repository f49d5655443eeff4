import { formatDuration } from '../../model/duration.ts';

/** A time, as long as nobody has chosen how to write it. */
export class Span {
  readonly ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
}

/**
 * What holds without being part of the plan: the default of somebody who comes later, such as the judge. Written into
 * the document it would make another plan of it, so YAML has it as a comment.
 */
export class Unsaid {
  /** `null`: there are only words for it. */
  readonly value: Tree | null;
  readonly words: string;
  constructor(given: { readonly value?: Tree; readonly words?: string } = {}) {
    this.value = given.value ?? null;
    this.words = given.words ?? 'none';
  }
}

/** A document on its way to text, YAML or JSON. */
export type Tree = string | number | boolean | Span | Unsaid | readonly Tree[] | TreeMap;
export interface TreeMap {
  readonly [key: string]: Tree;
}

export function isTreeMap(tree: Tree): tree is TreeMap {
  return typeof tree === 'object' && !Array.isArray(tree) && !(tree instanceof Span) && !(tree instanceof Unsaid);
}

export function isTreeList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

/** `a.b` below `a`, `b` at the top. */
export function below(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** Plain values; defaults for which there are only words are left out. */
export function treeJson(tree: Tree): unknown {
  if (tree instanceof Span) return formatDuration(tree.ms);
  if (tree instanceof Unsaid) return tree.value === null ? undefined : treeJson(tree.value);
  if (isTreeList(tree)) return tree.map(treeJson);
  if (!isTreeMap(tree)) return tree;
  const entries = Object.entries(tree).map(([key, value]) => [key, treeJson(value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
