/**
 * What the counters of one process gained between two scrapes. When the process restarted, all of them began at 0,
 * those included that have since grown past their old value; `restarted: null`: not known, any fall tells it.
 */
export function jointIncrements<Name extends string>(
  before: Readonly<Record<Name, number>>,
  now: Readonly<Record<Name, number>>,
  restarted: boolean | null = null,
): Record<Name, number> {
  const names = Object.keys(now) as Name[];
  const fell = restarted ?? names.some((name) => now[name] < before[name]);
  return Object.fromEntries(names.map((name) => [name, fell ? now[name] : now[name] - before[name]])) as Record<
    Name,
    number
  >;
}
