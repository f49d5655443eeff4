import type { Condition } from '../../../../src/core/analysis/threshold/argo-measurement.ts';

type Value = number | readonly number[];
export type Words = Readonly<Record<string, unknown>>;

/** The words in which the oracle writes Argo's expressions. A plan has `min` and `max` only. */
export function condition(words: Words): Condition {
  return (value) => {
    const results = Object.entries(words).map(([word, operand]) => holds(word, operand, value));
    return results.includes(null) ? null : results.every((result) => result === true);
  };
}

function holds(word: string, operand: unknown, value: Value): boolean | null {
  if (word === 'invalid') return null;
  if (word === 'always') return operand === true;
  if (word === 'any') {
    const results = (operand as Words[]).map((words) => condition(words)(value));
    return results.includes(null) ? null : results.includes(true);
  }
  if (typeof value !== 'number') return holdsForList(word, operand, value);
  const other = operand as number;
  switch (word) {
    case 'isNaN':
      return Number.isNaN(value) === operand;
    case 'isInf':
      return (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) === operand;
    case 'eq':
      return value === other;
    case 'ne':
      return value !== other;
    case 'ge':
      return value >= other;
    case 'gt':
      return value > other;
    case 'le':
      return value <= other;
    case 'lt':
      return value < other;
    default:
      return null;
  }
}

function holdsForList(word: string, operand: unknown, values: readonly number[]): boolean | null {
  const [first] = values;
  switch (word) {
    case 'contains':
      return values.includes(operand as number);
    case 'lengthNot':
      return values.length !== operand;
    case 'first':
      return first === undefined ? null : condition(operand as Words)(first);
    case 'all':
      return values.every((value) => condition(operand as Words)(value) === true);
    default:
      return null;
  }
}
