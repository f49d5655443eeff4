import type { CounterSeries, CountersResult, Judge, JudgeState, Verdict } from '../../src/core/analysis/judge.ts';
import type { LoadReport } from '../../src/core/analysis/push-guard.ts';
import type { BackendState } from '../../src/core/model/backend-state.ts';
import type { FleetNode } from '../../src/core/model/fleet-state.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import type { BackendTraffic } from '../../src/core/model/traffic.ts';
import { armsOf } from '../../src/core/rollout/arms.ts';
import { BREAKER_CLOSED, type Breaker } from '../../src/core/rollout/breaker.ts';
import { decideCommand, type RolloutCommand, type Supersede } from '../../src/core/rollout/command.ts';
import type { Notice, RolloutEvent } from '../../src/core/rollout/event.ts';
import type { GateAnswer, HookAnswer } from '../../src/core/rollout/hook-answer.ts';
import { type HookQuestion, questionOf } from '../../src/core/rollout/hook-question.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { step } from '../../src/core/rollout/step.ts';
import type { Observations, Transition } from '../../src/core/rollout/transition.ts';
import { backendTraffic } from '../../src/core/traffic/backend-traffic.ts';
import { type Change, violations } from './invariants.ts';
import {
  backendState,
  fleetAt,
  healthyHosts,
  node,
  planSpec,
  planStep,
  rollout,
  scriptedJudge,
  settings,
} from './rollouts.ts';

/**
 * A stage for the pure core: one rollout, two Envoys, a judge and a clock in the test's hands.
 * Every change is checked against the invariants as it happens.
 */
export class Stage {
  rollout: Rollout;
  backend: BackendState;
  nowMs = 1_000;
  n = 1;
  /** The fleet revision of the backend's last change for all. */
  private standingN = 1;
  trial: { readonly by: string; readonly probe: string; readonly position: { epoch: string; n: number } } | null = null;
  dueAtMs: number | null = 0;
  judgement: JudgeState | null = null;
  judgements: Readonly<Record<string, JudgeState>> = {};
  breaker: Breaker = BREAKER_CLOSED;
  loadReports: readonly LoadReport[] = [];
  /** What was scraped besides the health of the canary's hosts. */
  scraped: readonly CounterSeries[] = [];
  queryUrl: string | null = null;
  /** Answers of the metrics source to what is asked in words of its own. */
  queries: Observations['queries'] = new Map();
  /** What a hook has said, for one look. */
  private answer: GateAnswer | null = null;
  openReason: Verdict['reason'] = 'NO_DATA';
  verdict: 'pass' | 'fail' | 'inconclusive' = 'pass';
  /** Of one arm alone, by its cluster. */
  readonly verdicts = new Map<string, 'pass' | 'fail' | 'inconclusive'>();
  /** A canary that passes is shown to be no worse as well. */
  skips = false;
  hosts = 1;
  /** Clusters without a healthy host. */
  readonly unready = new Set<string>();
  metricsUp = true;
  complete = true;
  readonly confirmedAfterMs: number[] = [];
  /** What hooks were asked. */
  readonly questions: HookQuestion[] = [];
  clockTrusted = true;
  readonly events: RolloutEvent[] = [];
  readonly notices: Notice[] = [];
  readonly traffic: BackendTraffic[] = [];
  readonly broken: string[] = [];
  private nodes: FleetNode[];

  constructor(fields: Partial<Rollout> = {}, nodes: readonly string[] = ['a', 'b']) {
    this.rollout = rollout(fields);
    this.backend = backendState({ stable: this.rollout.stable });
    this.nodes = nodes.map((id) => node(id));
  }

