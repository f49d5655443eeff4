const MAX_ROUNDS = 1_001;

/**
 * A root of `f` in [`a`, `b`] by Brent's method in the form of R's `zeroin`. Every step is as R takes it: where `f`
 * jumps, another order of steps ends at another place within the tolerance (absolute, in the units of `a` and `b`).
 */
export function brentRoot(f: (x: number) => number, lower: number, upper: number, tolerance: number): number {
  let [a, b, c] = [lower, upper, lower];
  let [fa, fb] = [f(a), f(b)];
  let fc = fa;
  if (fa === 0) return a;
  if (fb === 0) return b;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const previous = b - a;
    if (Math.abs(fc) < Math.abs(fb)) {
      [a, b, c] = [b, c, b];
      [fa, fb, fc] = [fb, fc, fb];
    }
    const least = 2 * Number.EPSILON * Math.abs(b) + tolerance / 2;
    let step = (c - b) / 2;
    if (Math.abs(step) <= least || fb === 0) return b;
    if (Math.abs(previous) >= least && Math.abs(fa) > Math.abs(fb)) {
      step = interpolated({ a, b, c, fa, fb, fc }, previous, least) ?? step;
    }
    if (Math.abs(step) < least) step = step > 0 ? least : -least;
    [a, fa] = [b, fb];
    b += step;
    fb = f(b);
    if ((fb > 0 && fc > 0) || (fb < 0 && fc < 0)) [c, fc] = [a, fa];
  }
  return b;
}

interface Points {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly fa: number;
  readonly fb: number;
  readonly fc: number;
}

/** The step that a line, or a parabola on its side, suggests; `null`: it goes too far. */
function interpolated({ a, b, c, fa, fb, fc }: Points, previous: number, least: number): number | null {
  const width = c - b;
  let p: number;
  let q: number;
  if (a === c) {
    const t1 = fb / fa;
    p = width * t1;
    q = 1 - t1;
  } else {
    const [t1, t2, ratio] = [fb / fc, fb / fa, fa / fc];
    p = t2 * (width * ratio * (ratio - t1) - (b - a) * (t1 - 1));
    q = (ratio - 1) * (t1 - 1) * (t2 - 1);
  }
  if (p > 0) q = -q;
  else p = -p;
  const fits = p < 0.75 * width * q - Math.abs(least * q) / 2 && p < Math.abs((previous * q) / 2);
  return fits ? p / q : null;
}
