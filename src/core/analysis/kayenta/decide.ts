import type { KayentaSpec } from '../../model/kayenta-spec.ts';
import type { JudgeOutcome } from '../judge.ts';
import type { Judgement } from './judge-samples.ts';

/** One of a running canary. */
export interface KayentaJudgement extends Judgement {
  /** Of the scrape after which it was judged. */
  readonly atMs: number;
  readonly step: number;
  /** In the life that the plan gives the canary, if it does. */
  readonly when: 'on the way' | 'before its end' | 'at its end';
}

/** What a judgement does. Missing evidence is neither good news nor, by itself, bad. */
export function decide(
  { lifetimeMs }: Pick<KayentaSpec, 'lifetimeMs'>,
  { classification, metrics, when }: Pick<KayentaJudgement, 'classification' | 'metrics' | 'when'>,
): JudgeOutcome['decision'] {
  if (classification === 'Fail') return 'rollback';
  if (classification === 'Nodata' || metrics.some(({ blind }) => blind)) return 'hold';
  // At the end of its life a canary has to pass, as in Spinnaker.
  if (classification === 'Marginal') return lifetimeMs !== null && when === 'at its end' ? 'rollback' : 'hold';
  return when === 'before its end' ? 'hold' : 'advance';
}
