const SHOWN = 5;

/** `a, b, c, d, e and 3 more`: at most five names, so that a message about many stays readable. */
export function nameSome(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(', ');
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
}
