import type { CountersResult, Judge, JudgeState, ScalarResult } from '../analysis/judge.ts';
import type { LoadReport } from '../analysis/push-guard.ts';
import type { SeriesPoint } from '../analysis/verdict-series.ts';
import type { FleetObservation } from '../fleet/liveness.ts';
import type { BackendState } from '../model/backend-state.ts';
import type { Phase } from '../model/phase.ts';
import type { Breaker } from './breaker.ts';
import type { Notice, RolloutEvent } from './event.ts';
import type { GateAnswer } from './hook-answer.ts';
import type { Judgement } from './judgement.ts';
import type { Rollout } from './rollout.ts';

/** What was seen of the world for this decision. An outage is in here as a value. */
export interface Observations {
  readonly fleets: Readonly<Record<string, FleetObservation>>;
  /** `null`: not asked for (see `observationNeeds`) or no metrics configured. */
  readonly counters: CountersResult | null;
  readonly queries: ReadonlyMap<string, ScalarResult>;
  /** By how much the clock that stamps the samples is ahead of ours, ms. @default not looked at */
  readonly offsetMs?: number;
  /** What Envoys reported themselves of both arms, lately. @default nothing */
  readonly loadReports?: readonly LoadReport[];
  /** What a hook has said that this process had asked. @default nothing */
  readonly answer?: GateAnswer;
  /** Largest scrape interval of the rollout's fleets; `null`: a fleet has no metrics. */
  readonly scrapeMs: number | null;
}

/** Of a decision that nobody measures for. */
export function withoutMetrics(observed: Pick<Observations, 'fleets'>): Observations {
  return { ...observed, counters: null, queries: new Map(), scrapeMs: null };
}

export interface Settings {
  /** A disconnected counted node holds a step for so long, then leaves the count. */
  readonly disconnectGraceMs: number;
  /** Where people can look at the counters themselves; the address of Prometheus without secrets. @default nowhere */
  readonly queryUrl?: string;
  /** How long a cluster that went out of use stays served. */
  readonly retireAfterMs: number;
  /** Wall and monotonic clock disagree: nothing may advance (rollbacks still do). */
  readonly clockTrusted: boolean;
}

export interface StepInput {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** Of the other backends of a joint rollout, in its order. @default it has none */
  readonly others?: readonly BackendState[];
  readonly observed: Observations;
  readonly judge: Judge;
  /** What the judge remembers; `null`: nothing, or another judge's. */
  readonly judgement: JudgeState | null;
  /** The same of the other backends, by name. @default nothing */
  readonly judgements?: Readonly<Record<string, JudgeState>>;
  /** @default closed */
  readonly breaker?: Breaker;
  readonly settings: Settings;
  readonly nowMs: number;
}

/** Everything that one decision changes; committed as a whole or not at all. */
export interface Transition {
  readonly rollout: Rollout;
  readonly backend: BackendState;
  /** Of the other backends of a joint rollout, in its order. */
  readonly others: readonly BackendState[];
  /** The Envoy traffic of all its backends changed and must be published with the commit. */
  readonly traffic: boolean;
  readonly events: readonly RolloutEvent[];
  readonly notices: readonly Notice[];
  /** The rollback clock: for each Envoy that has gone back, how long it took, ms. */
  readonly confirmedAfterMs: readonly number[];
  /** What the judge remembers from here on; `null`: no more than before. */
  readonly judgement: Judgement | null;
  /** What the judge has just concluded; `null`: it was not asked. */
  readonly point: SeriesPoint | null;
  /** When to look again; `null`: never (terminal). Hints may come earlier. */
  readonly dueAtMs: number | null;
}

/** A transition under construction, local to one call of `step` or `command`. */
export interface Draft {
  rollout: Rollout;
  backend: BackendState;
  others: readonly BackendState[];
  traffic: boolean;
  readonly events: RolloutEvent[];
  readonly notices: Notice[];
  readonly confirmedAfterMs: number[];
  judgement: Judgement | null;
  point: SeriesPoint | null;
  readonly nowMs: number;
  /** By how much the clock that stamps the samples is ahead of `nowMs`. @default not looked at */
  readonly offsetMs: number | undefined;
}

export function draft(
  rollout: Rollout,
  backend: BackendState,
  nowMs: number,
  { offsetMs }: Pick<Observations, 'offsetMs'> = {},
  others: readonly BackendState[] = [],
): Draft {
  // Time never runs backwards for a record, whichever replica's clock decides, nor does it stand still: what is told in
  // two decisions must not bear one time, and so one id.
  const ownMs = Math.max(nowMs, rollout.updatedAtMs + 1);
  return {
    rollout,
    backend,
    others,
    traffic: false,
    events: [],
    notices: [],
    confirmedAfterMs: [],
    judgement: null,
    point: null,
    nowMs: ownMs,
    // Samples know nothing of a clock that was set back; their now stays theirs.
    offsetMs: offsetMs === undefined ? undefined : offsetMs + nowMs - ownMs,
  };
}

export function change(d: Draft, fields: Partial<Rollout>): void {
  d.rollout = { ...d.rollout, ...fields };
}

export function emit(
  d: Draft,
  type: RolloutEvent['type'],
  message: string,
  data: RolloutEvent['data'] = {},
  by = 'serin',
): void {
  const { id, phase, step } = d.rollout;
  d.events.push({ rolloutId: id, type, atMs: d.nowMs, by, phase, step, message, data });
}

export function enterPhase(d: Draft, phase: Phase, message: string, by = 'serin'): void {
  change(d, { phase });
  emit(d, 'phase', message, {}, by);
}

export const STEADY_CLOCK = 'a steady clock: wall and monotonic time disagree';

/** Says what the rollout waits for; a repeated wait leaves the record as it is. */
export function wait(d: Draft, waitingFor: string): void {
  if (d.rollout.waitingFor !== waitingFor) change(d, { waitingFor });
}

/**
 * `nowMs` is the clock of this moment: behind a record that was stamped by a clock running ahead, the next look is
 * as far from now as it was to be from the record's time. The due set knows only the clock.
 */
export function finish(d: Draft, before: Rollout, dueAtMs: number | null, nowMs: number): Transition {
  const rollout = d.rollout === before ? before : { ...d.rollout, updatedAtMs: d.nowMs };
  return {
    rollout,
    backend: d.backend,
    others: d.others,
    traffic: d.traffic,
    events: d.events,
    notices: d.notices,
    confirmedAfterMs: d.confirmedAfterMs,
    judgement: d.judgement,
    point: d.point,
    dueAtMs: dueAtMs === null ? null : nowMs + (dueAtMs - d.nowMs),
  };
}
