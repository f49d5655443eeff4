import type { JudgeState } from '../analysis/judge.ts';
import { judgeByPlan } from '../analysis/judge-by-plan.ts';
import type { BackendState } from '../model/backend-state.ts';
import { isTerminal } from '../model/phase.ts';
import { BREAKER_CLOSED } from '../rollout/breaker.ts';
import { decideCommand, type RolloutCommand } from '../rollout/command.ts';
import type { GateAnswer, HookAnswer } from '../rollout/hook-answer.ts';
import { type HookQuestion, questionOf } from '../rollout/hook-question.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { step } from '../rollout/step.ts';
import { draft, emit, finish, type Settings, type Transition } from '../rollout/transition.ts';
import { decideUndo } from '../rollout/undo.ts';
import { backendTraffic, canaryWeight } from '../traffic/backend-traffic.ts';
import { noToll, type Toll } from './envoy.ts';
import { SimulatedFleet } from './fleet.ts';
import { histogramOf } from './histogram.ts';
import { observeWorld } from './observe.ts';
import { type Approval, approvalOf } from './people.ts';
import { createRandom } from './random.ts';
import type { Release } from './release.ts';
import { Timeline, type TimelineEntry } from './timeline.ts';
import { current, type Deed, type HookWord, type World } from './world.ts';

