import { isTerminal } from '../../src/core/model/phase.ts';
import type { Deciders } from '../../src/core/replay/replay.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import type { Delivery } from '../../src/engine/ports/notifier.ts';
import { reconcileStore } from '../../src/engine/reconcile-store.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { fakeLedger } from '../support/fake-ledger.ts';
import { fakeStore } from '../support/fake-store.ts';
import { Checker } from './checker.ts';
import { dice } from './dice.ts';
import { judgeEnding, judgeLoss, unlikeRecords } from './ending.ts';
import { Envoy } from './envoy.ts';
import { type SimHook, simHook } from './hook.ts';
import { type People, people } from './people.ts';
import { prometheus, SCRAPE_MS } from './prometheus.ts';
import { judgeReplays } from './replays.ts';
import { type Replica, startReplica } from './replica.ts';
import { scenario } from './scenario.ts';
import { tellsSecret } from './secret.ts';

export interface WorldOptions {
  readonly seed: number;
  /** @default 3 */
  readonly replicas?: number;
  /** @default 5 */
  readonly rollouts?: number;
  /** @default 4 */
  readonly nodes?: number;
  /** Faults that may strike; `null` or none: all. */
  readonly only?: ReadonlySet<string> | null;
  readonly trace?: (line: string) => void;
  /** Does the store also come back with older state, as after a failover? @default false */
  readonly lostWrites?: boolean;
  /** Are two backends rolled out together by one of the plans? @default false */
  readonly joint?: boolean;
  /** Are several revisions of one of the backends tested at once? @default false */
  readonly variants?: boolean;
  /** What decides again in the end. @default what decided before */
  readonly decideAgain?: Deciders['step'];
}

export interface Played {
  readonly seed: number;
  /** What was wrong, each beginning with its invariant; empty is as it should be. */
  readonly violations: readonly string[];
  readonly faults: readonly string[];
  readonly phases: readonly string[];
  /** Times that an Envoy which moved to another replica was served something older than it had. */
  readonly staleServes: number;
  readonly events: number;
  /** Was a store that had lost commits replayed? */
  readonly replayed: boolean;
}

const STORM_ROUNDS = 45;
const MAX_QUIET_MS = 1_200_000;
const MAX_VIOLATIONS = 20;

/** One schedule: a storm in which everything may go wrong, then quiet in which every rollout has to end rightly. */
export async function play(options: WorldOptions): Promise<Played> {
  const world = new World(options);
  await world.begin();
  await world.storm();
  await world.quiet();
  return world.end();
}

class World {
  readonly #seed: number;
  readonly #dice;
  readonly #clock = fakeClock();
  readonly #store;
  readonly #ledger;
  readonly #scenario;
  readonly #prometheus;
  readonly #hook: SimHook;
  readonly #checker: Checker;
  readonly #people: People;
  readonly #trace: (what: string) => void;
  readonly #envoys: Envoy[] = [];
  readonly #replicas: (Replica | null)[];
  /** By Envoy. */
  readonly #servedBy = new Map<string, Replica>();
  readonly #awayUntilMs = new Map<string, number>();
  readonly #violations: string[] = [];
  readonly #delivered = new Map<string, string[]>();
  #storeAheadMs = 0;
  #storming = true;
  #receiverUp = true;
  #lives = 0;
  readonly #lostWrites: boolean;
  readonly #decideAgain: Deciders['step'];
  /** What the store goes back to when it loses writes. */
  #earlier: (() => void) | null = null;
  /** What the store held before it lost writes, and as of the last commit that was written again. */
  #lost: ReadonlyMap<string, string> = new Map();
  #again: ReadonlyMap<string, string> | null = null;
  #isReplayed = false;
  /** Replicas that had read more than the store has now; `null`: it has lost nothing. */
  #witnesses: readonly Replica[] | null = null;
  /** How much goes wrong in this schedule. */
  readonly #fury: number;

