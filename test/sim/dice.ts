/**
 * The one source of chance of a world. Each name has a sequence of its own, so leaving one fault out moves no other:
 * that is what makes a failing schedule shrinkable. The same seed plays the same schedule.
 */
export interface Dice {
  /** Does this fault strike here? What strikes is recorded, and can be left out in another run of the same seed. */
  strikes(name: string, probability: number): boolean;
  /** Circumstances, which are never left out. */
  chance(name: string, probability: number): boolean;
  between(name: string, min: number, max: number): number;
  pick<T>(name: string, from: readonly [T, ...T[]]): T;
  /** Faults that struck so far, in order. */
  readonly struck: readonly string[];
}

/** @param only faults that may strike, as named in `struck`; `null`: all */
export function dice(seed: number, only: ReadonlySet<string> | null): Dice {
  const sequences = new Map<string, { state: number; thrown: number }>();
  const struck: string[] = [];
  const sequence = (name: string) => {
    const known = sequences.get(name) ?? { state: start(seed, name), thrown: 0 };
    sequences.set(name, known);
    return known;
  };
  /** mulberry32, uniform in [0, 1) */
  const next = (name: string): number => {
    const own = sequence(name);
    own.state = (own.state + 0x6d2b79f5) >>> 0;
    own.thrown += 1;
    let t = own.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (name: string, min: number, max: number) => min + Math.floor(next(name) * (max - min + 1));
  return {
    struck,
    strikes: (name, probability) => {
      if (next(name) >= probability) return false;
      const id = `${name} #${sequence(name).thrown}`;
      if (only !== null && !only.has(id)) return false;
      struck.push(id);
      return true;
    },
    chance: (name, probability) => next(name) < probability,
    between,
    pick: (name, from) => from[between(name, 0, from.length - 1)] ?? from[0],
  };
}

/** FNV-1a of the name, stirred with the seed. */
function start(seed: number, name: string): number {
  let hash = 2_166_136_261 ^ Math.imul(seed, 2_654_435_761);
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 16_777_619);
  return hash >>> 0;
}
