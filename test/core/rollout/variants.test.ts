import { beforeEach, describe, expect, it } from 'vitest';
import type { ScalarResult } from '../../../src/core/analysis/judge.ts';
import type { LoadReport } from '../../../src/core/analysis/push-guard.ts';
import { compareMetric } from '../../../src/core/analysis/readout/read-metric.ts';
import { TOTAL_WEIGHT } from '../../../src/core/model/documents.ts';
import type { ReadoutMetric } from '../../../src/core/model/readout.ts';
import { armPart } from '../../../src/core/rollout/arms.ts';
import { partsOf } from '../../../src/core/rollout/joint.ts';
import { memoriesOf } from '../../../src/core/rollout/needs.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { RolloutRecord } from '../../../src/core/rollout/rollout-record.ts';
import { readoutsOf } from '../../../src/core/rollout/take-readouts.ts';
import { planSpec, planStep, revision, rollout } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const BUYS: ReadoutMetric = { kind: 'share', name: 'buys', wanted: 'higher', users: 'u', successes: 's' };
const ERRORS = { kind: 'error-rate', name: 'errors', max: 0.01, minRequests: 200 } as const;

const GREEN = { name: 'green', trigger: { revision: 'v3', endpoints: null }, canary: revision('v3') };
const [CANARY_CLUSTER, GREEN_CLUSTER] = [revision('v2').cluster, GREEN.canary.cluster];

type Spec = Parameters<typeof planSpec>[0];

/** Stable has 34 %, the canary and green 33 % each. */
const step = planStep({ weight: 3_300, weights: { green: 3_300 }, sticky: { by: 'cookie' }, holdMs: 10_000 });
const fields = (spec: Spec = {}): Partial<Rollout> => ({
  spec: planSpec({ variants: ['green'], strategy: { name: 'any', steps: [step] }, ...spec }),
  variants: [GREEN],
});

/** At its one step, live on every Envoy. */
function testing(spec: Spec = {}, more: Partial<Rollout> = {}): Stage {
  return new Stage({ ...fields(spec), ...more }).prepared().ack().tick(1).ack().tick(1);
}

type Counts = readonly [users: number, successes: number];

function totals(stage: Stage, stable: Counts, canary: Counts, green: Counts): Stage {
  const of = (key: string, [users, successes]: Counts): [string, ScalarResult][] => [
    [`${key}/users`, { kind: 'ok', value: users, atMs: stage.nowMs }],
    [`${key}/successes`, { kind: 'ok', value: successes, atMs: stage.nowMs }],
  ];
  stage.queries = new Map([
    ...of('buys/stable', stable),
    ...of('buys/canary', canary),
    ...of('green/buys/canary', green),
  ]);
  return stage.tick();
}

let stage: Stage;
const holds = (): void => expect(stage.broken).toEqual([]);

