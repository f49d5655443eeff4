/** One proxy, one pair of scrapes, one metric: `x` of `n` events fell to the arm that gets the share `w`. */
export interface Stratum {
  readonly x: number;
  readonly n: number;
  readonly w: number;
}

/** Bad and completed requests of both arms in one stratum. */
export interface ArmPair {
  readonly canaryBad: number;
  readonly stableBad: number;
  readonly canary: number;
  readonly stable: number;
}

/** Bad events of both arms, to be split as their traffic was. Without traffic there is nothing to compare. */
export function badEvents({ canaryBad, stableBad, canary, stable }: ArmPair): Stratum {
  const requests = canary + stable;
  if (requests === 0) return { x: 0, n: 0, w: 0 };
  return { x: canaryBad, n: canaryBad + stableBad, w: canary / requests };
}

/** A stratum that is no count would turn every later value into NaN: a bug of who built it, stopped here. */
export function checkStratum({ x, n, w }: Stratum): void {
  const counts = Number.isFinite(x) && Number.isFinite(n) && Number.isFinite(w);
  if (!counts || x < 0 || n < x || w < 0 || w > 1) throw new RangeError(`no stratum: x ${x}, n ${n}, w ${w}`);
}

/** Dispersion below 1 would sharpen evidence instead of tempering it. */
export function checkDispersion(phi: number): void {
  if (!(phi >= 1 && Number.isFinite(phi))) throw new RangeError(`no dispersion: ${phi}`);
}

/** Sums of logarithms depend on their order in the last bits; replicas that hear proxies in any order must agree. */
export function inOneOrder(strata: readonly Stratum[]): readonly Stratum[] {
  return [...strata].sort((a, b) => a.w - b.w || a.n - b.n || a.x - b.x);
}
