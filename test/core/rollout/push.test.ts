import { describe, expect, it } from 'vitest';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const testers = [{ headers: [{ name: 'x-tester', type: 'Present' as const }] }];
const spec = planSpec({
  strategy: {
    name: 'header-first',
    steps: [planStep({ name: 'testers', weight: 0, matches: testers }), planStep({ name: 'ten', weight: 1_000 })],
  },
});

const probeOf = ({ rollout }: Stage): string => rollout.push?.probe?.edge ?? '';
const others = (stage: Stage, ids: readonly string[]): string[] => ids.filter((id) => id !== probeOf(stage));

describe('a change that adds a cluster or a match', () => {
  it('goes to one Envoy first; the others get it when that one has taken it', () => {
    const stage = new Stage({ spec }, ['a', 'b', 'c']);
    stage.tick(1);
    expect(stage.trial?.probe).toBe(probeOf(stage));
    expect(stage.traffic).toEqual([]);
    stage.ack(...others(stage, ['a', 'b', 'c'])).tick(1);
    expect(stage.traffic).toEqual([]);
    stage.ack(probeOf(stage)).tick(1);
    expect(stage.traffic.at(-1)?.revisions.map(({ name }) => name)).toEqual(['v1', 'v2']);
    expect(stage.trial).toBeNull();
    expect(stage.rollout.push).toMatchObject({ probe: null, liveAtMs: null, counted: { edge: ['a', 'b', 'c'] } });
  });

  it('refused, it ends the rollout with the name of that Envoy, and the others have never seen it', () => {
    const stage = new Stage({ spec });
    stage.tick(1).nack(probeOf(stage), 'malformed IP address');
    const probe = probeOf(stage);
    stage.tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'nack', node: probe } });
    expect(stage.traffic.map(({ revisions }) => revisions.map(({ name }) => name))).toEqual([['v1']]);
  });

  it('a match that is refused in a later step goes back to stable everywhere', () => {
    const late = planSpec({
      strategy: {
        name: 'late testers',
        steps: [planStep({ weight: 100 }), planStep({ name: 'testers', weight: 1_000, matches: testers })],
      },
    });
    const stage = new Stage({ spec: late }).prepared().ack().tick(1);
    expect(stage.rollout.step).toBe(1);
    const probe = probeOf(stage);
    expect(stage.weight).toBe(100);
    stage.nack(probe, 'regex').tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'rolling_back', cause: { kind: 'nack', node: probe } });
    expect([stage.weight, stage.trial]).toEqual([0, null]);
  });

  it('another Envoy tries it at once when the first goes away, however often', () => {
    const stage = new Stage({ spec }, ['a', 'b', 'c', 'd', 'e']);
    stage.tick(1);
    for (let i = 0; i < 4; i += 1) stage.disconnect(probeOf(stage)).tick(1);
    expect(stage.rollout.phase).toBe('preparing');
    expect(stage.rollout.push?.unanswered).toEqual({});
    // Nobody else is left: it is waited for.
    stage.disconnect(probeOf(stage)).tick(30_000);
    expect(stage.rollout.phase).toBe('preparing');
    stage.connect(probeOf(stage)).ack(probeOf(stage)).tick(1);
    expect(stage.rollout.push?.probe).toBeNull();
  });

  /** Given a change that three of four Envoys, asked one after the other, did not answer. */
  function silentFleet(policy: 'hold' | 'exclude' | 'rollback'): { stage: Stage; asked: string[] } {
    const stage = new Stage({ spec: { ...spec, onLaggard: policy } }, ['a', 'b', 'c', 'd']);
    stage.tick(1);
    const asked = [probeOf(stage)];
    for (let i = 0; i < 2; i += 1) asked.push(probeOf(stage.tick(20_000)));
    expect(new Set(asked).size).toBe(3);
    stage.tick(19_000);
    expect(stage.trial?.probe).toBe(asked[2]);
    return { stage: stage.tick(1_000), asked };
  }

  it('when three stay silent it lets others have their turn, says so once, and tries again', () => {
    const { stage } = silentFleet('hold');
    expect(stage.rollout).toMatchObject({ phase: 'preparing', push: { probe: {} } });
    expect([stage.trial, stage.traffic]).toEqual([null, []]);
    stage.tick(10_000);
    expect(stage.trial).not.toBeNull();
    stage.tick(20_000).tick(20_000).tick(20_000).tick(10_000);
    expect(stage.notices.filter(({ kind }) => kind === 'laggards')).toHaveLength(1);
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('with `rollback` it gives up then', () => {
    const { stage } = silentFleet('rollback');
    expect(stage.rollout).toMatchObject({ phase: 'failed', cause: { kind: 'laggard' } });
    expect(stage.traffic.at(-1)?.revisions).toHaveLength(1);
  });

  it('with `exclude` it goes on with the one that is left', () => {
    const { stage, asked } = silentFleet('exclude');
    const [left] = ['a', 'b', 'c', 'd'].filter((id) => !asked.includes(id));
    stage.tick(10_000);
    expect(stage.trial?.probe).toBe(left);
    stage.ack(left ?? '').tick(1);
    expect(stage.rollout.push).toMatchObject({ probe: null, counted: { edge: [left] } });
  });

  it('a pause takes it back from the Envoy that tries it; a resume starts the trial anew', () => {
    const stage = new Stage({ spec });
    stage.tick(1);
    const probe = probeOf(stage);
    stage.command({ type: 'pause', reason: 'lunch' });
    stage.ack(probe).tick(1).tick(60_000);
    expect([stage.trial, stage.traffic]).toEqual([null, []]);
    expect(stage.rollout).toMatchObject({ phase: 'preparing', waitingFor: 'a person to resume it (lunch)' });
    stage.command({ type: 'resume' });
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('clocks that disagree let nothing go on, but others have their turn; then the trial starts anew', () => {
    const stage = new Stage({ spec });
    stage.tick(1);
    stage.clockTrusted = false;
    stage.ack().tick(1).tick(60_000);
    expect([stage.trial, stage.traffic]).toEqual([null, []]);
    expect(stage.rollout.waitingFor).toContain('a steady clock');
    stage.clockTrusted = true;
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('clocks that disagree begin no trial', () => {
    const stage = new Stage({ spec });
    stage.clockTrusted = false;
    stage.tick(1).tick(60_000);
    expect(stage.rollout).toMatchObject({ phase: 'pending', push: null });
    expect(stage.rollout.waitingFor).toContain('a steady clock');
    stage.clockTrusted = true;
    stage.prepared();
    expect(stage.rollout.phase).toBe('stepping');
  });

  it('the only Envoy of a fleet is not asked first', () => {
    const stage = new Stage({ spec }, ['a']);
    stage.tick(1);
    expect(probeOf(stage)).toBe('');
    expect(stage.traffic.at(-1)?.revisions).toHaveLength(2);
  });

  it('waits for its turn while another change is tried out', () => {
    const stage = new Stage({ spec });
    stage.trial = { by: 'rollout/other', probe: 'a', position: { epoch: 'e', n: 1 } };
    stage.tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'pending', push: null });
    expect(stage.rollout.waitingFor).toContain('rollout/other');
    stage.trial = null;
    stage.tick(1);
    expect(stage.rollout.phase).toBe('preparing');
  });
});

describe('weights alone', () => {
  it('go to every Envoy at once, also while another change is tried out', () => {
    const plain = planSpec({ strategy: { name: 's', steps: [planStep({ weight: 500 }), planStep({ weight: 900 })] } });
    const stage = new Stage({ spec: plain }).prepared();
    stage.trial = { by: 'rollout/other', probe: 'a', position: { epoch: 'e', n: 1 } };
    stage.ack().tick(1);
    expect([stage.rollout.step, stage.weight]).toEqual([1, 900]);
  });

  it('a refusal by the Envoy that tries out somebody else’s change is not held against them', () => {
    const stage = new Stage({ spec: planSpec() }).prepared();
    stage.trial = { by: 'rollout/other', probe: 'a', position: { epoch: 'e', n: stage.n } };
    stage.ack('b').nack('a', 'about the other').tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', waitingFor: 'the ACK of a' });
    // Also after that trial has ended, until the Envoy has answered to what comes in its place.
    stage.trial = null;
    stage.tick(1);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', waitingFor: 'the ACK of a' });
    stage.nack('a', 'about this one').tick(1);
    expect(stage.rollout.phase).toBe('rolling_back');
  });
});

describe('a view that is not complete', () => {
  it('lets nothing advance, and a rollback go out all the same', () => {
    const stage = new Stage({ spec: planSpec() }).prepared();
    stage.complete = false;
    stage.ack().tick(1).tick(60_000);
    expect(stage.rollout).toMatchObject({ phase: 'stepping', step: 0 });
    expect(stage.rollout.waitingFor).toContain('complete');
    expect(stage.command({ type: 'promote' })).toBe('SERIN_NOT_READY');
    expect(stage.command({ type: 'abort', reason: 'enough' })).toBe('accepted');
    expect(stage.weight).toBe(0);
    stage.ack().tick(1);
    expect(stage.rollout.phase).toBe('aborting');
    stage.complete = true;
    stage.tick(1);
    expect(stage.rollout.phase).toBe('aborted');
  });
});
