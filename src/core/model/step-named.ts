import type { StepSpec } from './documents.ts';

/**
 * Index of the step that people mean by a name, or by a number from 1. A name comes first: a step may be called "2".
 * `null`: there is none, or several have that name.
 */
export function stepNamed(steps: readonly Pick<StepSpec, 'name'>[], text: string): number | null {
  const named = steps.flatMap(({ name }, i) => (name === text ? [i] : []));
  if (named.length > 0) return named.length === 1 ? (named[0] ?? null) : null;
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= steps.length ? number - 1 : null;
}

/** Why `stepNamed` finds none. */
export function unnamedStep(steps: readonly Pick<StepSpec, 'name'>[], text: string): string {
  const word = text.slice(0, 80);
  const sharing = steps.flatMap(({ name }, i) => (name === text ? [i + 1] : []));
  return sharing.length > 1
    ? `steps ${sharing.join(', ')} of the plan are called "${word}": name one by its number`
    : `the plan has no step "${word}"`;
}

/** `1 (first), 2 (half)` */
export function stepList(steps: readonly Pick<StepSpec, 'name'>[]): string {
  return steps.map(({ name }, i) => `${i + 1} (${name})`).join(', ') || 'none';
}
