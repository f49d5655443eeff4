import type { BackendState } from '../../src/core/model/backend-state.ts';
import { isTerminal } from '../../src/core/model/phase.ts';
import { everyPart, partsOf } from '../../src/core/rollout/joint.ts';
import type { Rollout } from '../../src/core/rollout/rollout.ts';
import { backendTraffic } from '../../src/core/traffic/backend-traffic.ts';
import type { FakeStore } from '../support/fake-store.ts';
import { type Checker, short } from './checker.ts';
import type { Envoy } from './envoy.ts';
import type { SimHook } from './hook.ts';
import type { Scenario } from './scenario.ts';

interface Fleet {
  readonly store: FakeStore;
  readonly scenario: Scenario;
  readonly envoys: readonly Envoy[];
}

export interface Ended extends Fleet {
  readonly rollouts: readonly Rollout[];
  readonly checker: Checker;
  readonly hook: SimHook;
  /** By trigger: the rollouts that were answered. */
  readonly answers: ReadonlyMap<string, ReadonlySet<string>>;
  /** By queue: what the receiver got, in order. */
  readonly delivered: ReadonlyMap<string, readonly string[]>;
  readonly storeNowMs: number;
  readonly wrong: (invariant: string, what: string) => void;
}

/** What has to be so when the quiet is over: every rollout ended, for a reason that the schedule gave, and was told of. */
export function judgeEnding(ended: Ended): void {
  const { rollouts, answers, checker, wrong } = ended;
  for (const rollout of rollouts) {
    judgeRollout(ended, rollout);
    judgeEvents(ended, rollout);
  }
  judgeMessages(ended);
  for (const what of unlikeRecords(ended)) wrong('ending', what);
  for (const [trigger, ids] of answers) {
    if (ids.size > 1) wrong('I14', `trigger ${trigger} was answered with ${[...ids].join(' and ')}`);
  }
  const triggers = rollouts.map(({ backend, trigger }) => `${backend} ${trigger.revision}`);
  const twice = triggers.find((trigger, i) => triggers.indexOf(trigger) !== i);
  if (twice !== undefined) wrong('I14', `trigger ${twice} made two rollouts`);
  for (const [id, times] of checker.started) if (times > 1) wrong('I14', `${id} began ${times} times`);
}

/**
 * What has to be so after a store has lost commits and people have reconciled it. Why a rollout ended, and what of it was
 * told, may be among what was lost.
 */
export function judgeLoss({ wrong, rollouts, ...fleet }: Fleet & Pick<Ended, 'rollouts' | 'checker' | 'wrong'>): void {
  for (const rollout of rollouts) {
    if (!isTerminal(rollout.phase)) wrong('liveness', `never ended: ${short(rollout)}`);
    judgePromotion({ ...fleet, wrong }, rollout);
  }
  for (const what of unlikeRecords(fleet)) wrong('ending', what);
}

function canariesOf(rollout: Rollout): readonly string[] {
  return partsOf(rollout).map(({ canary }) => canary.cluster);
}

function judgePromotion(
  { scenario, checker, wrong }: Pick<Ended, 'scenario' | 'checker' | 'wrong'>,
  rollout: Rollout,
): void {
  const { id, phase } = rollout;
  const said = checker.people.get(id) ?? new Set();
  if (phase === 'promoted' && canariesOf(rollout).some((cluster) => scenario.isBad(cluster)) && !said.has('promote')) {
    wrong('ending', `${id}: a failing canary was promoted`);
  }
}

function judgeRollout(ended: Ended, rollout: Rollout) {
  const { rollouts, scenario, checker, hook, storeNowMs, wrong } = ended;
  const { id, phase, cause, deadlineAtMs, spec } = rollout;
  const said = checker.people.get(id) ?? new Set();
  const canaries = everyPart(rollout).map(({ canary }) => canary.cluster);
  const fails = canaries.some((cluster) => scenario.isBad(cluster));
  if (!isTerminal(phase)) return wrong('liveness', `never ended: ${short(rollout)}`);
  if (phase === 'promoted') return judgePromotion(ended, rollout);
  const gate = `${id}-gate-${rollout.hook?.attempt}`;
  const isLate = cause?.summary.includes('has not opened the gate within') === true;
  const reasons: Readonly<Record<string, boolean>> = {
    analysis: fails,
    nack: canaries.some((cluster) => scenario.mayBeRefused(cluster)),
    laggard: spec.onLaggard === 'rollback',
    deadline: storeNowMs >= deadlineAtMs || (isLate && spec.strategy.steps[cause?.step ?? -1]?.webhook !== undefined),
    hook: hook.refused(gate),
    person: said.has('abort'),
    // By the start of the one that it names.
    superseded: said.has('start') && rollouts.some((one) => one !== rollout && cause?.summary.includes(one.id)),
  };
  const kind = cause?.kind ?? 'nothing';
  if (reasons[kind] !== true) wrong('ending', `${id}: ${phase} because of ${kind}, which it had no reason for`);
}

function judgeEvents({ store, wrong }: Ended, { id, phase, step }: Rollout): void {
  const told = store.inside.events(id).at(-1);
  if (told?.phase === phase && told.step === step) return;
  wrong('I15', `${id}: events end in ${told?.phase} at step ${told?.step}, the record in ${phase} at ${step}`);
}

function judgeMessages({ store, checker, delivered, wrong }: Ended): void {
  const dead = new Set(store.inside.deadLetters());
  const queues = new Map<string, string[]>();
  for (const { id, queue } of checker.notices) queues.set(queue, [...(queues.get(queue) ?? []), id]);
  for (const [queue, ids] of queues) {
    const got = [...new Set(delivered.get(queue) ?? [])];
    const lost = ids.filter((id) => !got.includes(id) && !dead.has(id));
    if (lost.length > 0) wrong('I6', `${queue}: ${lost.length} messages were lost (${lost[0]})`);
    else if (got.join() !== ids.filter((id) => got.includes(id)).join()) {
      wrong('I6', `${queue}: messages came as ${got.join(' ')}, written were ${ids.join(' ')}`);
    }
  }
}

/** In the end every Envoy serves what the records say, and nothing else. */
export function unlikeRecords({ store, scenario, envoys }: Fleet): string[] {
  const { trial, owners } = store.inside.table('edge');
  const wrong = trial === null ? [] : [`a trial of ${trial.by} was left behind`];
  for (const backend of scenario.backends) {
    const state = store.inside.record(`backend/${backend}`).body as BackendState;
    if (state.rolloutId !== null) continue;
    if (JSON.stringify(owners.get(`backend/${backend}`)?.value) !== JSON.stringify(backendTraffic(state, null))) {
      wrong.push(`${backend}: the table is not what the records say`);
    }
    const stable = state.stable?.cluster ?? '';
    for (const envoy of envoys) {
      if (envoy.refusing || envoy.share(stable) === 10_000) continue;
      wrong.push(`${envoy.id} gives ${stable} ${envoy.share(stable)} of 10,000 in the end`);
    }
  }
  return wrong;
}
