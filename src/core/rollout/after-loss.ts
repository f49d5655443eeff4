import { connectedNodes } from '../fleet/liveness.ts';
import type { BackendState } from '../model/backend-state.ts';
import { TOTAL_WEIGHT } from '../model/documents.ts';
import { isTerminal } from '../model/phase.ts';
import type { Revision } from '../model/revision.ts';
import type { BackendTraffic } from '../model/traffic.ts';
import { backendTraffic } from '../traffic/backend-traffic.ts';
import { armsOf } from './arms.ts';
import { partOf } from './joint.ts';
import { end } from './moves.ts';
import { pushTo } from './push.ts';
import type { Rollout } from './rollout.ts';
import {
  change,
  type Draft,
  draft,
  emit,
  enterPhase,
  finish,
  type Observations,
  type Settings,
  type Transition,
  wait,
} from './transition.ts';

/**
 * A store that has lost commits, and Envoys that run what was in them. `adopt`: the records are made to say what the
 * Envoys run. `stable`: every rollout ends, and everything goes to stable.
 */
export type LossMode = 'adopt' | 'stable';

interface LossInput {
  readonly mode: LossMode;
  readonly by: string;
  /** What the store holds. */
  readonly state: BackendState;
  /** The active rollout of the backend, as the store has it. */
  readonly rollout: Rollout | null;
  /** What the Envoys are given; `null`: this process does not know. */
  readonly running: BackendTraffic | null;
  readonly fleets: Observations['fleets'];
  readonly settings: Settings;
  readonly nowMs: number;
}

export interface AfterLoss {
  readonly state: BackendState;
  /** The rollout as it goes on or ends; `null`: there is none, or it stays as it is. */
  readonly transition: Transition | null;
  /** What was done, in words for people; `null`: nothing had to be. */
  readonly summary: string | null;
}

export function afterLoss(input: LossInput): AfterLoss {
  const { mode, state, rollout, running } = input;
  const same = { state, transition: null, summary: null };
  if (rollout === null && running === null) return same;
  if (mode === 'adopt' && running !== null) {
    if (agrees(state, rollout, running)) return { ...same, state: keepNamed(input, running) };
    // Of two histories one holds a decision to go back: nothing raises the canary's weight after that.
    if (rollout !== null && isReverting(rollout)) return { state, transition: null, summary: 'its way back goes on' };
    const moved = rollout === null ? null : moveRollout(input, rollout, running);
    if (moved !== null) return moved;
    return settleOn(input, soleArm(running) ?? firstArm(running) ?? state.stable);
  }
  const stable = state.stable ?? (running === null ? null : firstArm(running));
  const settled =
    rollout === null && running !== null && sameRequests(backendTraffic({ ...state, stable }, null), running);
  if (settled && state.stable === stable) return same;
  return settleOn(input, stable);
}

/**
 * What becomes of all backends of a joint rollout: it goes on only where each of them runs what the records say. How far
 * it was otherwise cannot be told of several at once, and stable is what each of them has.
 */
export function jointMode(
  mode: LossMode,
  rollout: Rollout,
  backends: readonly { readonly state: BackendState; readonly running: BackendTraffic | null }[],
): LossMode {
  if (mode === 'stable') return mode;
  // What ends one of them ends the record, and with it all of them.
  if (isReverting(rollout)) return backends.some(({ running }) => running === null) ? 'stable' : mode;
  return backends.every(({ state, running }) => running !== null && agrees(state, rollout, running)) ? mode : 'stable';
}

/** Another backend of a joint rollout that ends with this: it stays on stable, and its canary is served for a while. */
export function besideAfterLoss({ state, rollout, running, settings, nowMs }: LossInput): AfterLoss {
  const canary = rollout === null ? [] : [partOf(rollout, state.backend).canary];
  const others = running ?? { revisions: canary, pinned: [] };
  const kept = retireOthers({ ...state, rolloutId: null }, others, nowMs + settings.retireAfterMs);
  return { state: kept, transition: null, summary: `${state.stable?.name ?? 'nothing'} is stable` };
}

/** Do the Envoys run what the records say? Where one of them tries it out, the others have not begun. */
function agrees(state: BackendState, rollout: Rollout | null, running: BackendTraffic): boolean {
  if (sameRequests(backendTraffic(state, rollout), running)) return true;
  return rollout?.push?.probe != null && onStable(state, running);
}

/** A cluster that routes name at no weight is not in the records, where the drill was lost: it has to outlive them. */
function keepNamed({ state, rollout, settings, nowMs }: LossInput, running: BackendTraffic): BackendState {
  const known = backendTraffic(state, rollout).split.map(({ cluster }) => cluster);
  const named = running.split.map(({ cluster }) => cluster).filter((cluster) => !known.includes(cluster));
  if (named.length === 0) return state;
  const revisions = running.revisions.filter(({ cluster }) => named.includes(cluster));
  return retireOthers(state, { revisions, pinned: running.pinned }, nowMs + settings.retireAfterMs);
}

/** Do requests go the same ways? Clusters that nobody is sent to may differ. */
function sameRequests(a: BackendTraffic, b: BackendTraffic): boolean {
  const ways = ({ split, pins }: BackendTraffic) => JSON.stringify([split.filter(({ weight }) => weight > 0), pins]);
  return ways(a) === ways(b);
}

