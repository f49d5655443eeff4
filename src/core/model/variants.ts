import { type StepSpec, TOTAL_WEIGHT } from './documents.ts';

/** The arm that every rollout has beside stable. */
export const CANARY = 'canary';

/** Beside the canary. Each arm has its hosts, and takes users from the others. */
export const MAX_VARIANTS = 3;

/** How people are told of an arm. */
export function armWords(arm: string = CANARY): string {
  return arm === CANARY ? 'the canary' : arm;
}

type Weights = Pick<StepSpec, 'weight' | 'weights'>;

/** What a step gives an arm, in basis points. */
export function armWeight({ weight, weights = {} }: Weights, arm: string): number {
  return arm === CANARY ? weight : (weights[arm] ?? 0);
}

/** What all arms but stable get together. */
export function testedWeight({ weight, weights = {} }: Weights): number {
  return Object.values(weights).reduce((sum, one) => sum + one, weight);
}

export function stableWeight(step: Weights): number {
  return TOTAL_WEIGHT - testedWeight(step);
}
