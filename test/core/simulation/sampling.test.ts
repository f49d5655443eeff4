import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../../src/core/simulation/random.ts';
import { binomial, errors, geometric, poisson } from '../../../src/core/simulation/sampling.ts';

const DRAWS = 40_000;

function moments(draw: (random: Random) => number, seed: number) {
  const random = createRandom(seed);
  let [sum, squares] = [0, 0];
  for (let i = 0; i < DRAWS; i += 1) {
    const value = draw(random);
    sum += value;
    squares += value * value;
  }
  const mean = sum / DRAWS;
  return { mean, variance: squares / DRAWS - mean * mean };
}

/** Five standard errors: a right sampler misses them once in a million; the seeds are fixed besides. */
function expectMoments(draw: (random: Random) => number, mean: number, variance: number, seed = 7) {
  const seen = moments(draw, seed);
  expect(Math.abs(seen.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / DRAWS));
  expect(Math.abs(seen.variance / variance - 1)).toBeLessThan(0.1);
}

describe('createRandom', () => {
  it('gives the same draws for the same seed, others for another', () => {
    const draws = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)).not.toEqual(draws(2));
    expect(new Set(draws(0)).size).toBe(5);
  });

  it('is uniform in ten bins, never 0 or 1', () => {
    const random = createRandom(3);
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i += 1) {
      const value = random.next();
      expect(value > 0 && value < 1).toBe(true);
      bins[Math.floor(value * 10)] = (bins[Math.floor(value * 10)] ?? 0) + 1;
    }
    const chi = bins.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chi).toBeLessThan(27.9);
  });

  it('puts neighbouring seeds far apart', () => {
    const first = Array.from({ length: 2_000 }, (_, seed) => createRandom(seed).next());
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / first.length));
  });
});

describe('binomial', () => {
  it.each([
    [150, 0.005],
    [3000, 0.005],
    [30_000, 0.35],
    [50, 0.5],
    [40, 0.9],
    [1, 0.3],
  ])('has its moments at n %d, p %d', (n, p) => {
    expectMoments((random) => binomial(random, n, p), n * p, n * p * (1 - p));
  });

  it('has its shape where rejection takes over: chi-square over every count', () => {
    const [n, p] = [40, 0.3];
    const random = createRandom(11);
    const seen = new Array<number>(n + 1).fill(0);
    for (let i = 0; i < DRAWS; i += 1) {
      const k = binomial(random, n, p);
      seen[k] = (seen[k] ?? 0) + 1;
    }
    let chi = 0;
    let cells = 0;
    let probability = (1 - p) ** n;
    for (let k = 0; k <= n; k += 1) {
      const wanted = DRAWS * probability;
      if (wanted >= 8) {
        chi += ((seen[k] ?? 0) - wanted) ** 2 / wanted;
        cells += 1;
      }
      probability *= ((n - k) / (k + 1)) * (p / (1 - p));
    }
    expect(chi).toBeLessThan(cells + 5 * Math.sqrt(2 * cells));
  });

  it('knows its ends', () => {
    const random = createRandom(1);
    expect([binomial(random, 0, 0.5), binomial(random, 9, 0), binomial(random, 9, 1)]).toEqual([0, 0, 9]);
  });
});

describe('poisson', () => {
  it.each([0.3, 4, 12, 30, 3000])('has its moments at mean %d', (mean) => {
    expectMoments((random) => poisson(random, mean), mean, mean);
  });
});

describe('geometric', () => {
  it('is 1 or more, with the mean wanted', () => {
    expectMoments((random) => geometric(random, 8), 8, 56);
    expect(geometric(createRandom(1), 1)).toBe(1);
  });
});

describe('errors', () => {
  it('keeps the rate in bursts and spreads it further', () => {
    // Compound Poisson: variance = mean · E[s²]/E[s] = mean · (2b - 1).
    expectMoments((random) => errors(random, 60_000, 0.005, 8), 300, 300 * 15);
  });
});
