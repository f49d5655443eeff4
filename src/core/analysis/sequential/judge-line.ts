import { clipFor, combineEvidence } from '../statistics/combine.ts';
import { powerOf } from '../statistics/power-gate.ts';
import { shareEvidence } from '../statistics/share-test.ts';
import { logWeightedMean } from '../statistics/tilt.ts';
import type { Objective } from './asked.ts';
import { updateCeiling } from './ceiling.ts';
import { countCut, countErrors, countRetried, countSlow } from './counts.ts';
import { type Decision, decide } from './decide.ts';
import type { EnvoySeen } from './envoy-shares.ts';
import { hangs, suspicion, withUnended } from './hang-guard.ts';
import { edgeOfObjective } from './latency-edges.ts';
import { chooseLatency, learnLine } from './learn-line.ts';
import { evidenceOf, phiOf, type Strata, strataOf, updateMetric } from './metric.ts';
import { SAFE_LATENCY_RATIO, SAFE_RATIO, updateSafety } from './non-inferiority.ts';
import { objectiveRatio } from './power-left.ts';
import { total, updateRouting } from './routing-check.ts';
import { askedAt, type SequentialSettings } from './settings.ts';
import { startsAt, startsOf } from './starts.ts';
import type { SequentialState } from './state.ts';
import type { Line, ProxyPair } from './walk.ts';

export const METRICS = ['error-rate', 'latency', 'retried-5xx', 'resets-timeouts'] as const;
export type Metric = (typeof METRICS)[number];

/** Shares in the common evidence. */
export const WEIGHTS: Readonly<Record<Metric, number>> = {
  'error-rate': 0.4,
  latency: 0.3,
  'retried-5xx': 0.15,
  'resets-timeouts': 0.15,
};

/** Natural logarithms. `latency: null`: no edge of the histogram can be judged. */
export interface LogEvidence extends Readonly<Record<Exclude<Metric, 'latency'>, number>> {
  readonly latency: number | null;
  /** The clipped sum that decides. */
  readonly combined: number;
  readonly srm: number;
}

export interface Judged {
  readonly state: SequentialState;
  readonly lnE: LogEvidence;
  readonly decision: Decision;
}

/** A line before the first one that is judged: it teaches what stable is like. */
export function recordLine(settings: SequentialSettings, state: SequentialState, line: Line): SequentialState {
  return learnLine(settings, seen(state, line), line);
}

/**
 * One tick of the sequential judge: `judging.md` §2.0 to §2.4 with the readings of `judge-interface.md` §2. Pure: the
 * same lines give the same decisions on any replica, whatever the order of the proxies.
 */
export function judgeLine(settings: SequentialSettings, before: SequentialState, line: Line): Judged {
  let state: SequentialState = { ...seen(before, line), beganMs: before.beganMs ?? line.t };
  if (line.weight !== null && line.weight > 0)
    state = weigh(settings, chooseLatency(settings, state), line, line.weight);
  const decision = decide(settings, state, line);
  return { state: learnLine(settings, state, line), lnE: logEvidence(settings, state), decision };
}

/** While nobody is scraped, the monitoring is away and not the canary. */
function seen(state: SequentialState, { t, canarySeen, stableSeen }: Line): SequentialState {
  if (canarySeen) return { ...state, lastMs: t, lastCanaryMs: t, outageMs: 0 };
  const outageMs = stableSeen || state.lastMs === null ? state.outageMs : state.outageMs + t - state.lastMs;
  return { ...state, lastMs: t, outageMs };
}

