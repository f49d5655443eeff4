import { FLAGGER_START, type FlaggerSettings, type FlaggerState, tickFlagger } from '../threshold/flagger.ts';
import { flaggerPasses } from '../threshold/flagger-check.ts';
import type { FlaggerComparison } from './threshold-grammar.ts';

export interface FlaggerCompared {
  /** `-`: the tick that leaves weight 0 checks nothing. */
  readonly lines: readonly {
    readonly measurement: 'P' | 'F' | '-';
    readonly phase: 'advance' | 'hold' | 'promote' | 'rollback';
  }[];
  readonly outcome: 'promote' | 'rollback' | 'hold';
  readonly tick: number | null;
}

const UNLIMITED = { min: null, max: null };

export function compareFlagger({ limits, success, failure, measurements }: FlaggerComparison): FlaggerCompared {
  const settings: FlaggerSettings = {
    threshold: limits.threshold ?? 1,
    stepWeight: limits.stepWeight ?? null,
    stepWeights: limits.stepWeights ?? [],
    maxWeight: limits.maxWeight ?? null,
    stepWeightPromotion: limits.stepWeightPromotion ?? null,
  };
  const passes = (one: FlaggerComparison['measurements'][number]): boolean => {
    if (one.kind === 'phase') return one.phase === 'P' || one.phase === 'S';
    const holds = (range: typeof success) => flaggerPasses(one, { name: 'custom', range, threshold: 0 });
    return holds(success ?? UNLIMITED) && (failure === null || !holds(failure));
  };
  let state: FlaggerState = FLAGGER_START;
  const lines = measurements.map((one) => {
    const checked = state.weight > 0 || state.phase !== 'Progressing';
    const good = passes(one);
    const tick = tickFlagger(state, good, settings);
    state = tick.state;
    const passed = good ? ('P' as const) : ('F' as const);
    return { measurement: checked ? passed : ('-' as const), phase: phaseOf(tick.decision, state) };
  });
  const tick = lines.findIndex(({ phase }) => phase === 'promote' || phase === 'rollback');
  const last = lines[tick]?.phase;
  return { lines, outcome: last === 'promote' || last === 'rollback' ? last : 'hold', tick: tick === -1 ? null : tick };
}

/** What is decided stays decided; the way back of the traffic is no decision any more. */
function phaseOf(decision: string, state: FlaggerState): FlaggerCompared['lines'][number]['phase'] {
  if (decision === 'advance' || decision === 'hold') return decision;
  return state.phase === 'Failed' ? 'rollback' : 'promote';
}