  tick(passedMs = 1_000): this {
    this.nowMs += passedMs;
    if (isTerminal(this.rollout.phase)) return this;
    const transition = step({
      rollout: this.rollout,
      backend: this.backend,
      observed: this.observed(),
      judge: this.judge(),
      judgement: this.judgement,
      judgements: this.judgements,
      breaker: this.breaker,
      settings: {
        ...settings,
        clockTrusted: this.clockTrusted,
        ...(this.queryUrl === null ? {} : { queryUrl: this.queryUrl }),
      },
      nowMs: this.nowMs,
    });
    this.judgement = transition.judgement?.state ?? this.judgement;
    this.judgements = transition.judgement?.others ?? this.judgements;
    this.answer = null;
    this.commit(transition, 'tick');
    return this;
  }

  private judge(): Judge {
    const judge = scriptedJudge(({ canary }) => this.verdicts.get(canary) ?? this.verdict, this.openReason);
    return this.skips ? { ...judge, assess: (input) => ({ ...judge.assess(input), skips: true }) } : judge;
  }

  /** Lets the Envoys take everything until the first step is out, or the rollout is over. */
  prepared(): this {
    this.tick(1);
    for (let i = 0; i < 20 && (this.rollout.phase === 'pending' || this.rollout.phase === 'preparing'); i += 1) {
      this.ack().tick(1);
    }
    return this;
  }

  /** Lets the Envoys that try the clusters out take them, so that they go to all. */
  tried(): this {
    return this.tick(1).ack().tick(1);
  }

  /** Ticks until nothing moves any more without the outside doing something. */
  settle(): this {
    for (let i = 0; i < 50; i += 1) {
      const before = this.moved();
      this.tick(1);
      if (this.moved() === before) return this;
    }
    throw new Error('the rollout never settles');
  }

  /** What the last refused command was told, with the hint. */
  refusal: string | null = null;

  command(command: RolloutCommand | Supersede): string {
    const outcome = decideCommand({
      rollout: this.rollout,
      backend: this.backend,
      command,
      by: 'someone',
      observed: { fleets: this.observed().fleets },
      settings,
      nowMs: this.nowMs,
    });
    if (outcome.kind === 'accepted') this.commit(outcome.transition, command.type);
    if (outcome.kind !== 'refused') return outcome.kind;
    this.refusal = [
      outcome.error.message,
      ...(outcome.error.hint === undefined ? [] : [`(${outcome.error.hint})`]),
    ].join(' ');
    return outcome.error.code;
  }

  /** The hook answers the last question, or one that the test names. */
  say(kind: HookAnswer['kind'], fields: Partial<Omit<HookAnswer, 'kind'>> & { readonly to?: HookQuestion } = {}): this {
    const { to = this.questions.at(-1), ...more } = fields;
    if (to === undefined) throw new Error('no hook was asked anything');
    this.answer = { attempt: to.attempt, ask: to.ask, answer: { kind, detail: `it says ${kind}`, ...more } };
    return this.tick(1);
  }

  ack(...ids: string[]): this {
    const all = ids.length === 0 ? this.nodes.map(({ nodeId }) => nodeId) : ids;
    return this.patch(all, { credited: { epoch: 'e', n: this.n }, creditedAtMs: this.nowMs, nack: null });
  }

  nack(id: string, message: string): this {
    const trial = this.trial?.probe === id ? this.trial.by : null;
    const position = { epoch: 'e', n: this.n };
    return this.patch([id], { nack: { position, type: 'RDS', trial, message, atMs: this.nowMs } });
  }

  disconnect(...ids: string[]): this {
    return this.patch(ids, { connected: false, changedAtMs: this.nowMs });
  }

  connect(...ids: string[]): this {
    for (const id of ids) if (!this.nodes.some(({ nodeId }) => nodeId === id)) this.nodes.push(node(id));
    return this.patch(ids, { connected: true, changedAtMs: this.nowMs });
  }

  /** A new stream has ACKed nothing yet. */
  forget(...ids: string[]): this {
    return this.patch(ids, { credited: null, routes: null });
  }

  /** Lets the Envoy be of this version. */
  runs(id: string, envoyVersion: string): this {
    return this.patch([id], { envoyVersion });
  }

