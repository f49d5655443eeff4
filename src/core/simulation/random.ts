/** Draws of one replication; `seed` fixes all of them. */
export interface Random {
  /** Uniform in (0, 1), 53 bits. */
  next(): number;
}

/** xoshiro128** of Blackman and Vigna, seeded by splitmix32. */
export function createRandom(seed: number): Random {
  let mixed = seed >>> 0;
  const splitmix = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let [a, b, c, d] = [splitmix(), splitmix(), splitmix(), splitmix()];
  const word = () => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled;
  };
  return { next: () => ((word() >>> 6) * 2 ** 27 + (word() >>> 5) + 0.5) / (2 ** 26 * 2 ** 27) };
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