function weigh(settings: SequentialSettings, state: SequentialState, line: Line, weight: number): SequentialState {
  const { steps, margin, scrapes, alpha } = settings;
  const { errors, latency } = askedAt(settings, weight);
  const isNew = weight !== state.weight;
  const activations = isNew ? [...state.activations, state.ticks] : state.activations;
  const starts = startsAt(activations, startsOf(state));
  const suspicious = line.pairs.length === 0 ? state.suspicious : suspicion(state.suspicious, line.pairs);
  const pairs = hangs(suspicious) ? line.pairs.map(withUnended) : line.pairs;
  const ofErrors = strataOf({ pairs }, countErrors(errors.count));
  const warm = { pairs: pairs.filter(({ fromMs }) => fromMs >= line.liveFromMs + latency.warmupMs) };
  const slow = state.edges.map(({ edge }) => strataOf(warm, countSlow(edge.ms, settings)));
  const plain = { margin, starts, floor: null };
  const [ofRetried, ofCut] = [strataOf({ pairs }, countRetried), strataOf({ pairs }, countCut)];
  const step = steps.find((one) => one.weight === weight);
  const begun = begunIn(line.pairs);
  const checkedFromMs = state.routing.resumed?.atMs ?? Number.NEGATIVE_INFINITY;
  const checked = begun.filter(({ fromMs }) => fromMs >= checkedFromMs);
  const next: SequentialState = {
    ...state,
    activations,
    weight,
    ticks: state.ticks + 1,
    suspicious,
    errors: updateMetric(state.errors, ofErrors, { ...plain, floor: errors.floor }),
    retried: updateMetric(state.retried, ofRetried, plain),
    cut: updateMetric(state.cut, ofCut, plain),
    ...(state.safety === undefined
      ? {}
      : {
          safety: {
            errors: updateSafety(state.safety.errors, ofErrors, SAFE_RATIO, phiOf(state.errors)),
            retried: updateSafety(state.safety.retried, ofRetried, SAFE_RATIO, phiOf(state.retried)),
            cut: updateSafety(state.safety.cut, ofCut, SAFE_RATIO, phiOf(state.cut)),
          },
        }),
    edges: state.edges.map((one, i) => ({
      ...one,
      ...(one.safety === undefined
        ? {}
        : { safety: updateSafety(one.safety, slow[i] ?? [], SAFE_LATENCY_RATIO, phiOf(one.metric)) }),
      metric: updateMetric(one.metric, slow[i] ?? [], plain),
      power: one.edge.isObjective ? one.power + powerIn(slow[i] ?? [], objectiveRatio(settings, one), margin) : 0,
    })),
    routing: updateRouting(state.routing, step?.pinned === true ? [] : checked, {
      ...{ wanted: weight / 100, sticky: step?.sticky === true, starts, isNew },
      ...{ steps: Math.max(1, steps.length), step: activations.length },
    }),
    power: {
      errors: state.power.errors + powerIn(ofErrors, settings.detectable, margin),
    },
    ceilings: {
      errors: errors.max === null ? [] : updateCeiling(state.ceilings.errors, line.t, ofErrors),
      latency: latencyCeilings(state, latency.objectives, slow, line.t),
    },
    empty: emptyLines(state.empty, line),
    requestsInStep: (isNew ? 0 : state.requestsInStep) + total(begun).canary,
  };
  const found = evidence(next, errors.floor !== null);
  return { ...next, combined: combineEvidence(state.combined, found, clipFor(alpha, scrapes)) };
}

function latencyCeilings(
  { edges, ceilings }: SequentialState,
  objectives: readonly Objective[],
  slow: readonly Strata[],
  t: number,
): SequentialState['ceilings']['latency'] {
  const limited = objectives.flatMap((one) => (one.max === null ? [] : (edgeOfObjective(edges, one)?.edge.ms ?? [])));
  return [...new Set(limited)].map((ms) => {
    const seen = ceilings.latency.find((one) => one.ms === ms)?.seen ?? [];
    return { ms, seen: updateCeiling(seen, t, slow[edges.findIndex(({ edge }) => edge.ms === ms)] ?? []) };
  });
}

/** Requests that hang were routed all the same. Counted where both arms are seen. */
function begunIn(pairs: readonly ProxyPair[]): readonly (EnvoySeen & Pick<ProxyPair, 'fromMs'>)[] {
  return pairs.flatMap(({ proxy, fromMs, canary, stable }) => {
    if (canary === null || stable === null) return [];
    return [
      {
        ...{ envoy: proxy, fromMs },
        canary: Math.max(canary.completed, canary.started ?? 0),
        stable: Math.max(stable.completed, stable.started ?? 0),
      },
    ];
  });
}

/** What is dropped for settling was not missing. */
function emptyLines(before: number, line: Line): number {
  if (line.pairs.some(({ canary, stable }) => canary !== null && stable !== null)) return 0;
  return line.settling ? before : before + 1;
}

/** In an order of its own: sums depend on theirs in the last bits, and replicas hear proxies in any. */
function powerIn(strata: Strata, detectable: number, ratio: number): number {
  const each = strata.map(({ canary, stable }) => powerOf(canary.total, stable.total, { detectable, ratio }));
  return each.sort((a, b) => a - b).reduce((sum, one) => sum + one, 0);
}

/** A latency that nobody can judge gives its share to the others in proportion, for the whole rollout. */
export function spreadOf(hasLatency: boolean): number {
  return hasLatency ? 1 : 1 / (1 - WEIGHTS.latency);
}

function evidence(state: SequentialState, hasFloor: boolean) {
  const latency = latencyEvidence(state);
  const spread = spreadOf(latency !== null);
  const of = (name: Metric, raw: number) => ({ name, weight: WEIGHTS[name] * spread, raw });
  return [
    of('error-rate', evidenceOf(state.errors, hasFloor)),
    ...(latency === null ? [] : [of('latency', latency)]),
    of('retried-5xx', evidenceOf(state.retried)),
    of('resets-timeouts', evidenceOf(state.cut)),
  ];
}

function latencyEvidence({ edges }: SequentialState): number | null {
  if (edges.length === 0) return null;
  return logWeightedMean(edges.map(({ edge, metric }) => ({ weight: edge.weight, logE: evidenceOf(metric) })));
}

function logEvidence(settings: SequentialSettings, state: SequentialState): LogEvidence {
  const hasFloor = askedAt(settings, state.weight).errors.floor !== null;
  return {
    'error-rate': evidenceOf(state.errors, hasFloor),
    'retried-5xx': evidenceOf(state.retried),
    'resets-timeouts': evidenceOf(state.cut),
    latency: latencyEvidence(state),
    combined: state.combined.logE,
    srm: shareEvidence(state.routing.share),
  };
}