/** The rollout went on, and the store has lost how far: the step whose traffic the Envoys have is the one it is at. */
function moveRollout(input: LossInput, rollout: Rollout, running: BackendTraffic): AfterLoss | null {
  const at = (phase: Rollout['phase'], step: number): Rollout => ({ ...rollout, phase, step });
  const steps = rollout.spec.strategy.steps.map((_, step) => at('stepping', step));
  // Later ones first: of two steps alike, the one that was further had its gates passed.
  const ends = rollout.variants === undefined ? [{}] : armsOf(rollout).map(({ name }) => ({ winner: name }));
  const promoted = ends.map((end): Rollout => ({ ...at('promoting', rollout.step), ...end }));
  const candidates = [...promoted, ...steps.toReversed()];
  const found = candidates.find((candidate) => sameRequests(backendTraffic(input.state, candidate), running));
  // Back on stable: what leads there is the end of a rollout, and that is not taken back.
  if (found === undefined || onStable(input.state, running)) return null;
  const d = begin(input, rollout);
  const push = pushTo(d, connectedNodes(input.fleets), { routesOnly: false });
  // Beyond those that are lost: what a hook was asked in one of them, and has an answer for, was about another step.
  const attempt = rollout.attempt + 1 + Math.max(0, found.step - rollout.step);
  const won = found.winner === undefined ? {} : { winner: found.winner };
  change(d, { step: found.step, attempt, push, evidence: null, approval: null, ...won });
  const summary =
    found.phase === 'promoting'
      ? 'the Envoys run the promotion; the rollout was moved to it'
      : `the Envoys run step ${found.step + 1}; the rollout was moved to it and is paused`;
  if (found.phase !== rollout.phase) enterPhase(d, found.phase, summary, input.by);
  const step = rollout.spec.strategy.steps[found.step];
  if (found.phase === 'stepping' && step !== undefined) {
    const entry = { step: found.step, name: step.name, weight: step.weight, committedAtMs: d.nowMs };
    change(d, {
      history: [...rollout.history, { ...entry, liveAtMs: null, leftAtMs: null }],
      paused: { by: input.by, reason: 'the store had lost how far it was', atMs: d.nowMs },
    });
    emit(d, 'paused', summary, { weight: step.weight }, input.by);
  }
  d.traffic = true;
  wait(d, 'the ACKs of the counted Envoys');
  return { state: d.backend, transition: finish(d, rollout, d.nowMs, input.nowMs), summary };
}

/** No rollout any more; this revision is the stable one, and what else Envoys may route to stays served for a while. */
function settleOn(input: LossInput, stable: Revision | null): AfterLoss {
  const { state, rollout, by, settings, running } = input;
  const untilMs = input.nowMs + settings.retireAfterMs;
  const where = stable === null ? 'nothing is stable' : `${stable.name} is stable`;
  if (rollout === null) {
    const summary = state.stable?.key === stable?.key ? `all requests go to ${stable?.name ?? 'nobody'}` : where;
    return { state: retireOthers({ ...state, stable, rolloutId: null }, running, untilMs), transition: null, summary };
  }
  const summary = `the store had lost commits; ${where}`;
  const d = begin(input, rollout);
  d.backend = { ...d.backend, stable };
  const cause = { kind: 'person', by, summary, atMs: d.nowMs, step: rollout.step, verdict: null, node: null } as const;
  change(d, { cause });
  end(d, 'aborted', summary, settings, by);
  // Of what the Envoys have nothing is known: it may well be the canary.
  const others = running ?? { revisions: armsOf(rollout).map(({ canary }) => canary), pinned: [] };
  d.backend = retireOthers(d.backend, others, untilMs);
  return { state: d.backend, transition: finish(d, rollout, null, input.nowMs), summary };
}

function begin({ state, nowMs }: LossInput, rollout: Rollout): Draft {
  return draft(rollout, state, nowMs);
}

function retireOthers(
  state: BackendState,
  running: Pick<BackendTraffic, 'revisions' | 'pinned'> | null,
  untilMs: number,
): BackendState {
  const known = new Set([state.stable?.key, ...state.retired.map(({ revision }) => revision.key)]);
  const more = (running?.revisions ?? []).filter(({ key }) => !known.has(key));
  const pinned = new Set(running?.pinned);
  const retired = [
    ...state.retired.filter(({ revision, pinned: withPin }) => revision.key !== state.stable?.key || withPin),
    ...more.map((revision) => ({ revision, pinned: pinned.has(revision.key), untilMs })),
  ];
  return { ...state, retired };
}

/** Where all requests go, if it is one place. */
function soleArm({ split, revisions, pins }: BackendTraffic): Revision | null {
  const [arm, ...others] = split.filter(({ weight }) => weight > 0);
  if (arm?.weight !== TOTAL_WEIGHT || others.length > 0 || pins.length > 0) return null;
  return revisions.find(({ cluster }) => cluster === arm.cluster) ?? null;
}

/** The order of arms is fixed: stable comes first. */
function firstArm({ split, revisions }: BackendTraffic): Revision | null {
  return revisions.find(({ cluster }) => cluster === split[0]?.cluster) ?? null;
}

function isReverting({ phase }: Rollout): boolean {
  return phase === 'rolling_back' || phase === 'aborting';
}

function onStable(state: BackendState, running: BackendTraffic): boolean {
  return sameRequests(backendTraffic(state, null), running);
}

/** The rollout that a backend's traffic is made from after this. */
export function rolloutAfter({ transition }: AfterLoss, before: Rollout | null): Rollout | null {
  const rollout = transition?.rollout ?? before;
  return rollout === null || isTerminal(rollout.phase) ? null : rollout;
}
