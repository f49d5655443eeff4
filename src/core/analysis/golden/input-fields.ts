import { z } from 'zod';
import { badEvents, type Stratum } from '../statistics/stratum.ts';
import type { Start } from '../statistics/tilt-test.ts';

/** More ticks, cases or samples than this are no table for checking numbers. */
export const MOST_ROWS = 20_000;

/** Beyond this a double no longer counts in ones. */
const HIGHEST_COUNT = 1e15;

export const count = z
  .number('expected a count')
  .min(0, 'a count is not below 0')
  .max(HIGHEST_COUNT, 'a count is at most 1e15');
export const whole = count.refine(Number.isInteger, 'expected a whole number');
export const number = z.number('expected a number').min(-1e300).max(1e300);
export const positive = number.refine((value) => value > 0, 'expected a number above 0');
/** A probability of 0 or 1 leaves nothing to test. */
export const probability = number.refine((value) => value > 0 && value < 1, 'expected a number between 0 and 1');
export const rate = number.refine((value) => value >= 0 && value <= 1, 'expected a number from 0 to 1');
export const side = z.union([z.literal(1), z.literal(-1)], 'expected 1 or -1');
export const dispersionFactor = number.refine((value) => value >= 1, 'expected a number of at least 1');
export const clip = positive
  .nullable()
  .default(null)
  .transform((value) => value ?? Number.POSITIVE_INFINITY);

export function listOf<T>(one: z.ZodType<T>) {
  return z.array(one, 'expected a list').max(MOST_ROWS, `at most ${MOST_ROWS} entries`);
}

const start = z.tuple([whole, positive], 'expected [tick, weight]').transform(([tick, weight]) => ({ tick, weight }));

const starts = z
  .array(start, 'expected a list of [tick, weight]')
  .min(1, 'expected at least one start')
  .max(1000)
  .refine((list) => total(list.map(({ weight }) => weight)) <= 1 + 1e-9, 'the weights of the starts sum to more than 1')
  .default([{ tick: 0, weight: 1 }]);

/** What every tilt test may be given; absent: no tempering, no clip, one start. */
export const testFields = { side, phi: dispersionFactor.default(1), clip, starts };

export interface TestFields {
  readonly side: 1 | -1;
  readonly phi: number;
  readonly clip: number;
  readonly starts: readonly Start[];
}

export const armPair = z
  .tuple([count, count, count, count], 'expected [xc, xb, nc, nb]')
  .transform(([canaryBad, stableBad, canary, stable]): Stratum => badEvents({ canaryBad, stableBad, canary, stable }));

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
