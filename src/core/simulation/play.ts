import { judgeByPlan } from '../analysis/judge-by-plan.ts';
import type { BackendState } from '../model/backend-state.ts';
import { isTerminal } from '../model/phase.ts';
import { BREAKER_CLOSED } from '../rollout/breaker.ts';
import { decideCommand, type RolloutCommand } from '../rollout/command.ts';
import type { GateAnswer, HookAnswer } from '../rollout/hook-answer.ts';
import { type HookQuestion, questionOf } from '../rollout/hook-question.ts';
import { canaryNames, partOf, partOfArm } from '../rollout/joint.ts';
import type { Rollout } from '../rollout/rollout.ts';
import { step } from '../rollout/step.ts';
import { draft, emit, finish, type Settings, type Transition } from '../rollout/transition.ts';
import { decideUndo } from '../rollout/undo.ts';
import { backendTraffic, canaryWeight } from '../traffic/backend-traffic.ts';
import { type ArmToll, noArmToll, noToll, type SimulatedBackend, type Toll } from './envoy.ts';
import { SimulatedFleet } from './fleet.ts';
import { histogramOf } from './histogram.ts';
import { type Memory, observeWorld } from './observe.ts';
import { type Approval, approvalOf } from './people.ts';
import { createRandom } from './random.ts';
import type { Release } from './release.ts';
import { Timeline, type TimelineEntry } from './timeline.ts';
import { SimulatedUsers } from './users.ts';
import { current, type HookWord, type PersonsCommand, type World } from './world.ts';

