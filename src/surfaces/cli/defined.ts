/** Without the keys that were not given. */
export function defined<T>(given: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, T] => entry[1] !== undefined));
}
