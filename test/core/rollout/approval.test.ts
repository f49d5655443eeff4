import { describe, expect, it } from 'vitest';
import type { ApprovalSpec } from '../../../src/core/model/documents.ts';
import { planSpec, planStep } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

/** At a step whose hold is over, so that nothing but the approval is missing. */
function waiting(approval: Partial<ApprovalSpec> = {}): Stage {
  const spec: ApprovalSpec = { by: [], withinMs: 60_000, otherwise: 'rollback', ...approval };
  const steps = [planStep({ approve: true, approval: spec, holdMs: 5_000 })];
  const stage = new Stage({ spec: planSpec({ strategy: { name: 'any', steps } }) });
  return stage.prepared().ack().tick(1).tick(5_000);
}

const gateOf = ({ rollout: { step, attempt } }: Stage) => ({ type: 'approve', gate: { step, attempt } }) as const;

describe('an approval', () => {
  it('is asked for with whose it is, how to give it, and what comes of saying nothing', () => {
    const asked = waiting({ by: ['release-manager', 'someone'], otherwise: 'hold' });
    const { id, step, attempt } = asked.rollout;
    expect(asked.notices.find(({ kind }) => kind === 'approval')?.fields).toEqual([
      ['May approve', 'release-manager, someone'],
      [
        'To do',
        `look at it (\`serin rollout explain ${id}\`), then \`serin rollout approve ${id} --gate ${step}/${attempt}\``,
      ],
      ['Otherwise', 'it is paused 1m after nothing else is missing'],
    ]);
    const anybody = waiting({ withinMs: null });
    expect(anybody.notices.find(({ kind }) => kind === 'approval')?.fields.map(([, text]) => text)).toEqual([
      'whoever may act',
      expect.stringContaining('serin rollout approve'),
    ]);
  });

  it('is of those who may alone', () => {
    const stage = waiting({ by: ['release-manager'] });
    expect(stage.rollout.waitingFor).toBe('the approval of release-manager');
    expect(stage.command(gateOf(stage))).toBe('SERIN_FORBIDDEN');
    expect(stage.rollout.approval).toBeNull();
    const other = waiting({ by: ['release-manager', 'someone'] });
    expect(other.command(gateOf(other))).toBe('accepted');
    expect(other.tick().rollout.phase).toBe('promoting');
  });

  it('that does not come in time sends it back, counted from when nothing else was missing', () => {
    const stage = waiting().tick(59_000);
    expect(stage.rollout.phase).toBe('stepping');
    expect(stage.tick(1_001).rollout.phase).toBe('rolling_back');
    expect(stage.rollout.cause?.summary).toContain('nobody has approved');
  });

  it('that does not come in time may let it wait, or go on', () => {
    const held = waiting({ otherwise: 'hold' }).tick(60_001);
    expect([held.rollout.phase, held.rollout.paused?.reason]).toEqual(['stepping', 'nobody has approved within 1m']);
    const gone = waiting({ otherwise: 'advance' }).tick(60_001);
    expect(gone.rollout.phase).toBe('promoting');
    expect([...held.broken, ...gone.broken]).toEqual([]);
  });

  it('has its whole time again once a person has resumed it', () => {
    const stage = waiting({ otherwise: 'hold' }).tick(60_001);
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.tick(59_000).rollout.paused).toBeNull();
    expect(stage.tick(2_000).rollout.paused?.reason).toBe('nobody has approved within 1m');
    expect(stage.command({ type: 'resume' })).toBe('accepted');
    expect(stage.command(gateOf(stage))).toBe('accepted');
    expect(stage.tick().rollout.phase).toBe('promoting');
  });

  it('is looked at when its time is over, and not before', () => {
    const stage = waiting();
    expect(stage.dueAtMs).toBe((stage.rollout.gate?.sinceMs ?? 0) + 60_000);
  });
});
