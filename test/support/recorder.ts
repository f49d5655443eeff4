import type { Judge, JudgeState } from '../../src/core/analysis/judge.ts';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import type { KeptDecision, RecordedDecision } from '../../src/core/replay/decision.ts';
import { recordCommand, recordGiven, recordTick } from '../../src/core/replay/record-decision.ts';
import { decideCommand, type RolloutCommand } from '../../src/core/rollout/command.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { step } from '../../src/core/rollout/step.ts';
import type { Observations } from '../../src/core/rollout/transition.ts';
import { settings } from './rollouts.ts';

/** Decides about one rollout and keeps it all, without a store; looks are not thinned out. */
export class Recorder {
  rollout: Rollout;
  backend: BackendState;
  nowMs: number;
  /** What the judge remembers. */
  memory: JudgeState | null = null;
  rev = 1;
  backendRev = 1;
  readonly recorded: RecordedDecision[];

  constructor(rollout: Rollout, backend: BackendState, nowMs = 1_000) {
    this.rollout = rollout;
    this.backend = backend;
    this.nowMs = nowMs;
    this.recorded = [recordGiven('start', { rollout, backend }, nowMs)];
  }

  get kept(): KeptDecision[] {
    return this.recorded.map(({ text }) => ({ looks: 1, text }));
  }

  tick(observed: Observations, judge: Judge, passedMs = 1_000): this {
    this.nowMs += passedMs;
    const { rollout, backend, memory: judgement, nowMs } = this;
    const input = { rollout, backend, observed, judge, judgement, settings, nowMs };
    const transition = step(input);
    this.memory = transition.judgement?.state ?? judgement;
    if (transition.rollout === this.rollout) return this;
    return this.#keep(recordTick(input, transition, this.#revs()), transition);
  }

  command(command: RolloutCommand, observed: Pick<Observations, 'fleets'>): this {
    this.nowMs += 1;
    const { rollout, backend, nowMs } = this;
    const input = { rollout, backend, command, by: 'jo', observed, settings, nowMs };
    const outcome = decideCommand(input);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    return this.#keep(recordCommand(input, outcome.transition, this.#revs()), outcome.transition);
  }

  #revs() {
    return { rollout: this.rev, backend: this.backendRev };
  }

  #keep(decision: RecordedDecision, { rollout, backend }: { rollout: Rollout; backend: BackendState }): this {
    this.recorded.push(decision);
    this.rev += 1;
    if (backend !== this.backend) this.backendRev += 1;
    this.rollout = rollout;
    this.backend = backend;
    return this;
  }
}
