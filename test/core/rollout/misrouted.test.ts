import { beforeEach, describe, expect, it } from 'vitest';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const analysis = [{ kind: 'error-rate', name: 'error-rate', max: 0.01, minRequests: 200 } as const];
const spec = planSpec({ analysis, strategy: { name: 'any', steps: [planStep(), planStep({ weight: 2_000 })] } });
const kinds = (stage: Stage) => stage.notices.map(({ kind }) => kind);

describe('a canary that does not get its share of the requests', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared();
    stage.verdict = 'inconclusive';
    stage.openReason = 'ROUTING';
    stage.ack().tick();
  });

  it('is paused for a person at the first look that sees it, and not after the time that missing evidence has', () => {
    expect(stage.rollout.paused).toMatchObject({ by: 'serin', reason: expect.stringContaining('error-rate: ') });
    expect(stage.rollout.waitingFor).toMatch(/^a person to resume it/);
  });

  it('is told once, with what to do, however often one looks', () => {
    for (let i = 0; i < 80; i += 1) stage.tick(15_000);
    const told = stage.notices.filter(({ kind }) => kind === 'paused');
    expect(told).toHaveLength(1);
    expect(told[0]?.fields.map(([label]) => label)).toEqual(['Reason', 'To do']);
    expect(stage.events.filter(({ type }) => type === 'paused')).toHaveLength(1);
  });

  it('stays paused though the judge sees nothing wrong any more', () => {
    stage.verdict = 'pass';
    stage.tick(15_000).tick(15_000);
    expect([stage.rollout.step, stage.rollout.paused === null]).toEqual([0, false]);
  });

  it('goes back all the same when it fails, and at its deadline', () => {
    const late = new Stage({ ...stage.rollout, paused: null }).prepared();
    stage.verdict = 'fail';
    expect(stage.tick(15_000).rollout.phase).toBe('rolling_back');
    late.verdict = 'inconclusive';
    late.openReason = 'ROUTING';
    expect(late.tick(15_000).tick(3_600_000).tick().rollout.phase).toBe('rolling_back');
  });

  it('goes on once it is resumed, and is told again when that happens again', () => {
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    stage.openReason = 'WARMING_UP';
    stage.tick(15_000).tick(15_000);
    expect(stage.rollout.paused).toBeNull();
    stage.openReason = 'ROUTING';
    stage.tick(15_000).tick(15_000);
    expect(kinds(stage).filter((kind) => kind === 'paused' || kind === 'resumed')).toEqual([
      'paused',
      'resumed',
      'paused',
    ]);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    stage.verdict = 'pass';
    expect(stage.tick(15_000).rollout.step).toBe(1);
    expect(stage.broken).toEqual([]);
  });

  it('waits for the outage that many share to end before it is paused', () => {
    const blind = new Stage({ spec, deadlineAtMs: 3_600_000 }).prepared();
    blind.verdict = 'inconclusive';
    blind.openReason = 'ROUTING';
    blind.breaker = { ...blind.breaker, openSinceMs: 1 };
    expect(blind.ack().tick().tick(15_000).rollout.paused).toBeNull();
  });
});
