import { SEQUENTIAL_DEFAULTS } from '../analysis/sequential/settings.ts';
import type { JudgeSpec } from '../model/analysis-spec.ts';
import { type StepSpec, TOTAL_WEIGHT } from '../model/documents.ts';
import { armWeight, CANARY, stableWeight } from '../model/variants.ts';
import type { Part, Rollout, Variant } from './rollout.ts';

/**
 * A test with variants has several revisions beside stable, each of them an arm (ADR 25). The canary is the first of
 * them. What is about one arm alone is decided about its part: the rollout as it would be if stable and this arm were all.
 */

/** Every arm but stable, the canary first. A rollout without variants has the one. */
export function armsOf({
  canary,
  trigger,
  variants = [],
}: Pick<Rollout, 'canary' | 'trigger' | 'variants'>): readonly Variant[] {
  return [{ name: CANARY, trigger, canary }, ...variants];
}

/** Those that are looked at: all of them, or the one that is promoted. */
export function openArms(rollout: Rollout): readonly Variant[] {
  const [arms, winner] = [armsOf(rollout), promotedArm(rollout)];
  return winner === undefined ? arms : arms.filter(({ name }) => name === winner);
}

/** Of a test: who has all requests. One that a store has lost, and the Envoys never had, is none. */
export function promotedArm({ phase, winner }: Pick<Rollout, 'phase' | 'winner'>): string | undefined {
  return phase === 'stepping' ? undefined : winner;
}

/**
 * Of the requests to stable and to this arm the arm gets so many: so it is compared with stable as if the other arms were
 * not there. Who is wrongly sent back is so by any of the comparisons, so each of them has its share of the plan's alpha.
 */
export function armPart(rollout: Rollout, { name, trigger, canary }: Variant): Part {
  const { variants = [], winner: _promoted, ...whole } = rollout;
  const { variants: _named, ...spec } = rollout.spec;
  const steps = spec.strategy.steps.map((step) => stepOf(step, name));
  return {
    ...whole,
    ...{ arm: name, trigger, canary },
    spec: { ...spec, judge: sharedBy(spec.judge, variants.length + 1), strategy: { ...spec.strategy, steps } },
    history: rollout.history.map((record) => ({ ...record, weight: steps[record.step]?.weight ?? record.weight })),
  };
}

function stepOf(step: StepSpec, arm: string): StepSpec {
  const { weights: _all, ...own } = step;
  const [weight, stable] = [armWeight(step, arm), stableWeight(step)];
  return {
    ...own,
    weight: weight === 0 ? 0 : Math.round((TOTAL_WEIGHT * weight) / (weight + stable)),
    matches: step.matches.filter((match) => (match.arm ?? CANARY) === arm),
  };
}

function sharedBy(judge: JudgeSpec, comparisons: number): JudgeSpec {
  if (judge.name !== 'sequential') return judge;
  return { ...judge, alpha: (judge.alpha ?? SEQUENTIAL_DEFAULTS.alpha) / comparisons };
}

/** What an arm is to get in the present phase and step, in basis points. */
export function shareOf(rollout: Rollout, arm: string): number {
  const { phase, winner = CANARY, spec, step } = rollout;
  if (phase === 'promoting' || phase === 'promoted') return arm === winner ? TOTAL_WEIGHT : 0;
  const now = phase === 'stepping' ? spec.strategy.steps[step] : undefined;
  return now === undefined ? 0 : armWeight(now, arm);
}
