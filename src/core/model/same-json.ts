import { isObject } from './is-object.ts';

/**
 * The value as JSON that equal values share whatever the order of their keys: a record gives them back in the order of its
 * shape, a file has that of who wrote it or of its grammar.
 */
export function inKeyOrder(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

export function sameJson(a: unknown, b: unknown): boolean {
  return inKeyOrder(a) === inKeyOrder(b);
}
