import { isTerminal } from '../../src/core/model/phase.ts';
import type { RolloutCommand } from '../../src/core/rollout/command.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { commandRollout } from '../../src/engine/command-rollout.ts';
import { start } from '../../src/engine/start.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import type { FakeStore } from '../support/fake-store.ts';
import type { Dice } from './dice.ts';
import type { Replica } from './replica.ts';
import { VARIANTS } from './scenario.ts';

export interface People {
  /** CI asks until it is answered; a key may come more than once, also at two replicas at once. */
  trigger(backend: string): void;
  /** Another revision of what rolls comes, now and then one more right behind it. */
  hotfix(): void;
  /** The same trigger comes again, however long after. */
  repeat(): void;
  /** A person does something to some rollout. */
  interfere(): void;
  /** A person has not seen yet that the rollout goes back. */
  promoteLate(id: string): void;
  /** A person opens what waits for one; `impatient`, also what a refusing Envoy will never confirm. */
  tend(impatient: boolean): void;
  /** Does nobody wait for an answer? */
  idle(): boolean;
  /** May a replica still act on a call, even of somebody who has given up? */
  underWay(): boolean;
  /** By idempotency key: the rollouts that were answered. */
  readonly answers: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface PeopleOptions {
  readonly clock: FakeClock;
  readonly store: FakeStore;
  readonly dice: Dice;
  readonly storm: () => boolean;
  readonly ready: () => readonly Replica[];
  /** Does an Envoy refuse what it was sent last? */
  readonly refuses: () => boolean;
  /** A backend of which several revisions are tested at once. @default none */
  readonly tested?: string | undefined;
  readonly trace: (what: string) => void;
}

/** A client gives up waiting for an answer after so long. */
const PATIENCE_MS = 5_000;

export function people({ clock, store, dice, storm, ready, refuses, tested, trace }: PeopleOptions): People {
  const answers = new Map<string, Set<string>>();
  const revisions = new Map<string, number>();
  const someReplica = (): Replica | null => {
    const [first, ...more] = ready();
    return first === undefined ? null : dice.pick('which replica', [first, ...more]);
  };
  const patience = (): Promise<null> => new Promise((resolve) => void clock.setTimer(PATIENCE_MS, () => resolve(null)));
  let asking = 0;
  const calls = new Set<{ readonly replica: Replica }>();
  const call = async <T>(replica: Replica, answer: Promise<T>): Promise<T> => {
    const own = { replica };
    calls.add(own);
    const given = await answer;
    calls.delete(own);
    return given;
  };
  const ask = async (backend: string, revision: string): Promise<void> => {
    asking += 1;
    const again = await askOnce(backend, revision);
    asking -= 1;
    if (!again) return;
    asking += 1;
    clock.setTimer(dice.between('CI comes again', 500, 3_000), () => {
      asking -= 1;
      void ask(backend, revision);
    });
  };
  /** Is it worth asking again? */
  const askOnce = async (backend: string, revision: string): Promise<boolean> => {
    const key = `${backend} ${revision}`;
    const replica = someReplica();
    if (replica !== null) {
      const arms = VARIANTS.map((name) => [name, { revision: `${revision}-${name}` }] as const);
      const variants = backend === tested ? { variants: Object.fromEntries(arms) } : {};
      const request = { plan: backend, revision, endpoints: null, by: 'ci', idempotencyKey: key, ...variants };
      const asked = call(replica, start(replica.as('start'), request));
      const answer = await Promise.race([asked, patience()]);
      if (answer?.kind === 'ok') {
        answers.set(key, (answers.get(key) ?? new Set()).add(answer.value.view.rollout.id));
        return false;
      }
      const code = answer === null ? 'no answer' : answer.errors[0]?.code;
      trace(`CI: start ${key}: ${code}`);
      // Something else rolls there, or this is stable already: nothing to be had by asking again.
      if (code === 'SERIN_ROLLOUT_ACTIVE' || code === 'SERIN_CONFLICT') return false;
    }
    return true;
  };
  const trigger = (backend: string): void => {
    const number = (revisions.get(backend) ?? 1) + 1;
    revisions.set(backend, number);
    void ask(backend, `v${number}`);
    if (storm() && dice.strikes('trigger twice', 0.2)) void ask(backend, `v${number}`);
  };
  const active = (): Rollout[] =>
    store.inside
      .keys('rollout/')
      .map((key) => store.inside.record(key).body as Rollout)
      .filter(({ phase }) => !isTerminal(phase));
  const say = (id: string, command: RolloutCommand): void => {
    const replica = someReplica();
    if (replica === null) return;
    trace(`a person at ${replica.name}: ${command.type} ${id.slice(0, 6)}`);
    void call(replica, commandRollout(replica.as(command.type), { id, command, rev: null, by: 'someone' }));
  };
  /** Of a test a person names the arm. */
  const promotion = ({ variants }: Pick<Rollout, 'variants'>): RolloutCommand =>
    variants === undefined
      ? { type: 'promote' }
      : { type: 'promote', arm: dice.pick('which arm', ['canary', ...VARIANTS]) };
  return {
    answers,
    idle: () => asking === 0,
    underWay: () => [...calls].some(({ replica }) => replica.alive()),
    trigger,
    hotfix() {
      const [first, ...more] = active();
      if (first === undefined) return;
      const { backend } = dice.pick('what needs a hotfix', [first, ...more]);
      trigger(backend);
      if (storm() && dice.strikes('one more hotfix', 0.3)) trigger(backend);
    },
    repeat() {
      const [first, ...more] = revisions.keys();
      if (first === undefined) return;
      const backend = dice.pick('which trigger', [first, ...more]);
      void ask(backend, `v${dice.between('which trigger', 2, revisions.get(backend) ?? 2)}`);
    },
    interfere() {
      const [first, ...more] = active();
      if (first === undefined) return;
      const rollout = dice.pick('which rollout', [first, ...more]);
      const { id, step, attempt } = rollout;
      const promote = promotion(rollout);
      say(
        id,
        dice.pick<RolloutCommand>('what a person says', [
          { type: 'pause', reason: 'look at it' },
          { type: 'resume' },
          promote,
          { type: 'abort', reason: 'enough' },
          { type: 'approve', gate: { step, attempt } },
          { type: 'approve', gate: { step: Math.max(0, step - 1), attempt: attempt - 1 } },
          { type: 'skip', gate: { step, attempt }, reason: 'in a hurry' },
          { type: 'jump', to: '1', gate: { step, attempt }, reason: 'less of it' },
          { type: 'jump', to: '2', gate: { step, attempt }, reason: 'in a hurry', force: true },
        ]),
      );
    },
    promoteLate(id) {
      if (!storm() || !dice.strikes('promoted too late', 0.3)) return;
      clock.setTimer(dice.between('promoted too late', 1, 40), () => {
        const rollout = store.inside.record(`rollout/${id}`).body as Rollout;
        say(id, promotion(rollout));
      });
    },
    tend(impatient) {
      for (const rollout of active()) {
        const { id, paused, phase, step, attempt, spec, push, waitingFor } = rollout;
        const returning = phase === 'rolling_back' || phase === 'aborting';
        if (impatient && returning && refuses()) {
          say(id, { type: 'abort', reason: 'it refuses', unconfirmed: true });
        } else if (impatient && phase === 'promoting' && push?.liveAtMs === null && refuses()) {
          // Nothing but a person gets it out of there: the Envoy lacks a cluster that became stable without it.
          say(id, { type: 'abort', reason: 'an Envoy takes no table any more' });
        } else if (paused !== null) say(id, { type: 'resume' });
        else if (phase === 'stepping' && spec.strategy.steps[step]?.approve === true) {
          say(id, { type: 'approve', gate: { step, attempt } });
        }
        if (waitingFor.startsWith('a person: which of')) say(id, promotion(rollout));
      }
    },
  };
}