/** `held`: it has not ended when the time that is played is over. */
export const OUTCOMES = ['promoted', 'rolled_back', 'aborted', 'failed', 'undone', 'held'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Run {
  readonly seed: number;
  readonly outcome: Outcome;
  /** From the start to the end, ms. */
  readonly tookMs: number;
  readonly toll: Toll;
  /** Why it left the straight way; what a held one waits for; `null`: it was promoted. */
  readonly because: string | null;
  readonly entries: readonly TimelineEntry[];
  /** Is a held one paused, and so a person's? */
  readonly paused: boolean;
}

const SETTINGS: Settings = { disconnectGraceMs: 30_000, retireAfterMs: 86_400_000, clockTrusted: true };
/** So long a hook that answers takes for it. */
const HOOK_MS = 100;

/** What is played: the real decisions of the engine on one rollout, in a world, in virtual time. */
export function play(release: Release, world: World, seed: number, forMs: number): Run {
  const game = new Game(release, world, seed);
  return game.play(seed, world.startsAtMs + forMs);
}

class Game {
  readonly #world: World;
  readonly #fleet: SimulatedFleet;
  readonly #toll = noToll();
  readonly #timeline: Timeline;
  readonly #commands: { atMs: number; deed: Deed }[];
  #rollout: Rollout;
  #backend: BackendState;
  #judgement: JudgeState | null = null;
  #asked: { readonly question: HookQuestion; readonly atMs: number } | null = null;
  /** The attempt whose gate somebody has had a word on. */
  #answered: number | null = null;
  #endedAtMs: number | null = null;
  #dueAtMs: number | null;
  #nowMs: number;

  constructor({ rollout, backend }: Release, world: World, seed: number) {
    const { stable, canary, fleets, spec } = rollout;
    if (stable === null) throw new Error('a release has something to go back to');
    this.#world = world;
    this.#rollout = rollout;
    this.#backend = backend;
    this.#nowMs = world.startsAtMs;
    this.#dueAtMs = this.#nowMs;
    this.#timeline = new Timeline(world.startsAtMs);
    this.#commands = world.people.commands
      .map(({ atMs, deed }) => ({ atMs: world.startsAtMs + atMs, deed }))
      .sort((a, b) => a.atMs - b.atMs);
    this.#fleet = new SimulatedFleet(
      {
        ...{ world, fleets, toll: this.#toll, arms: { stable, canary } },
        ...{ histogram: histogramOf(spec, world), random: createRandom(seed) },
      },
      backendTraffic({ ...backend, rolloutId: null }, null),
    );
    this.#fleet.advance(this.#nowMs);
    // What came before the start is nobody's toll.
    Object.assign(this.#toll, noToll());
  }

  play(seed: number, untilMs: number): Run {
    const d = draft(this.#rollout, this.#backend, this.#nowMs);
    emit(d, 'started', `rollout of ${this.#rollout.canary.name} by plan ${this.#rollout.plan}`, {}, 'ci');
    this.#commit(finish(d, this.#rollout, d.nowMs, d.nowMs));
    while (!this.#isOver()) {
      // Nobody says it twice, also where it was refused.
      const approval = this.#answered === this.#rollout.attempt ? null : approvalOf(this.#rollout, this.#world.people);
      const [command] = this.#commands;
      const ackAtMs = this.#fleet.nextAckMs();
      const nextMs = earliest(this.#dueAtMs, ackAtMs, this.#asked?.atMs, approval?.atMs, command?.atMs);
      // Nothing is due: nothing will ever happen.
      if (nextMs === null || nextMs > untilMs) {
        this.#fleet.advance(untilMs);
        this.#nowMs = untilMs;
        break;
      }
      this.#nowMs = Math.max(this.#nowMs, nextMs);
      this.#fleet.advance(this.#nowMs);
      this.#happen(approval);
    }
    return this.#run(seed);
  }

  /** What people do comes first; then a look, for which all else is only a hint. */
  #happen(approval: Approval | null): void {
    const [command] = this.#commands;
    if (command !== undefined && command.atMs <= this.#nowMs) {
      this.#commands.shift();
      this.#obey(command.deed);
      return;
    }
    if (approval !== null && approval.atMs <= this.#nowMs) {
      const { step: at, attempt } = this.#rollout;
      this.#answered = attempt;
      this.#command({ type: 'approve', gate: { step: at, attempt } }, approval.by);
      return;
    }
    if (!isTerminal(this.#rollout.phase)) this.#look(this.#hear());
  }

  #hear(): GateAnswer | null {
    if (this.#asked === null || this.#asked.atMs > this.#nowMs) return null;
    const { question } = this.#asked;
    this.#asked = null;
    const { attempt, ask, target } = question;
    return { attempt, ask, answer: WORDS[this.#wordOf(target)] };
  }

  #wordOf(target: string): HookWord {
    const said = this.#world.hooks.get(target);
    const sinceStartMs = this.#nowMs - this.#world.startsAtMs;
    return said === undefined ? 'silent' : current(said, sinceStartMs, canaryWeight(this.#rollout)).answer;
  }

  #look(answer: GateAnswer | null): void {
    const observed = observeWorld(this.#world, this.#fleet, this.#rollout, this.#judgement, this.#nowMs);
    const transition = step({
      rollout: this.#rollout,
      backend: this.#backend,
      observed: answer === null ? observed : { ...observed, answer },
      judge: judgeByPlan,
      judgement: this.#judgement,
      breaker: BREAKER_CLOSED,
      settings: SETTINGS,
      nowMs: this.#nowMs,
    });
    this.#commit(transition);
  }

  #commit(transition: Transition): void {
    const before = this.#rollout;
    this.#rollout = transition.rollout;
    this.#backend = transition.backend;
    if (transition.judgement !== null) this.#judgement = transition.judgement.state;
    // Not at this very moment again: time has to pass between two looks.
    const { dueAtMs } = transition;
    if (isTerminal(this.#rollout.phase) && !isTerminal(before.phase)) this.#endedAtMs = this.#nowMs;
    this.#dueAtMs = dueAtMs === null || isTerminal(this.#rollout.phase) ? null : Math.max(dueAtMs, this.#nowMs + 1);
    this.#fleet.commit(transition, this.#nowMs);
    this.#timeline.note(transition.rollout, transition.events, this.#nowMs);
    const question = questionOf(before, transition.rollout);
    if (question === null) return;
    const silent = this.#wordOf(question.target) === 'silent';
    this.#asked = { question, atMs: this.#nowMs + (silent ? question.timeoutMs : HOOK_MS) };
  }

  #obey(deed: Deed): void {
    const by = this.#world.people.as ?? 'a person';
    const reason = 'the world says so';
    if (deed === 'undo') this.#undo(by);
    else this.#command(deed === 'pause' || deed === 'abort' ? { type: deed, reason } : { type: deed }, by);
  }

  #command(command: RolloutCommand, by: string): void {
    const outcome = decideCommand({
      ...{ rollout: this.#rollout, backend: this.#backend, command, by },
      ...{ observed: { fleets: this.#fleet.observe() }, settings: SETTINGS, nowMs: this.#nowMs },
    });
    if (outcome.kind === 'accepted') this.#commit(outcome.transition);
    else if (outcome.kind === 'refused') this.#timeline.refused(this.#rollout, by, outcome.error.message, this.#nowMs);
  }

  #undo(by: string): void {
    const { fleets, id, plan, spec } = this.#rollout;
    const undone = decideUndo({
      ...{ id: `${id}-undo`, backend: this.#backend, of: null, undone: { plan, spec }, fleets, requires: [], by },
      ...{ observed: { fleets: this.#fleet.observe() }, reason: 'the world says so', nowMs: this.#nowMs },
    });
    if (undone.kind === 'ok') this.#commit(undone.value);
    else this.#timeline.refused(this.#rollout, by, undone.errors[0]?.message ?? '', this.#nowMs);
  }

  /** Ended, and nobody does anything more. */
  #isOver(): boolean {
    return isTerminal(this.#rollout.phase) && !this.#commands.some(({ deed }) => deed === 'undo');
  }

  #run(seed: number): Run {
    const { cause, waitingFor, paused } = this.#rollout;
    const outcome = outcomeOf(this.#rollout);
    return {
      ...{ seed, outcome, toll: this.#toll, entries: this.#timeline.entries },
      tookMs: (outcome === 'held' ? this.#nowMs : (this.#endedAtMs ?? this.#nowMs)) - this.#world.startsAtMs,
      because: outcome === 'held' ? waitingFor : (cause?.summary ?? null),
      paused: paused !== null,
    };
  }
}

const WORDS: Readonly<Record<HookWord, HookAnswer>> = {
  open: { kind: 'open', detail: 'it is well' },
  wait: { kind: 'wait', detail: 'not yet' },
  reject: { kind: 'reject', detail: 'it is not well' },
  fail: { kind: 'failed', detail: 'HTTP 503' },
  silent: { kind: 'failed', detail: 'no answer in time' },
};

function outcomeOf({ phase, undoes }: Rollout): Outcome {
  switch (phase) {
    case 'promoted':
      return undoes === undefined ? 'promoted' : 'undone';
    case 'rolled_back':
    case 'aborted':
    case 'failed':
      return phase;
    default:
      return 'held';
  }
}

function earliest(...times: readonly (number | null | undefined)[]): number | null {
  const known = times.filter((time): time is number => time != null);
  return known.length === 0 ? null : Math.min(...known);
}
