import { formatDuration } from '../../model/duration.ts';
import { rejects } from '../statistics/combine.ts';
import { type Ceiling, type CeilingState, ceiling } from './ceiling.ts';
import { edgeOfObjective } from './latency-edges.ts';
import { type MetricState, phiOf } from './metric.ts';
import { isSafe } from './non-inferiority.ts';
import { powerLeft } from './power-left.ts';
import { getsTwice, mismatchWords } from './routing-check.ts';
import { askedAt, type SequentialSettings } from './settings.ts';
import type { SequentialState } from './state.ts';
import type { Line } from './walk.ts';

export type DecisionKind = 'hold' | 'advance' | 'promote' | 'rollback';
export type ReasonCode =
  | 'NO_WEIGHT'
  | 'NOT_LIVE'
  | 'NO_DATA'
  | 'CANARY_SILENT'
  | 'ROUTING'
  | 'EVIDENCE'
  | 'OVER_LIMIT'
  | 'SHARED_INCIDENT'
  | 'SUSPICION'
  | 'DWELL'
  | 'NO_REQUESTS'
  | 'POWER'
  | 'DEADLINE'
  | 'OK';

export interface Decision {
  readonly kind: DecisionKind;
  readonly code: ReasonCode;
  /** One sentence for people. */
  readonly reason: string;
  /** The limit that is broken. */
  readonly limit?: { readonly metric: 'error-rate' | 'latency'; readonly max: number };
  /** It is shown to be no worse, so no further step is needed. */
  readonly skips?: true;
}

const EMPTY_LINES = 5;
/** Evidence of harm that stops the weight from growing. */
const SOFT_STOP = Math.log(10);

/** The order of `judging.md` §2.4, but that harm which is proven goes back whatever else holds. */
export function decide(settings: SequentialSettings, state: SequentialState, line: Line): Decision {
  const limits = ceilings(settings, state, line.weight);
  const bad = mustGoBack(settings, state, line, limits);
  if (bad !== null) return bad;
  const held = mustHold(state, line, limits);
  const late = state.beganMs !== null && settings.deadlineMs !== null && line.t - state.beganMs >= settings.deadlineMs;
  if (held === null) return goOn(settings, state, line, late);
  return late && settings.onInconclusive === 'rollback' ? atDeadline(held) : held;
}

function mustGoBack(
  settings: SequentialSettings,
  state: SequentialState,
  line: Line,
  { errors, latency }: Ceilings,
): Decision | null {
  if (line.weight === null || line.weight === 0) return null;
  const back = (code: ReasonCode, reason: string): Decision => ({ kind: 'rollback', code, reason });
  const silentMs = line.t - (state.lastCanaryMs ?? line.weightSinceMs) - state.outageMs;
  if (!line.canarySeen && line.stableSeen && silentMs >= settings.nodataTimeoutMs) {
    const since = formatDuration(Math.floor(silentMs / 1_000) * 1_000);
    return back('CANARY_SILENT', `no proxy has shown the canary for ${since}, while stable is there`);
  }
  if (getsTwice(state.routing)) {
    return back('ROUTING', `routing: the canary gets more than twice the ${line.weight} % that it should`);
  }
  if (rejects(state.combined.logE, settings.alpha)) {
    const { cause } = state.combined;
    return back('EVIDENCE', `${cause}: the canary is worse than stable (${counts(state, cause)})`);
  }
  const over = errors.kind === 'over' ? errors : latency.kind === 'over' ? latency : null;
  if (over === null) return null;
  const metric = over === errors ? 'error-rate' : 'latency';
  const words = `${metric}: the canary is over its limit, stable is not`;
  return { ...back('OVER_LIMIT', words), limit: { metric, max: over.max } };
}

function mustHold(state: SequentialState, line: Line, { errors, latency }: Ceilings): Decision | null {
  const hold = (code: ReasonCode, reason: string): Decision => ({ kind: 'hold', code, reason });
  if (line.weight === null) return hold('NOT_LIVE', 'the step is not live on every proxy');
  if (line.weight === 0) return hold('NO_WEIGHT', 'the canary has no weight');
  if (state.empty >= EMPTY_LINES) return hold('NO_DATA', `no evidence for ${state.empty} scrapes`);
  if (state.routing.mismatch) {
    const names = line.pairs.map(({ proxy }) => proxy);
    return hold('ROUTING', `routing: ${mismatchWords(state.routing, line.weight, names)}`);
  }
  if (errors.kind === 'shared' || latency.kind === 'shared') {
    return hold('SHARED_INCIDENT', 'stable is over the limit as well: going back would help nobody');
  }
  if (state.combined.logE >= SOFT_STOP) {
    return hold('SUSPICION', `${state.combined.cause}: there is some evidence that the canary is worse`);
  }
  return null;
}

