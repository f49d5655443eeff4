import type { Random } from '../../test/support/random.ts';

/** Largest input, bytes: just above what any border takes. */
export const MAX_INPUT = 600 * 1024;

const WORDS = [
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '-0',
  '1e400',
  '9007199254740993',
  '\u0000',
  '\ud800',
  '\u202e',
  '{{',
  '}}',
  '%YAML 1.1',
  '&a',
  '*a',
  '!!js',
  '<<:',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '\\',
  '\r\n',
  '---\n',
  '\u00ff\u00ff',
  '0x7fffffff',
].map((word) => Buffer.from(word));
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff];

/** One to several random changes of an input, by bytes, by words, and by other inputs. */
export function mutate(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  // What is much changed is refused at the door; what is behind it has to be tried as well.
  if (random.chance(0.4)) return otherValue(input, random);
  let bytes = input;
  for (let times = random.between(1, 6); times > 0; times -= 1) bytes = change(bytes, others, random);
  return bytes.subarray(0, MAX_INPUT);
}

function change(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  const at = random.between(0, input.length);
  const length = random.between(0, Math.min(64, input.length - at));
  const [before, part, after] = [input.subarray(0, at), input.subarray(at, at + length), input.subarray(at + length)];
  switch (random.between(0, 8)) {
    case 0: {
      const flipped = Buffer.from(input);
      const index = Math.min(at, flipped.length - 1);
      if (index >= 0) flipped[index] = (flipped[index] ?? 0) ^ (1 << random.between(0, 7));
      return flipped;
    }
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, part, part, after]);
    case 3:
      return Buffer.concat([before, Buffer.from([pick(NUMBERS, random)]), after]);
    case 4:
      return Buffer.concat([before, pick(WORDS, random), after]);
    case 5: {
      const other = others.length === 0 ? input : pick(others, random);
      const from = random.between(0, other.length);
      return Buffer.concat([before, other.subarray(from, from + random.between(0, other.length - from)), after]);
    }
    // Depth and length are what parsers die of.
    case 6: {
      const word = random.chance(0.5) ? pick(WORDS, random) : part;
      const times = random.chance(0.2) ? random.between(1_000, 20_000) : random.between(2, 200);
      const total = Math.min(times, Math.floor(MAX_INPUT / Math.max(1, word.length)));
      return Buffer.concat([before, Buffer.concat(Array.from({ length: total }, () => word)), after]);
    }
    case 7:
      return Buffer.from(input.toString('latin1').replace(/-?\d+/, String(digits(random))), 'latin1');
    default:
      return before;
  }
}

/** Another word or number in the place of one, so that what is around it still makes sense. */
function otherValue(input: Buffer, random: Random): Buffer {
  const text = input.toString('latin1');
  const values = [...text.matchAll(/[A-Za-z0-9._-]+/g)];
  const value = values[random.between(0, Math.max(0, values.length - 1))];
  if (value === undefined) return input;
  const other = values[random.between(0, values.length - 1)]?.[0] ?? '';
  const words = [
    other,
    `${value[0]}${random.between(0, 9)}`,
    value[0].slice(1),
    pick(WORDS, random).toString('latin1'),
  ];
  const put = /^-?\d/.test(value[0]) && random.chance(0.5) ? String(digits(random)) : pick(words, random);
  return Buffer.from(text.slice(0, value.index) + put + text.slice(value.index + value[0].length), 'latin1');
}

function digits(random: Random): string | number {
  const far = ['1e999', '-1', '99999999999999999999', '0.1e-400', '2147483648'];
  return random.chance(0.5) ? random.between(0, 100_000) : pick(far, random);
}

function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[random.between(0, from.length - 1)];
  if (picked === undefined) throw new RangeError('nothing to pick from');
  return picked;
}