  constructor(options: WorldOptions) {
    const { seed, replicas = 3, rollouts = 5, nodes = 4, only = null, trace, lostWrites = false } = options;
    this.#lostWrites = lostWrites;
    this.#decideAgain = options.decideAgain;
    this.#seed = seed;
    this.#dice = dice(seed, only);
    const startMs = this.#clock.now();
    this.#trace =
      trace === undefined
        ? () => undefined
        : (what) => trace(`${String(this.#clock.now() - startMs).padStart(7)} ms  ${what}`);
    const storeClock = { ...this.#clock, now: () => this.#clock.now() + this.#storeAheadMs };
    this.#store = fakeStore(storeClock);
    this.#store.inside.watch(({ again }) => {
      if (again) this.#again = this.#held();
    });
    this.#ledger = fakeLedger(storeClock);
    this.#scenario = scenario(rollouts, this.#dice, (id, cluster) => this.#tries(id, cluster), options);
    this.#prometheus = prometheus(this.#clock.now, this.#dice, this.#scenario.failureRate);
    this.#replicas = Array.from({ length: replicas }, () => null);
    this.#fury = this.#dice.pick('fury', [0.15, 0.3, 0.6]);
    const wrong = (invariant: string, what: string) => this.#wrong(invariant, what);
    for (let i = 1; i <= nodes; i += 1) this.#envoys.push(this.#envoy(`n${i}`, wrong));
    this.#hook = simHook(this.#clock, this.#dice, () => this.#storming);
    this.#checker = new Checker({
      store: this.#store,
      scenario: this.#scenario,
      nowMs: this.#clock.now,
      storeNowMs: storeClock.now,
      envoys: () => this.#envoys,
      requests: (cluster) => {
        for (const envoy of this.#envoys) this.#prometheus.accrue(envoy);
        return this.#prometheus.requests(cluster);
      },
      servedBy: (id) => this.#servedBy.get(id) ?? null,
      replicas: () => this.#alive(),
      hook: this.#hook,
      wrong,
      trace: this.#trace,
      turnedBack: (id) => this.#people.promoteLate(id),
    });
    this.#people = people({
      clock: this.#clock,
      store: this.#store,
      dice: this.#dice,
      storm: () => this.#storming,
      ready: () => this.#alive().filter((replica) => replica.ready()),
      refuses: () => this.#envoys.some(({ refusing }) => refusing),
      ...(options.variants === true ? { tested: this.#scenario.backends[0] } : {}),
      trace: this.#trace,
    });
  }

  async begin(): Promise<void> {
    await this.#store.records.commit(this.#scenario.commit);
    this.#scrape();
    for (let i = 0; i < this.#replicas.length; i += 1) this.#revive(i);
    await this.#clock.advance(500);
    for (const envoy of this.#envoys) this.#connect(envoy);
    await this.#clock.advance(this.#dice.between('start-up', 500, 5_000));
    for (const backend of this.#scenario.backends) this.#people.trigger(backend);
  }

  async storm(): Promise<void> {
    for (let round = 0; round < STORM_ROUNDS && this.#violations.length < MAX_VIOLATIONS; round += 1) {
      await this.#clock.advance(this.#dice.between('round', 50, 2_600));
      this.#checker.look();
      this.#happen();
      if (this.#lostWrites && this.#loseWrites(round)) return;
    }
  }

  /** As a failover does that has lost the last writes: first the freeze counts (I13), then what people make of it. */
  #loseWrites(round: number): boolean {
    if (round < 10 || !this.#dice.strikes('the store loses writes', 0.1)) {
      if (round % 4 === 0) this.#earlier = this.#store.faults.backup();
      return false;
    }
    const { n } = this.#store.inside.table('edge').position;
    this.#lost = this.#held();
    this.#earlier?.();
    const lost = n - this.#store.inside.table('edge').position.n;
    this.#trace(`*** the store loses ${lost} fleet revisions`);
    this.#witnesses = lost === 0 ? [] : this.#alive().filter(({ xds }) => xds.running()?.position.n === n);
    return true;
  }

  async quiet(): Promise<void> {
    this.#storming = false;
    this.#setStoreDown(false);
    this.#receiverUp = true;
    this.#prometheus.lies(null);
    this.#trace('--- quiet ---');
    for (const replica of this.#alive()) replica.heal();
    if (this.#witnesses !== null) {
      await this.#clock.advance(60_000);
      this.#judgeFreeze(this.#witnesses);
    }
    for (let i = 0; i < this.#replicas.length; i += 1) this.#revive(i);
    for (const envoy of this.#envoys) {
      envoy.wake();
      this.#awayUntilMs.delete(envoy.id);
      if (!envoy.connected) this.#connect(envoy);
    }
    if (this.#witnesses !== null) await this.#reconcile();
    for (let passedMs = 0; passedMs < MAX_QUIET_MS && !this.#settled(); passedMs += 5_000) {
      await this.#clock.advance(5_000);
      this.#checker.look();
      this.#people.tend(passedMs > 60_000);
    }
    // What was held up in the storm may be on its way for a while.
    await this.#clock.advance(10_000);
    for (let passedMs = 0; passedMs < 90_000 && unlikeRecords(this.#fleet()).length > 0; passedMs += 10_000) {
      await this.#clock.advance(10_000);
    }
  }

  end(): Played {
    const rollouts = this.#rollouts();
    if (this.#witnesses !== null && !this.#isReplayed) {
      judgeLoss({
        ...this.#fleet(),
        rollouts,
        checker: this.#checker,
        wrong: (invariant, what) => this.#wrong(invariant, what),
      });
    } else {
      judgeEnding({
        ...this.#fleet(),
        rollouts,
        checker: this.#checker,
        hook: this.#hook,
        answers: this.#people.answers,
        delivered: this.#delivered,
        storeNowMs: this.#clock.now() + this.#storeAheadMs,
        wrong: (invariant, what) => this.#wrong(invariant, what),
      });
      judgeReplays(this.#store, rollouts, this.#decideAgain, (invariant, what) => this.#wrong(invariant, what));
    }
    for (const replica of this.#alive()) replica.crash('the schedule is over');
    return {
      seed: this.#seed,
      violations: this.#violations,
      faults: this.#dice.struck,
      phases: rollouts.map(({ phase }) => phase),
      staleServes: this.#checker.staleServes,
      events: this.#clock.fired(),
      replayed: this.#isReplayed,
    };
  }

  #judgeFreeze(witnesses: readonly Replica[]): void {
    for (const replica of witnesses) {
      if (replica.alive() && !replica.xds.regressed()) {
        this.#wrong('I13', `${replica.name} goes on although the store has less than it had read`);
      }
    }
  }

  /** People ask one replica after the other to make records and Envoys agree again, in one of the two ways. */
  async #reconcile(): Promise<void> {
    // Whoever was started since knows nothing of the Envoys; who has not read what the others had knows too little.
    await this.#clock.advance(10_000);
    const wanted = this.#dice.pick('how people reconcile', ['adopt', 'stable', 'replay', 'replay'] as const);
    for (const mode of [wanted, 'stable'] as const) {
      for (const replica of this.#alive().filter((one) => one.ready())) {
        const asked = reconcileStore(replica.as('reconcile'), { mode, by: 'someone' });
        await this.#clock.advance(5_000);
        const answer = await asked;
        this.#trace(`a person at ${replica.name}: reconcile ${mode}: ${JSON.stringify(answer)}`);
        if (answer.kind === 'ok' && mode === 'replay') this.#judgeReplay();
        if (answer.kind === 'ok' || answer.errors[0]?.code === 'SERIN_CONFLICT') return;
      }
    }
    this.#wrong('I13', 'nobody can reconcile the store');
  }

  /** What is replayed is what was lost, to the byte, at the moment in which it is all there. */
  #judgeReplay(): void {
    this.#isReplayed = true;
    const [lost, again] = [this.#lost, this.#again];
    if (again === null) return;
    for (const key of new Set([...lost.keys(), ...again.keys()])) {
      if (lost.get(key) !== again.get(key))
        this.#wrong('I13', `${key} is not what it was before the store lost commits`);
    }
  }

  /** Records, their events and the table, as text by name. */
  #held(): ReadonlyMap<string, string> {
    const { inside } = this.#store;
    const held = new Map<string, string>();
    for (const key of inside.keys('')) held.set(key, JSON.stringify(inside.record(key)));
    for (const key of inside.keys('rollout/')) {
      const id = key.slice('rollout/'.length);
      held.set(`events of ${id}`, JSON.stringify(inside.events(id)));
      held.set(`decisions of ${id}`, JSON.stringify(inside.decisions(id)));
    }
    const { position, trial, owners } = inside.table('edge');
    held.set('the table', JSON.stringify([position, trial, [...owners].sort(([a], [b]) => (a < b ? -1 : 1))]));
    return held;
  }

  #tries(envoyId: string, cluster: string): boolean {
    const { trial } = this.#store.inside.table('edge');
    return trial?.probe === envoyId && trial.changes.some(([owner]) => cluster.startsWith(`${owner.slice(8)}--`));
  }

  #fleet() {
    return { store: this.#store, scenario: this.#scenario, envoys: this.#envoys };
  }

  #wrong(invariant: string, what: string): void {
    const line = `${invariant}: ${what}`;
    this.#trace(`VIOLATION ${line}`);
    if (this.#violations.length < MAX_VIOLATIONS) this.#violations.push(line);
  }

  #rollouts(): Rollout[] {
    return this.#store.inside.keys('rollout/').map((key) => this.#store.inside.record(key).body as Rollout);
  }

  #settled(): boolean {
    if (!this.#people.idle() || this.#people.underWay()) return false;
    return this.#rollouts().every(({ phase }) => isTerminal(phase)) && this.#store.inside.waiting().length === 0;
  }

  #alive(): Replica[] {
    return this.#replicas.filter((replica): replica is Replica => replica?.alive() === true);
  }

  #setStoreDown(down: boolean): void {
    this.#checker.storeDown = down;
    this.#store.faults.setDown(down);
    this.#ledger.setDown(down);
  }

  #scrape(): void {
    this.#prometheus.scrape(this.#envoys);
    this.#clock.setTimer(SCRAPE_MS, () => this.#scrape());
  }

  #envoy(id: string, wrong: (invariant: string, what: string) => void): Envoy {
    const slow = this.#dice.chance(`${id} is slow`, 0.15);
    const envoy: Envoy = new Envoy({
      id,
      clock: this.#clock,
      protocol: this.#dice.pick(`${id} speaks`, ['sotw', 'sotw', 'delta']),
      apart: this.#dice.chance(`${id} has a stream per type`, 0.25),
      delayMs: () =>
        this.#storming && slow ? this.#dice.between(`${id} slow`, 50, 2_500) : this.#dice.between(`${id} fast`, 0, 20),
      warmMs: () => this.#dice.between(`${id} warms`, 5, 400),
      isStale: () => this.#checker.servedStale(id),
      refusesCluster: (cluster) => this.#scenario.refusesCluster(id, cluster),
      refusesRoutes: (splits) => this.#scenario.refusesRoutes(id, splits),
      wrong,
      trace: this.#trace,
      beforeRoutes: () => this.#prometheus.accrue(envoy),
    });
    return envoy;
  }

  #revive(place: number): void {
    if (this.#replicas[place]?.alive()) return;
    this.#lives += 1;
    const name = `r${place + 1}.${this.#lives}`;
    this.#trace(`${name} starts`);
    this.#replicas[place] = startReplica(name, {
      clock: this.#clock,
      store: this.#store,
      ledger: this.#ledger,
      dice: this.#dice,
      storm: () => this.#storming,
      counters: async (replica, request) => {
        const slowMs = this.#dice.between('prometheus takes', 1, 30);
        await new Promise<void>((resolve) => void this.#clock.setTimer(slowMs, resolve));
        const { answer, lie } = this.#prometheus.counters(request, this.#storming);
        this.#checker.measured(replica, request.clusters, lie === null);
        return answer;
      },
      receive: (target, notice): Delivery => {
        if (!this.#receiverUp) return { kind: 'retry', afterMs: null, detail: 'HTTP 503' };
        const queue = `${notice.rolloutId}~${target}`;
        // One that stands for several that waited tells them all.
        const told = [...(notice.earlier?.updates ?? []), notice];
        this.#delivered.set(queue, [...(this.#delivered.get(queue) ?? []), ...told.map(({ id }) => id)]);
        return { kind: 'delivered' };
      },
      hook: (question) => this.#hook.ask(question),
      decided: (...decision) => this.#checker.decided(...decision),
      onSent: (replica, nodeId, sent) => this.#checker.responseWritten(replica, nodeId, sent),
      logged: (replica, line) => {
        if (tellsSecret(line)) this.#wrong('I17', `${replica} logs a secret: ${line}`);
      },
      died: (replica, where) => {
        this.#trace(`${replica} dies: ${where}`);
        for (const envoy of this.#envoys) if (this.#servedBy.get(envoy.id)?.name === replica) this.#reconnect(envoy);
        if (this.#storming) this.#clock.setTimer(this.#dice.between('revival', 200, 12_000), () => this.#revive(place));
      },
      bug: (what) => this.#wrong('bug', what),
    });
  }

  /** Its stream has broken: it tries again after a moment, at any replica. */
  #reconnect(envoy: Envoy, halfOpenMs: number | null = null): void {
    const notice = envoy.disconnect(halfOpenMs === null ? 'notices' : 'later');
    if (halfOpenMs !== null) this.#clock.setTimer(halfOpenMs, notice);
    this.#servedBy.delete(envoy.id);
    this.#clock.setTimer(this.#dice.between('back-off', 50, 2_000), () => this.#connect(envoy));
  }

  #connect(envoy: Envoy): void {
    if (envoy.connected) return;
    const [first, ...more] = this.#alive().filter((replica) => replica.ready());
    const awayMs = (this.#awayUntilMs.get(envoy.id) ?? 0) - this.#clock.now();
    if (awayMs > 0 || first === undefined) {
      this.#clock.setTimer(Math.max(500, awayMs), () => this.#connect(envoy));
      return;
    }
    const replica = this.#dice.pick('which server', [first, ...more]);
    this.#trace(`${envoy.id} connects to ${replica.name}`);
    this.#servedBy.set(envoy.id, replica);
    this.#checker.streamBegins(replica.name, envoy.id);
    envoy.connect((variant, toEnvoy) => replica.xds.open(envoy.id, variant, toEnvoy));
  }

  /** One thing happens that need not. */
  #happen() {
    const { pick, between, strikes } = this.#dice;
    const [first, ...more] = this.#envoys;
    const envoy = first === undefined ? null : pick('which Envoy', [first, ...more]);
    const alive = this.#alive();
    const [one, ...others] = alive;
    const replica = one === undefined ? null : pick('which replica falls', [one, ...others]);
    const what = pick('what happens', HAPPENINGS);
    const forMs = between('for how long', 500, 40_000);
    if (envoy === null || replica === null || !strikes(what, this.#fury)) return;
    this.#trace(`*** ${what} (${envoy.id}, ${replica.name}, ${forMs} ms)`);
    switch (what) {
      case 'a stream breaks':
        return this.#reconnect(envoy);
      case 'a stream half breaks':
        return this.#reconnect(envoy, between('half open', 1_000, 35_000));
      case 'an Envoy leaves':
        this.#awayUntilMs.set(envoy.id, this.#clock.now() + forMs);
        return this.#reconnect(envoy);
      case 'an Envoy restarts':
        this.#reconnect(envoy);
        envoy.restart();
        return this.#prometheus.reset(envoy.id);
      case 'an Envoy hangs':
        return envoy.hang(forMs);
      case 'the store is away':
        this.#setStoreDown(true);
        this.#clock.setTimer(forMs, () => this.#setStoreDown(false));
        return;
      case 'the ledger is lost':
        return this.#ledger.lose();
      case 'a commit goes wrong':
        return this.#store.faults.failNextCommit(
          pick('how a commit goes wrong', ['conflict', 'unavailable', 'reply lost']),
        );
      case 'Prometheus lies':
        this.#prometheus.lies(this.#prometheus.randomLie());
        this.#clock.setTimer(forMs, () => this.#prometheus.lies(null));
        return;
      case 'the receiver is away':
        this.#receiverUp = false;
        this.#clock.setTimer(forMs, () => {
          this.#receiverUp = true;
        });
        return;
      case 'a person interferes':
        return this.#people.interfere();
      case 'a person tends':
        return this.#people.tend(false);
      case 'CI deploys':
        return this.#people.trigger(pick('which backend', this.#scenario.backends as [string, ...string[]]));
      case 'CI deploys a hotfix':
        return this.#people.hotfix();
      case 'CI repeats itself':
        return this.#people.repeat();
      case 'a replica is killed':
        return replica.crash('killed');
      case 'a replica leaves':
        for (const one of this.#envoys) if (this.#servedBy.get(one.id) === replica) this.#reconnect(one);
        return replica.leave();
      case 'a replica stands still':
        return replica.stall(forMs);
      case 'a replica is cut off':
        return replica.cut(forMs);
      case 'a wall clock jumps':
        return replica.setWall(pick('how far', [-3_600_000, -10_000, 10_000, 3_600_000]));
      case 'the store clock jumps':
        this.#checker.storeClockJumped();
        this.#storeAheadMs += pick('how far the store', [-15_000, -2_000, 2_000, 15_000]);
        return;
    }
  }
}

const HAPPENINGS = [
  'a stream breaks',
  'a stream half breaks',
  'an Envoy leaves',
  'an Envoy restarts',
  'an Envoy hangs',
  'the store is away',
  'the ledger is lost',
  'a commit goes wrong',
  'a commit goes wrong',
  'Prometheus lies',
  'the receiver is away',
  'a person interferes',
  'a person interferes',
  'a person tends',
  'CI deploys',
  'CI deploys a hotfix',
  'CI repeats itself',
  'a replica is killed',
  'a replica leaves',
  'a replica stands still',
  'a replica is cut off',
  'a wall clock jumps',
  'the store clock jumps',
] as const;