  /** Of every arm, stable first. */
  get weights(): readonly number[] {
    return (this.traffic.at(-1)?.split ?? []).map(({ weight }) => weight);
  }

  get weight(): number {
    const split = this.traffic.at(-1)?.split ?? [];
    return split.find((arm) => arm.cluster === this.rollout.canary.cluster)?.weight ?? 0;
  }

  private moved(): string {
    const { phase, attempt, push, paused } = this.rollout;
    return JSON.stringify({ phase, attempt, push, paused });
  }

  private patch(ids: readonly string[], fields: Partial<FleetNode>): this {
    this.nodes = this.nodes.map((n) => (ids.includes(n.nodeId) ? { ...n, ...fields } : n));
    return this;
  }

  private observed(): Observations {
    const proxies = this.nodes.map(({ nodeId }) => nodeId);
    const hosts = armsOf(this.rollout).flatMap(({ canary: { cluster } }) => {
      const seen = healthyHosts(proxies, cluster, this.nowMs, this.unready.has(cluster) ? 0 : this.hosts);
      return seen.kind === 'ok' ? seen.series : [];
    });
    const counters: CountersResult = this.metricsUp
      ? { kind: 'ok', series: [...hosts, ...this.scraped] }
      : { kind: 'gap', gap: 'SOURCE_DOWN', detail: 'connection refused' };
    const [edge] = Object.values(fleetAt(this.standingN, this.nodes));
    const fleets =
      edge === undefined
        ? {}
        : { edge: { ...edge, state: { ...edge.state, complete: this.complete }, trial: this.trial } };
    return {
      fleets,
      counters,
      queries: this.queries,
      scrapeMs: 1_000,
      loadReports: this.loadReports,
      ...(this.answer === null ? {} : { answer: this.answer }),
    };
  }

  private commit(transition: Transition, by: Change['by']): void {
    const traffic = transition.traffic
      ? backendTraffic(transition.backend, isTerminal(transition.rollout.phase) ? null : transition.rollout)
      : null;
    const before = { rollout: this.rollout, backend: this.backend };
    const counted = this.rollout.push?.counted.edge ?? [];
    const unconfirmed = this.nodes
      .filter((seen) => counted.includes(seen.nodeId) && seen.connected && (seen.credited?.n ?? 0) < this.n)
      .map(({ nodeId }) => nodeId);
    const question = questionOf(this.rollout, transition.rollout);
    if (question !== null) this.questions.push(question);
    this.rollout = transition.rollout;
    this.backend = transition.backend;
    this.dueAtMs = transition.dueAtMs;
    this.events.push(...transition.events);
    this.notices.push(...transition.notices);
    this.confirmedAfterMs.push(...transition.confirmedAfterMs);
    if (traffic !== null) {
      this.n += 1;
      const probing = isTerminal(this.rollout.phase) ? null : (this.rollout.push?.probe ?? null);
      const probe = probing?.edge;
      this.trial = probe === undefined ? null : { by: 'rollout/r1', probe, position: { epoch: 'e', n: this.n } };
      if (probing === null) {
        this.traffic.push(traffic);
        this.standingN = this.n;
      }
    }
    if (before.rollout !== transition.rollout) {
      this.broken.push(
        ...violations({ before, after: { rollout: this.rollout, backend: this.backend }, traffic, unconfirmed, by }),
      );
    }
  }
}

/** At its first of two steps (5 %, then 50 %), which is out but not ACKed yet. */
export function atFirstStep(holdMs: number): Stage {
  const steps = [planStep({ weight: 500, holdMs }), planStep({ weight: 5_000, holdMs: 60_000 })];
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps } }) });
  stage.prepared();
  if (stage.rollout.phase !== 'stepping' || stage.rollout.step !== 0) throw new Error(`at ${stage.rollout.phase}`);
  return stage;
}
