import { z } from 'zod';

/** JSON has no word for these. */
const ODD = ['NaN', 'Infinity', '-Infinity'] as const;

export const PackedNumber = z.union([z.number(), z.enum(ODD)]);
export type PackedNumber = z.infer<typeof PackedNumber>;

/**
 * Numbers that mostly grow a little, as they compress best: 1 and differences, or 0 and the numbers themselves where a
 * difference would not lead back to the very same number.
 */
export function packNumbers(values: readonly number[]): PackedNumber[] {
  if (!values.every(Number.isSafeInteger)) return [0, ...values.map(packNumber)];
  const differences = values.map((value, i) => value - (values[i - 1] ?? 0));
  return differences.every(Number.isSafeInteger) ? [1, ...differences] : [0, ...values];
}

export function unpackNumbers([mode, ...packed]: readonly PackedNumber[]): number[] {
  const values = packed.map(Number);
  if (mode !== 1) return values;
  let sum = 0;
  return values.map((difference) => {
    sum += difference;
    return sum;
  });
}

export function packNumber(value: number): PackedNumber {
  const odd = ODD.find((name) => name === String(value));
  return odd ?? value;
}
