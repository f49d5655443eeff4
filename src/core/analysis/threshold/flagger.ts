/** Settings of a Flagger canary analysis, under its own names; weights are percent. */
export interface FlaggerSettings {
  /** Failed checks that roll back; 0 or less counts as 1. */
  readonly threshold: number;
  readonly stepWeight: number | null;
  readonly stepWeights: readonly number[];
  /** `null`: the last of `stepWeights`, or all traffic. */
  readonly maxWeight: number | null;
  /** Weight taken from the canary per tick while the stable arm gets its traffic back; `null`: all at once. */
  readonly stepWeightPromotion: number | null;
}

export type FlaggerPhase = 'Progressing' | 'Promoting' | 'Finalising' | 'Succeeded' | 'Failed';

export interface FlaggerState {
  readonly phase: FlaggerPhase;
  readonly weight: number;
  /** Never falls by a success, only with a new revision. */
  readonly failedChecks: number;
}

export const FLAGGER_START: FlaggerState = { phase: 'Progressing', weight: 0, failedChecks: 0 };

/** `shift`, `finish`: the way back of the traffic after `promote`. `none`: nothing happens any more. */
export type FlaggerDecision = 'advance' | 'hold' | 'promote' | 'rollback' | 'restart' | 'shift' | 'finish' | 'none';

export interface FlaggerTick {
  readonly state: FlaggerState;
  readonly decision: FlaggerDecision;
}

const TOTAL = 100;

/** One tick. Flagger counts first and checks afterwards: the failure that reaches the threshold acts a tick later. */
export function tickFlagger(state: FlaggerState, passes: boolean, settings: FlaggerSettings): FlaggerTick {
  switch (state.phase) {
    case 'Promoting':
      return { state: shifted(state, settings.stepWeightPromotion), decision: 'shift' };
    case 'Finalising':
      return { state: { ...state, phase: 'Succeeded' }, decision: 'finish' };
    case 'Succeeded':
    case 'Failed':
      return { state, decision: 'none' };
    case 'Progressing':
      return progress(state, passes, settings);
  }
}

/** A new revision: everything starts again, without a tick of its own. One that is being promoted stays. */
export function restartFlagger(state: FlaggerState): FlaggerTick {
  if (state.phase === 'Promoting' || state.phase === 'Finalising') return { state, decision: 'none' };
  return { state: FLAGGER_START, decision: 'restart' };
}

function progress(state: FlaggerState, passes: boolean, settings: FlaggerSettings): FlaggerTick {
  const { weight } = state;
  // Without traffic there is nothing to check.
  const { kind, failedChecks } = countCheck(state.failedChecks, weight === 0 || passes, settings.threshold);
  if (kind === 'rollback') return { state: { ...state, phase: 'Failed', weight: 0 }, decision: 'rollback' };
  if (kind === 'failed') return { state: { ...state, failedChecks }, decision: 'hold' };
  const by = nextStep(weight, settings);
  if (by <= 0) return { state, decision: 'hold' };
  if (weight >= maxWeight(settings)) return { state: { ...state, phase: 'Promoting' }, decision: 'promote' };
  return { state: { ...state, weight: Math.min(TOTAL, weight + by) }, decision: 'advance' };
}

/** The threshold is tested before the check of the same tick. */
export function countCheck(
  failedChecks: number,
  passes: boolean,
  threshold: number,
): { readonly kind: 'rollback' | 'failed' | 'passed'; readonly failedChecks: number } {
  if (failedChecks >= Math.max(1, threshold)) return { kind: 'rollback', failedChecks };
  return passes ? { kind: 'passed', failedChecks } : { kind: 'failed', failedChecks: failedChecks + 1 };
}

function maxWeight({ stepWeights, maxWeight: max }: FlaggerSettings): number {
  const last = stepWeights.at(-1);
  if (last !== undefined) return Math.min(TOTAL, last);
  return max !== null && max > 0 ? max : TOTAL;
}

function nextStep(weight: number, { stepWeight, stepWeights }: FlaggerSettings): number {
  if (stepWeight !== null && stepWeight > 0) return stepWeight;
  const [first] = stepWeights;
  if (first === undefined) return 0;
  const left = TOTAL - weight;
  if (left === 0) return 1;
  if (weight === 0) return Math.min(left, first);
  const next = stepWeights[stepWeights.indexOf(weight) + 1];
  return stepWeights.includes(weight) && next !== undefined ? Math.min(left, next - weight) : left;
}

function shifted(state: FlaggerState, step: number | null): FlaggerState {
  const weight = step === null || step <= 0 ? 0 : Math.max(0, state.weight - step);
  return { ...state, weight, phase: weight === 0 ? 'Finalising' : 'Promoting' };
}

/** Tick at which checks under way from the first one roll back; `null`: not within them. The weight plays no part. */
export function flaggerRollbackTick(checks: readonly boolean[], threshold: number): number | null {
  let failedBefore = 0;
  for (const [tick, passes] of checks.entries()) {
    const { kind, failedChecks } = countCheck(failedBefore, passes, threshold);
    if (kind === 'rollback') return tick;
    failedBefore = failedChecks;
  }
  return null;
}
