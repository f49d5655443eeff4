/** Share of the counted Envoys whose metrics must be there (design §3). */
const MIN_COVERAGE = 0.9;

/**
 * How many of the counted Envoys have metrics. `null`: its name in Prometheus is unknown. A name that two Envoys share
 * speaks for neither: the one series may be of the other.
 */
export function coverage(
  proxies: readonly (string | null)[],
  has: (proxy: string) => boolean,
): { readonly covered: number; readonly enough: boolean } {
  const times = new Map<string | null, number>();
  for (const proxy of proxies) times.set(proxy, (times.get(proxy) ?? 0) + 1);
  const covered = proxies.filter((proxy) => proxy !== null && times.get(proxy) === 1 && has(proxy)).length;
  return { covered, enough: proxies.length > 0 && covered / proxies.length >= MIN_COVERAGE };
}
