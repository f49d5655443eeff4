import { describe, expect, it } from 'vitest';
import type { CounterSeries } from '../../../src/core/analysis/judge.ts';
import { thresholdJudge } from '../../../src/core/analysis/threshold-judge.ts';
import { recordBackend, recordGiven } from '../../../src/core/replay/record-decision.ts';
import { replay } from '../../../src/core/replay/replay.ts';
import { step } from '../../../src/core/rollout/step.ts';
import type { Observations } from '../../../src/core/rollout/transition.ts';
import { Recorder } from '../../support/recorder.ts';
import {
  backendState,
  fleetAt,
  healthyHosts,
  node,
  planSpec,
  planStep,
  revision,
  rollout,
} from '../../support/rollouts.ts';

const judge = thresholdJudge;
const CANARY = revision('v2').cluster;
const errorRate = { kind: 'error-rate', name: 'error-rate', max: 0.05, minRequests: 50 } as const;
const SPEC = planSpec({ strategy: { name: 'any', steps: [planStep({ holdMs: 60_000, analysis: [errorRate] })] } });

/** One Envoy that has taken everything. */
function seen(atMs: number, counters: Observations['counters']): Observations {
  const have = { epoch: 'e', n: 1 };
  const nodes = [node('a', { credited: have, creditedAtMs: atMs, routes: have, routesAtMs: atMs })];
  return { fleets: fleetAt(1, nodes), counters, queries: new Map(), scrapeMs: 1_000 };
}

/** `perSecond` requests to the canary, of which a share fails. */
function requests(fromMs: number, toMs: number, perSecond: number, failing: number): Observations['counters'] {
  const times = Array.from({ length: Math.floor((toMs - fromMs) / 1_000) + 1 }, (_, i) => fromMs + i * 1_000);
  const one = (family: CounterSeries['family'], label: string, growth: number): CounterSeries => ({
    ...{ proxy: 'a', cluster: CANARY, family, label },
    points: times.map((tMs, i) => [tMs, i * growth]),
  });
  return {
    kind: 'ok',
    series: [
      one('upstream_rq_completed', '', perSecond),
      one('upstream_rq_xx', '2', perSecond * (1 - failing)),
      one('upstream_rq_xx', '5', perSecond * failing),
    ],
  };
}

/** A rollout at its only step, judged for some seconds. */
function stepping(looks: number, failing = 0): Recorder {
  const recorder = new Recorder(rollout({ spec: SPEC }), backendState());
  for (let i = 0; i < 20 && recorder.rollout.phase !== 'stepping'; i += 1) {
    recorder.tick(seen(recorder.nowMs, healthyHosts(['a'], CANARY, recorder.nowMs + 1_000)), judge);
  }
  recorder.tick(seen(recorder.nowMs, null), judge);
  const liveAtMs = recorder.rollout.push?.liveAtMs ?? 0;
  for (let i = 0; i < looks; i += 1) {
    recorder.tick(seen(liveAtMs, requests(liveAtMs, recorder.nowMs + 1_000, 10, failing)), judge);
  }
  expect(recorder.rollout.phase).toBe(failing > 0 ? 'rolled_back' : 'stepping');
  return recorder;
}