/** `held`: it has not ended when the time that is played is over. */
export const OUTCOMES = ['promoted', 'rolled_back', 'aborted', 'failed', 'undone', 'held'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Run {
  readonly seed: number;
  readonly outcome: Outcome;
  /** From the start to the end, ms. */
  readonly tookMs: number;
  readonly toll: Toll;
  /** The same of each backend of a joint rollout, or of each arm of a test; of one alone there is one. */
  readonly parts: readonly RunPart[];
  /** Of a test with variants that was promoted: which arm. */
  readonly arm: string | null;
  /** Why it left the straight way; what a held one waits for; `null`: it was promoted. */
  readonly because: string | null;
  readonly entries: readonly TimelineEntry[];
  /** Is a held one paused, and so a person's? */
  readonly paused: boolean;
}

export interface RunPart {
  /** A backend, or an arm. */
  readonly name: string;
  readonly toll: ArmToll;
}

const SETTINGS: Settings = { disconnectGraceMs: 30_000, retireAfterMs: 86_400_000, clockTrusted: true };
/** Seeds of runs are below it. */
const USERS_SEED = 2 ** 31;
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
  readonly #users: SimulatedUsers;
  readonly #served: readonly SimulatedBackend[];
  readonly #timeline: Timeline;
  readonly #commands: PersonsCommand[];
  #rollout: Rollout;
  #backends: readonly BackendState[];
  #memory: Memory = { judgement: null, judgements: {} };
  #asked: { readonly question: HookQuestion; readonly atMs: number } | null = null;
  /** The attempt whose gate somebody has had a word on. */
  #answered: number | null = null;
  #endedAtMs: number | null = null;
  #dueAtMs: number | null;
  #nowMs: number;

  constructor({ rollout, backends }: Release, world: World, seed: number) {
    const { fleets, spec } = rollout;
    this.#world = world;
    this.#rollout = rollout;
    this.#backends = backends;
    this.#served = servedBy(rollout, world);
    this.#nowMs = world.startsAtMs;
    this.#dueAtMs = this.#nowMs;
    this.#timeline = new Timeline(world.startsAtMs);
    this.#commands = world.people.commands
      .map((command) => ({ ...command, atMs: world.startsAtMs + command.atMs }))
      .sort((a, b) => a.atMs - b.atMs);
    this.#fleet = new SimulatedFleet(
      {
        ...{ world, fleets, backends: this.#served },
        ...{ histogram: histogramOf(spec, world), random: createRandom(seed) },
      },
      backends.map((backend) => backendTraffic({ ...backend, rolloutId: null }, null)),
    );
    // Of its own stream: what users do changes nothing of what Envoys see.
    this.#users = new SimulatedUsers(world, createRandom(seed + USERS_SEED));
    this.#fleet.advance(this.#nowMs);
    // What came before the start is nobody's toll.
    for (const { toll, arms } of this.#served) {
      toll.requests = 0;
      for (const arm of arms) Object.assign(arm.toll, noArmToll());
    }
  }

  play(seed: number, untilMs: number): Run {
    const d = draft(this.#rollout, this.#first(), this.#nowMs, {}, this.#others());
    emit(d, 'started', `rollout of ${canaryNames(this.#rollout)} by plan ${this.#rollout.plan}`, {}, 'ci');
    this.#commit(finish(d, this.#rollout, d.nowMs, d.nowMs));
    while (!this.#isOver()) {
      // Nobody says it twice, also where it was refused.
      const approval = this.#answered === this.#rollout.attempt ? null : approvalOf(this.#rollout, this.#world.people);
      const [command] = this.#commands;
      const ackAtMs = this.#fleet.nextAckMs();
      const nextMs = earliest(this.#dueAtMs, ackAtMs, this.#asked?.atMs, approval?.atMs, command?.atMs);
      // Nothing is due: nothing will ever happen.
      if (nextMs === null || nextMs > untilMs) {
        this.#advance(untilMs);
        break;
      }
      this.#advance(Math.max(this.#nowMs, nextMs));
      this.#happen(approval);
    }
    return this.#run(seed);
  }

  #advance(toMs: number): void {
    this.#nowMs = toMs;
    this.#fleet.advance(toMs);
    this.#users.advance(toMs - this.#world.startsAtMs, this.#rollout);
  }

  #first(): BackendState {
    const [first] = this.#backends;
    if (first === undefined) throw new Error('a release has a backend');
    return first;
  }

  #others(): readonly BackendState[] {
    return this.#backends.slice(1);
  }

  /** What people do comes first; then a look, for which all else is only a hint. */
  #happen(approval: Approval | null): void {
    const [command] = this.#commands;
    if (command !== undefined && command.atMs <= this.#nowMs) {
      this.#commands.shift();
      this.#obey(command);
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
    const observed = observeWorld(
      this.#world,
      { fleet: this.#fleet, users: this.#users },
      ...([this.#rollout, this.#memory, this.#nowMs] as const),
    );
    const transition = step({
      rollout: this.#rollout,
      backend: this.#first(),
      others: this.#others(),
      observed: answer === null ? observed : { ...observed, answer },
      judge: judgeByPlan,
      ...this.#memory,
      breaker: BREAKER_CLOSED,
      settings: SETTINGS,
      nowMs: this.#nowMs,
    });
    this.#commit(transition);
  }

  #commit(transition: Transition): void {
    const before = this.#rollout;
    this.#rollout = transition.rollout;
    this.#backends = [transition.backend, ...transition.others];
    const { judgement } = transition;
    if (judgement !== null) this.#memory = { judgement: judgement.state, judgements: judgement.others ?? {} };
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

  #obey({ deed, arm }: PersonsCommand): void {
    const by = this.#world.people.as ?? 'a person';
    const reason = 'the world says so';
    if (deed === 'undo') this.#undo(by);
    else if (deed === 'promote') this.#command({ type: deed, ...(arm === undefined ? {} : { arm }) }, by);
    else this.#command(deed === 'pause' || deed === 'abort' ? { type: deed, reason } : { type: deed }, by);
  }

  #command(command: RolloutCommand, by: string): void {
    const outcome = decideCommand({
      ...{ rollout: this.#rollout, backend: this.#first(), others: this.#others(), command, by },
      ...{ observed: { fleets: this.#fleet.observe() }, settings: SETTINGS, nowMs: this.#nowMs },
    });
    if (outcome.kind === 'accepted') this.#commit(outcome.transition);
    else if (outcome.kind === 'refused') this.#timeline.refused(this.#rollout, by, outcome.error.message, this.#nowMs);
  }

  #undo(by: string): void {
    const { fleets, id, plan, spec } = this.#rollout;
    const served = new Map(this.#served.map((one) => [one.world.backend, one.fleets]));
    const parts = this.#backends.map((state) => ({ state, fleets: served.get(state.backend) ?? [] }));
    const undone = decideUndo({
      ...{
        id: `${id}-undo`,
        backend: this.#first(),
        parts,
        of: null,
        undone: { plan, spec },
        fleets,
        requires: [],
        by,
      },
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
    const { cause, waitingFor, paused, winner } = this.#rollout;
    const outcome = outcomeOf(this.#rollout);
    const isTest = this.#served.some(({ arms }) => arms.length > 1);
    const parts = this.#served.flatMap(({ world, arms }) =>
      arms.map(({ world: own, toll }): RunPart => ({ name: isTest ? own.name : world.backend, toll })),
    );
    const requests = this.#served.reduce((sum, { toll }) => sum + toll.requests, 0);
    return {
      ...{ seed, outcome, parts, entries: this.#timeline.entries },
      toll: parts.reduce((sum, { toll }) => added(sum, toll), { ...noToll(), requests }),
      arm: isTest && outcome === 'promoted' ? (winner ?? null) : null,
      tookMs: (outcome === 'held' ? this.#nowMs : (this.#endedAtMs ?? this.#nowMs)) - this.#world.startsAtMs,
      because: outcome === 'held' ? waitingFor : (cause?.summary ?? null),
      paused: paused !== null,
    };
  }
}

/** All that gets requests, with a tally for each arm that is rolled out. */
function servedBy(rollout: Rollout, world: World): readonly SimulatedBackend[] {
  return world.backends.map((own): SimulatedBackend => {
    const { stable, fleets } = partOf(rollout, own.backend);
    if (stable === null) throw new Error('a release has something to go back to');
    const arms = own.arms.map((arm) => {
      const part = rollout.variants === undefined ? partOf(rollout, own.backend) : partOfArm(rollout, arm.name);
      return { revision: part.canary, world: arm, toll: noArmToll() };
    });
    return { world: own, stable, arms, fleets, toll: { requests: 0 } };
  });
}

function added(sum: Toll, toll: ArmToll): Toll {
  return {
    requests: sum.requests,
    canary: sum.canary + toll.canary,
    failed: sum.failed + toll.failed,
    failedOnStable: sum.failedOnStable + toll.failedOnStable,
    slow: sum.slow + toll.slow,
    slowOnStable: sum.slowOnStable + toll.slowOnStable,
  };
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
