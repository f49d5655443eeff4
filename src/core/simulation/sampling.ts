import { logGamma } from '../analysis/statistics/log-gamma.ts';
import type { Random } from './random.ts';

/** Below this mean, counting along the distribution is quicker than rejection, and as exact. */
const COUNT_UP_TO = 10;

/** Exact: counting from 0 for a small mean, else Hörmann's transformed rejection (BTRS, 1993). */
export function binomial(random: Random, n: number, p: number): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(random, n, 1 - p);
  return n * p < COUNT_UP_TO ? countedBinomial(random, n, p) : rejectedBinomial(random, n, p);
}

function countedBinomial(random: Random, n: number, p: number): number {
  const odds = p / (1 - p);
  let probability = Math.exp(n * Math.log1p(-p));
  let left = random.next();
  let k = 0;
  while (left > probability && k < n) {
    left -= probability;
    k += 1;
    probability *= (odds * (n - k + 1)) / k;
  }
  return k;
}

function rejectedBinomial(random: Random, n: number, p: number): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const mode = Math.floor((n + 1) * p);
  const alpha = (2.83 + 5.1 / b) * deviation;
  const squeeze = 0.92 - 4.2 / b;
  const logOdds = Math.log(p / (1 - p));
  const atMode = logGamma(mode + 1) + logGamma(n - mode + 1);
  for (;;) {
    const u = random.next() - 0.5;
    const v = random.next();
    const distance = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / distance + b) * u + centre);
    if (distance >= 0.07 && v <= squeeze) return k;
    if (k < 0 || k > n) continue;
    const height = Math.log((v * alpha) / (a / (distance * distance) + b));
    if (height <= (k - mode) * logOdds + atMode - logGamma(k + 1) - logGamma(n - k + 1)) return k;
  }
}

/** Exact: products of uniforms for a small mean, else Hörmann's transformed rejection (PTRS, 1993). */
export function poisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  if (mean >= COUNT_UP_TO) return rejectedPoisson(random, mean);
  const limit = Math.exp(-mean);
  let k = 0;
  for (let product = random.next(); product > limit; product *= random.next()) k += 1;
  return k;
}

function rejectedPoisson(random: Random, mean: number): number {
  const logMean = Math.log(mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random.next() - 0.5;
    const v = random.next();
    const distance = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / distance + b) * u + mean + 0.43);
    if (distance >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (distance < 0.013 && v > distance)) continue;
    const height = Math.log(v) + Math.log(inverseAlpha) - Math.log(a / (distance * distance) + b);
    if (height <= k * logMean - mean - logGamma(k + 1)) return k;
  }
}

/** Size of one burst: 1 or more, geometric. */
export function geometric(random: Random, mean: number): number {
  return mean <= 1 ? 1 : 1 + Math.floor(Math.log(random.next()) / Math.log1p(-1 / mean));
}

/** Errors among `n` requests that come in bursts of this mean size; 1: one by one. */
export function errors(random: Random, n: number, rate: number, burst: number): number {
  if (burst <= 1) return binomial(random, n, rate);
  let sum = 0;
  for (let left = poisson(random, (n * rate) / burst); left > 0; left -= 1) sum += geometric(random, burst);
  return Math.min(n, sum);
}