describe('replay', () => {
  it('comes to the same with the code that decided', () => {
    const recorder = stepping(10).command({ type: 'pause', reason: 'lunch' }, seen(0, null));
    const again = replay(recorder.kept, { judge });
    expect(again).toMatchObject({ differences: [], notReplayed: [] });
    expect(again.decisions).toBe(recorder.recorded.length - 1);
    expect(again.rollout).toEqual(recorder.rollout);
  });

  it('follows a person who skips, jumps and opens a gate', () => {
    const [gate, reason] = [{ step: 0, attempt: 1 }, 'in a hurry'];
    const webhook = { target: 'checks', everyMs: 1_000, timeoutMs: 500, withinMs: null, otherwise: 'hold' as const };
    const steps = [planStep({ webhook, holdMs: 60_000 }), planStep({ weight: 5_000, holdMs: 60_000 })];
    const recorder = new Recorder(rollout({ spec: planSpec({ strategy: { name: 'any', steps } }) }), backendState());
    for (let i = 0; i < 30 && recorder.rollout.push?.liveAtMs == null; i += 1)
      recorder.tick(seen(recorder.nowMs, null), judge);
    for (let i = 0; i < 30 && recorder.rollout.phase !== 'stepping'; i += 1) {
      recorder.tick(seen(recorder.nowMs, healthyHosts(['a'], CANARY, recorder.nowMs + 1_000)), judge);
    }
    recorder.tick(seen(recorder.nowMs, null), judge);
    recorder.command({ type: 'approve', gate, hook: 'checks', reason }, seen(recorder.nowMs, null));
    recorder.command({ type: 'skip', gate, reason, force: true }, seen(recorder.nowMs, null));
    recorder.tick(seen(recorder.nowMs, null), judge);
    const back = { type: 'jump', to: '1', gate: { step: 1, attempt: 2 }, reason } as const;
    recorder.command(back, seen(recorder.nowMs, null));
    expect(recorder.rollout).toMatchObject({ step: 0, attempt: 3, jumps: [{ to: 1 }, { to: 0 }] });
    const again = replay(recorder.kept, { judge });
    expect(again).toMatchObject({ differences: [], notReplayed: [] });
    expect(again.rollout).toEqual(recorder.rollout);
  });

  it('names what was decided, what would be now, and by which input', () => {
    const recorder = stepping(10, 0.5);
    const again = replay(recorder.kept, {
      judge,
      // A version that is blind to failures.
      step: (input) => step({ ...input, judge: { ...judge, assess: (asked) => mild(judge.assess(asked)) } }),
    });
    const [first] = again.differences.filter(({ was }) => was.includes('rolling_back'));
    expect(first).toMatchObject({ trigger: 'tick', phase: 'stepping', step: 0, kind: 'decision' });
    expect(first?.was).toContain('stepping → rolling_back');
    expect(first?.was).toContain('error-rate fail (OVER_LIMIT)');
    expect(first?.now).toContain('hold');
    expect(first?.fields.map(({ path }) => path)).toContain('phase');
    expect(first?.inputs).toEqual(['counters']);
    // What follows was decided from the record as it was then.
    expect(again.rollout).toEqual(recorder.rollout);
  });

  it('names a limit that another version draws earlier', () => {
    const kept = stepping(10).kept;
    const again = replay(kept, {
      judge,
      step: (input) => step({ ...input, judge: { ...judge, assess: (asked) => harsh(judge.assess(asked)) } }),
    });
    expect(again.differences.length).toBeGreaterThan(0);
    for (const one of again.differences) expect(one).toMatchObject({ kind: 'decision', inputs: ['counters'] });
  });

  it('takes other words for other words', () => {
    const again = replay(stepping(3).kept, {
      judge,
      step: (input) => {
        const transition = step(input);
        if (transition.rollout.phase !== 'stepping') return transition;
        return { ...transition, rollout: { ...transition.rollout, waitingFor: 'whatever' } };
      },
    });
    expect(again.differences.length).toBeGreaterThan(0);
    expect(new Set(again.differences.map(({ kind }) => kind))).toEqual(new Set(['words']));
  });

  it('says that a command would be refused today', () => {
    const recorder = stepping(2).command({ type: 'pause', reason: 'lunch' }, seen(0, null));
    const [first, ...rest] = recorder.kept;
    if (first === undefined) throw new Error('nothing kept');
    const altered = rest.map(({ looks, text }) => ({ looks, text: text.replace('"type":"pause"', '"type":"resume"') }));
    const again = replay([first, ...altered], { judge });
    expect(again.differences).toMatchObject([
      { trigger: 'resume', inputs: ['command'], now: expect.stringContaining('so already') },
    ]);
  });

  it('follows a run of looks of which only the first and the last are kept', () => {
    const recorder = stepping(12);
    const texts = recorder.recorded;
    const runs = texts.map(({ run }) => run);
    const run = runs.at(-1) ?? '';
    const [begin, end] = [runs.indexOf(run), runs.lastIndexOf(run)];
    expect(run).not.toBe('');
    expect(end - begin).toBeGreaterThan(3);
    const kept = recorder.kept.filter((_, i) => i <= begin || i >= end);
    const again = replay(
      kept.map((one, i) => (i === kept.length - 1 ? { ...one, looks: end - begin } : one)),
      { judge },
    );
    expect(again).toMatchObject({ differences: [], notReplayed: [], rollout: recorder.rollout });
    expect(again.looks).toBe(texts.length - 1);
    expect(again.decisions).toBeLessThan(again.looks);
    // Without the word that looks were left out, a gap is a gap.
    expect(replay(kept, { judge }).notReplayed).toHaveLength(1);
  });

  it('goes on from the next whole record when what came before is not kept', () => {
    const recorder = stepping(40);
    const again = replay(recorder.kept.slice(5), { judge });
    expect(again.notReplayed.length).toBeGreaterThan(0);
    expect(again.notReplayed.length).toBeLessThan(17);
    expect(again.decisions).toBeGreaterThan(10);
    expect(again).toMatchObject({ differences: [], rollout: recorder.rollout });
  });

  it('follows what was done to the records from outside', () => {
    const recorder = stepping(2);
    const retired = { ...recorder.backend, retired: [{ revision: revision('v0'), pinned: false, untilMs: 9 }] };
    recorder.recorded.push(recordBackend('r1', recorder.rev, retired, recorder.backendRev));
    recorder.backendRev += 1;
    recorder.backend = retired;
    recorder.command({ type: 'pause', reason: 'lunch' }, seen(0, null));
    const moved = { ...recorder.rollout, paused: null, attempt: 9 };
    recorder.recorded.push(recordGiven('reconciled', { rollout: moved, backend: retired }, 0));
    recorder.rollout = moved;
    recorder.rev += 7;
    recorder.command({ type: 'abort', reason: 'enough' }, seen(0, null));
    expect(replay(recorder.kept, { judge })).toMatchObject({
      ...{ differences: [], notReplayed: [], rollout: recorder.rollout },
    });
  });

  it('follows the last look at one that is over, whatever another rollout did to the backend meanwhile', () => {
    const recorder = stepping(2);
    const liveAtMs = recorder.rollout.push?.liveAtMs ?? 0;
    for (let i = 0; i < 30 && recorder.rollout.phase !== 'rolled_back'; i += 1) {
      recorder.tick(seen(recorder.nowMs, requests(liveAtMs, recorder.nowMs + 1_000, 10, 0.5)), judge);
    }
    expect(recorder.rollout.aftercare).toBe('due');
    recorder.backend = { ...recorder.backend, rolloutId: 'the-next' };
    recorder.backendRev += 1;
    recorder.tick(seen(0, requests(0, recorder.nowMs + 10_000, 0, 0)), judge, 10_000);
    expect(recorder.rollout.aftercare).toBe('done');
    expect(replay(recorder.kept, { judge })).toMatchObject({
      ...{ differences: [], notReplayed: [], rollout: recorder.rollout },
    });
  });

  it('names a decision whose records are each well-formed and together none that a rollout can be in', () => {
    const recorder = stepping(2);
    const lost = { ...recorder.rollout, step: 9 };
    recorder.recorded.push(recordGiven('reconciled', { rollout: lost, backend: recorder.backend }, 0));
    recorder.recorded.push(...recorder.recorded.slice(-2, -1));
    const again = replay(recorder.kept, { judge });
    expect(again.notReplayed).toMatchObject([{ reason: expect.stringContaining('cannot be decided again') }]);
  });

  it('names what it cannot read: a newer format, broken text, what was too large', () => {
    const recorder = stepping(2);
    const [given] = recorder.kept;
    const text = recorder.kept.at(1)?.text ?? '';
    const one = (changed: string) =>
      replay([...(given === undefined ? [] : [given]), { looks: 1, text: changed }], { judge }).notReplayed;
    expect(one(text.replace('"format":1', '"format":2'))).toEqual([
      { at: 2, reason: 'it is of format 2; this Serin knows up to 1' },
    ]);
    expect(one('{"half')).toEqual([{ at: 2, reason: 'it is not JSON' }]);
    expect(one('{"format":1,"kind":"lost","bytes":600000}')).toEqual([
      { at: 2, reason: 'it was too large to be kept' },
    ]);
    expect(one(text.replace('"phase":"preparing"', '"phase":"dreaming"'))).toEqual([
      { at: 2, reason: 'the record that it led to does not fit this version' },
    ]);
  });

  it('keeps a decision about a fleet that is too large without what was seen, and can go on after it', () => {
    const recorder = new Recorder(rollout({ spec: SPEC }), backendState());
    const nodes = Array.from({ length: 8_000 }, (_, i) => node(`envoy-${i}-${'x'.repeat(40)}`));
    recorder.tick({ ...seen(0, null), fleets: fleetAt(1, nodes) }, judge);
    expect(recorder.rollout.phase).toBe('preparing');
    recorder.command({ type: 'abort', reason: 'enough' }, seen(0, null));
    const again = replay(recorder.kept, { judge });
    expect(again.notReplayed.length).toBeGreaterThan(0);
    for (const { text } of recorder.recorded) expect(text.length).toBeLessThan(600_000);
  });
});

function mild(outcome: ReturnType<typeof judge.assess>): ReturnType<typeof judge.assess> {
  return { ...outcome, decision: 'hold' };
}

function harsh(outcome: ReturnType<typeof judge.assess>): ReturnType<typeof judge.assess> {
  return { ...outcome, decision: 'rollback' };
}