describe('a part of a test', () => {
  const whole = rollout({
    ...fields({ judge: { name: 'sequential', alpha: 0.01 } }),
    phase: 'stepping',
    step: 0,
    history: [{ step: 0, name: 'step', weight: 3_300, committedAtMs: 1, liveAtMs: 2, leftAtMs: null }],
  });

  it('is the rollout as it would be if stable and this arm were all', () => {
    const [canary, green, ...more] = partsOf(whole);
    expect(more).toEqual([]);
    expect([canary?.canary.name, green?.canary.name, green?.arm]).toEqual(['v2', 'v3', 'green']);
    // 33 of 67.
    expect(green?.spec.strategy.steps[0]).toMatchObject({ weight: 4_925 });
    expect(green?.history[0]?.weight).toBe(4_925);
    expect(green).not.toHaveProperty('variants');
  });

  it('has its share of the error that the plan puts up with', () => {
    expect(partsOf(whole).map(({ spec }) => spec.judge)).toEqual([
      { name: 'sequential', alpha: 0.005 },
      { name: 'sequential', alpha: 0.005 },
    ]);
    const judge = { name: 'sequential' } as const;
    const [part] = partsOf({ ...whole, spec: { ...whole.spec, judge } });
    expect(part?.spec.judge).toEqual({ name: 'sequential', alpha: 0.005 });
  });

  it('has the matches that pin to its arm, and no others', () => {
    const tester = (name: string, arm?: string) => ({
      headers: [{ name, type: 'Present' } as const],
      ...(arm === undefined ? {} : { arm }),
    });
    const matches = [tester('a'), tester('b', 'green')];
    const strategy = { name: 'any', steps: [{ ...step, matches }] };
    const [canary, green] = partsOf({ ...whole, spec: { ...whole.spec, strategy } });
    expect(canary?.spec.strategy.steps[0]?.matches).toEqual([matches[0]]);
    expect(green?.spec.strategy.steps[0]?.matches).toEqual([matches[1]]);
  });

  it('has a memory of its own, also when it is the one that is promoted', () => {
    const memory = { judgement: { of: 'canary' }, judgements: { green: { of: 'green' } } };
    expect(memoriesOf(whole, memory)).toEqual([{ of: 'canary' }, { of: 'green' }]);
    const promoting = { ...whole, phase: 'promoting' } as const;
    expect(memoriesOf({ ...promoting, winner: 'green' }, memory)).toEqual([{ of: 'green' }]);
    expect(memoriesOf({ ...promoting, winner: 'canary' }, memory)).toEqual([{ of: 'canary' }]);
  });

  it('gets nothing in a step that gives it nothing', () => {
    const strategy = { name: 'any', steps: [planStep({ weight: 0 })] };
    expect(armPart({ ...whole, spec: { ...whole.spec, strategy } }, GREEN).spec.strategy.steps[0]?.weight).toBe(0);
  });

  it('comes back from the store as it was', () => {
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
  });
});

describe('a test with variants', () => {
  it('begins when every arm has healthy hosts, and gives each its share', () => {
    stage = new Stage(fields());
    stage.unready.add(GREEN_CLUSTER);
    stage.prepared();
    expect(stage.rollout.phase).toBe('preparing');
    expect(stage.rollout.waitingFor).toContain('healthy');
    expect(stage.weights).toEqual([TOTAL_WEIGHT]);
    stage.unready.clear();
    stage.prepared();
    stage.ack().tick(1).ack().tick(1);
    expect(stage.weights).toEqual([3_400, 3_300, 3_300]);
    expect(stage.events.map(({ message }) => message)).toContain(
      'step 1 of 1 (step): 33 % to the canary, 33 % to green',
    );
    holds();
  });

  it.each([
    ['canary', CANARY_CLUSTER],
    ['green', GREEN_CLUSTER],
  ])('goes back as a whole when %s alone does harm, and says whose metric it was', (arm, cluster) => {
    stage = testing({ analysis: [ERRORS] });
    stage.verdicts.set(cluster, 'fail');
    stage.tick(2_000);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause).toMatchObject({ kind: 'analysis', verdict: { arm, metric: `errors (${arm})` } });
    expect(stage.weights).toEqual([TOTAL_WEIGHT]);
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('rolled_back');
    expect(stage.backend.stable?.name).toBe('v1');
    // Envoys that were away may still name either.
    expect(stage.backend.retired.map(({ revision: { name } }) => name).toSorted()).toEqual(['v2', 'v3']);
    holds();
  });

  it('does not go on while the evidence of one arm is missing', () => {
    stage = testing({ analysis: [ERRORS] });
    stage.verdicts.set(GREEN_CLUSTER, 'inconclusive');
    stage.tick(20_000).tick();
    expect(stage.rollout.phase).toBe('stepping');
    expect(stage.rollout.waitingFor).toContain('errors (green)');
    holds();
  });

  it('goes back when an Envoy reports that one arm crashes, before a scrape', () => {
    stage = testing({ analysis: [ERRORS] });
    const report = (cluster: string, failed: number): readonly LoadReport[] =>
      [1, 2].map((second) => ({ nodeId: 'a', cluster, atMs: second * 1_000, requests: 200, failed }));
    const [stable, canary] = [report(revision('v1').cluster, 0), report(CANARY_CLUSTER, 0)];
    stage.loadReports = [...stable, ...canary, ...report(GREEN_CLUSTER, 200)];
    stage.tick(500);
    expect(stage.rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause?.summary).toContain('push guard of green');
  });
});

