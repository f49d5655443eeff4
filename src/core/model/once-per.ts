/**
 * Made once of each record, which never changes in place. The same record gives the same object, so that who reads it
 * sees by identity that it is not new.
 */
export function oncePer<K extends object, V extends object | string | null>(make: (record: K) => V): (record: K) => V {
  const made = new WeakMap<K, V>();
  return (record) => {
    const known = made.get(record);
    if (known !== undefined) return known;
    const fresh = make(record);
    made.set(record, fresh);
    return fresh;
  };
}