function goOn(settings: SequentialSettings, state: SequentialState, line: Line, late: boolean): Decision {
  const hold = (code: ReasonCode, reason: string): Decision => ({ kind: 'hold', code, reason });
  const weight = line.weight ?? 0;
  const last = settings.steps.at(-1);
  const step = settings.steps.find((one) => one.weight === weight);
  const inStepMs = line.t - line.weightSinceMs;
  const atEnd = last !== undefined && weight >= last.weight;
  const holdMs = (atEnd ? last.holdMs : step?.holdMs) ?? 0;
  const blocked =
    inStepMs < holdMs
      ? hold('DWELL', `${formatDuration(Math.ceil((holdMs - inStepMs) / 1_000) * 1_000)} left in this step`)
      : state.requestsInStep === 0
        ? hold(
            'NO_REQUESTS',
            line.settling ? 'the step settles' : 'routing: no request reached the canary in this step',
          )
        : null;
  if (blocked !== null) return late && settings.onInconclusive === 'rollback' ? atDeadline(blocked) : blocked;
  const onward = atEnd ? 'promote' : 'advance';
  if (!atEnd && maySkip(settings, state, line)) {
    const reason = 'it is shown to be no worse than stable: the remaining steps may be skipped';
    return { kind: onward, code: 'OK', reason, skips: true };
  }
  if (!atEnd && !comparesLast(settings, weight)) {
    return { kind: onward, code: 'OK', reason: 'nothing speaks against the next step' };
  }
  const power = powerLeft(settings, state);
  if (power === null) return { kind: onward, code: 'OK', reason: 'a regression of the size asked for would be seen' };
  if (late && settings.onInconclusive === 'promote') {
    return { kind: onward, code: 'DEADLINE', reason: `the deadline has passed, and the plan says so: ${power}` };
  }
  const open = hold('POWER', power);
  return late && settings.onInconclusive === 'rollback' ? atDeadline(open) : open;
}

/** Not by silence: each metric has to show it, and a regression of the size asked for would have been seen. */
function maySkip(settings: SequentialSettings, state: SequentialState, { t }: Line): boolean {
  const { safety, beganMs, edges } = state;
  if (settings.skipAfterMs === null || safety === undefined || beganMs === null) return false;
  if (t - beganMs < settings.skipAfterMs || powerLeft(settings, state) !== null) return false;
  const objectives = edges.filter(({ edge }) => edge.isObjective);
  const slow = (objectives.length > 0 ? objectives : edges).flatMap((edge) => edge.safety ?? []);
  return isSafe([safety.errors, safety.retried, safety.cut, ...slow]);
}

/** Past the last step that both arms share nothing can be compared any more, whatever steps the plan still has. */
function comparesLast({ steps }: SequentialSettings, weight: number): boolean {
  const last = steps.findLast((step) => step.weight < 100);
  return last !== undefined && weight >= last.weight;
}

function atDeadline({ reason }: Decision): Decision {
  return { kind: 'rollback', code: 'DEADLINE', reason: `the deadline has passed, and the plan says so: ${reason}` };
}

interface Limited {
  readonly kind: Ceiling;
  readonly max: number;
}
type Ceilings = Readonly<Record<'errors' | 'latency', Limited>>;

const NO_LIMIT: Limited = { kind: 'below', max: 1 };

function ceilings(settings: SequentialSettings, state: SequentialState, weight: number | null): Ceilings {
  const { errors, latency } = askedAt(settings, weight);
  const limited = (seen: CeilingState, max: number | null, metric: MetricState): Limited => ({
    kind: ceiling(seen, max, phiOf(metric)),
    max: max ?? 1,
  });
  const each = latency.objectives.map((one) => {
    const edge = edgeOfObjective(state.edges, one);
    const seen = state.ceilings.latency.find(({ ms }) => ms === edge?.edge.ms)?.seen ?? [];
    return edge === undefined ? NO_LIMIT : limited(seen, one.max, edge.metric);
  });
  return {
    errors: limited(state.ceilings.errors, errors.max, state.errors),
    latency: each.find(({ kind }) => kind === 'over') ?? each.find(({ kind }) => kind === 'shared') ?? NO_LIMIT,
  };
}

function counts(state: SequentialState, cause: string): string {
  const of = { 'error-rate': state.errors, 'retried-5xx': state.retried, 'resets-timeouts': state.cut }[cause];
  const metric = of ?? state.edges.find(({ edge }) => edge.isObjective)?.metric ?? state.edges[0]?.metric;
  if (metric === undefined) return 'no counts';
  const { canary, stable } = metric;
  return `${canary.bad} of ${canary.total} against ${stable.bad} of ${stable.total}`;
}