describe('the end of a test', () => {
  beforeEach(() => {
    stage = totals(testing({ readout: [BUYS] }), [0, 0], [0, 0], [0, 0]);
  });

  it('promotes the one arm that is shown to be better, which is stable from then on', () => {
    totals(stage, [3_000, 300], [3_000, 300], [3_000, 450]).tick(20_000);
    expect(stage.rollout).toMatchObject({ phase: 'promoting', winner: 'green' });
    expect(stage.weights).toEqual([0, 0, TOTAL_WEIGHT]);
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('promoted');
    expect(stage.backend).toMatchObject({ stable: { name: 'v3' }, previous: { revision: { name: 'v1' } } });
    expect(stage.backend.retired.map(({ revision: { name } }) => name).toSorted()).toEqual(['v1', 'v2']);
    expect(stage.weights).toEqual([TOTAL_WEIGHT]);
    expect(stage.notices.at(-1)).toMatchObject({ title: 'checkout: v3 is promoted', revision: 'v3' });
    holds();
  });

  it('tells people of each arm when it has come to a conclusion', () => {
    totals(stage, [3_000, 300], [3_000, 200], [3_000, 450]);
    expect(stage.events.filter(({ type }) => type === 'readout').map(({ message }) => message)).toEqual([
      'buys: the canary is the loser (0.06667 of 3000 users against 0.1 of 3000)',
      'buys: green is the winner (0.15 of 3000 users against 0.1 of 3000)',
    ]);
    expect(readoutsOf(stage.rollout).map(({ arm, standing }) => [arm, standing])).toEqual([
      ['canary', 'loser'],
      ['green', 'winner'],
    ]);
  });

  it('needs more to call an arm better than where it is the only one', () => {
    // Where these lie at 5 % they begin to be enough for one comparison, and for two they are not.
    const standings = [74, 76, 78, 80, 82, 84, 86, 88].map((more) => {
      stage = totals(testing({ readout: [BUYS] }), [0, 0], [0, 0], [0, 0]);
      totals(stage, [2_000, 200], [2_000, 200], [2_000, 200 + more]);
      const record = stage.rollout.readout?.find(({ arm }) => arm === 'green');
      if (record === undefined) throw new Error('nothing was read of green');
      const alone = compareMetric(BUYS, record, { sticky: true, routed: true });
      return [alone.standing, readoutsOf(stage.rollout).find(({ arm }) => arm === 'green')?.standing];
    });
    expect(standings).toContainEqual(['winner', 'undecided']);
    expect(standings).not.toContainEqual(['undecided', 'winner']);
  });

  it.each<[string, Counts, Counts, RegExp]>([
    ['no arm is better', [3_000, 300], [3_000, 300], /no arm is shown to be better than stable/],
    ['two are', [3_000, 450], [3_000, 460], /canary, green are better than stable/],
    ['one has more successes than users', [3_000, 450], [3_000, 3_100], /cannot be compared \(BAD_COUNTS\)/],
    ['shares are not what they were to be', [300, 60], [3_000, 450], /cannot be compared \(SHARES_DIFFER\)/],
  ])('is a person to say where %s', (_, canary, green, why) => {
    totals(stage, [3_000, 300], canary, green).tick(20_000);
    expect(stage.rollout.phase).toBe('stepping');
    expect(stage.rollout.waitingFor).toMatch(/^a person: /);
    expect(stage.rollout.waitingFor).toMatch(why);
    holds();
  });

  it('is a person to say where the plan reads nothing out, and at the deadline goes back to stable', () => {
    stage = testing({ onInconclusive: 'promote' }, { deadlineAtMs: 60_000 });
    stage.tick(20_000);
    expect(stage.rollout.waitingFor).toBe('a person: which of canary, green gets all requests is for them to say');
    stage.tick(60_000);
    expect(stage.rollout.phase).toBe('rolling_back');
    holds();
  });

  it('that is for a person to say is told them once, with the command, however often it is looked at', () => {
    totals(stage, [3_000, 300], [3_000, 300], [3_000, 300]).tick(20_000);
    totals(stage, [4_000, 400], [4_000, 400], [4_000, 400]).tick(20_000);
    expect(stage.rollout.phase).toBe('stepping');
    const told = stage.notices.filter(({ kind }) => kind === 'decision_wanted');
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ tone: 'warning', title: expect.stringContaining('a person has to end it') });
    const fields = new Map(told[0]?.fields);
    expect(fields.get('Reason')).toContain('no arm is shown to be better than stable');
    expect(fields.get('To do')).toContain(`serin rollout promote ${stage.rollout.id} --arm canary|green`);
    expect(fields.get('To do')).toContain(`serin rollout abort ${stage.rollout.id}`);
    expect(fields.get('Otherwise')).toContain('it goes back at ');
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(stage.rollout)))).toMatchObject({
      endAsked: stage.rollout.attempt,
    });
    holds();
  });

  it('that comes by itself asks nobody', () => {
    totals(stage, [3_000, 300], [3_000, 300], [3_000, 600]).tick(20_000);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.notices.filter(({ kind }) => kind === 'decision_wanted')).toEqual([]);
  });

  it('is the arm that a person names, whatever was read', () => {
    expect(stage.command({ type: 'promote' })).toBe('SERIN_REQUEST_INVALID');
    expect(stage.refusal).toContain('--arm canary|green');
    expect(stage.command({ type: 'promote', arm: 'blue' })).toBe('SERIN_REQUEST_INVALID');
    expect(stage.command({ type: 'promote', arm: 'green' })).toBe('accepted');
    expect(stage.rollout).toMatchObject({ phase: 'promoting', winner: 'green' });
    expect(stage.command({ type: 'promote', arm: 'canary' })).toBe('SERIN_PHASE_CONFLICT');
    expect(stage.command({ type: 'promote', arm: 'green' })).toBe('unchanged');
    stage.ack().tick();
    expect(stage.backend.stable?.name).toBe('v3');
    holds();
  });

  it('is not what a skipped last step says: it would not say which arm', () => {
    const gate = { step: 0, attempt: stage.rollout.attempt };
    expect(stage.command({ type: 'skip', gate, reason: 'now', force: true })).toBe('SERIN_REQUEST_INVALID');
    expect(stage.refusal).toContain('serin rollout promote r1 --arm canary|green');
  });

  it('can be taken back to stable until it is over', () => {
    stage.command({ type: 'promote', arm: 'green' });
    expect(stage.command({ type: 'abort', reason: 'no' })).toBe('accepted');
    expect(stage.weights).toEqual([TOTAL_WEIGHT]);
    stage.ack().tick();
    expect(stage.rollout.phase).toBe('aborted');
    expect(stage.backend.stable?.name).toBe('v1');
    expect(stage.backend.retired.map(({ revision: { name } }) => name).toSorted()).toEqual(['v2', 'v3']);
    holds();
  });
});

describe('the bake of a winner', () => {
  it('is about it alone, and sends back what begins late', () => {
    stage = testing({ analysis: [ERRORS], bakeMs: 30_000 });
    stage.command({ type: 'promote', arm: 'green' });
    // What nobody is sent to is not judged.
    stage.verdicts.set(CANARY_CLUSTER, 'fail');
    stage.ack().tick(2_000).tick(2_000);
    expect(stage.rollout.phase).toBe('promoting');
    stage.verdicts.set(GREEN_CLUSTER, 'fail');
    stage.tick(2_000);
    expect(stage.rollout).toMatchObject({ phase: 'rolling_back', cause: { verdict: { arm: 'green' } } });
    holds();
  });
});

describe('a rollout with a canary alone', () => {
  it('takes its arm by name, and knows no other', () => {
    stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps: [planStep()] } }) }).prepared();
    expect(stage.command({ type: 'promote', arm: 'green' })).toBe('SERIN_REQUEST_INVALID');
    expect(stage.command({ type: 'promote', arm: 'canary' })).toBe('accepted');
    expect(stage.rollout).not.toHaveProperty('winner');
  });
});
