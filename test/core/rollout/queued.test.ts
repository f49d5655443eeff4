import { describe, expect, it } from 'vitest';
import type { BackendState } from '../../../src/core/model/backend-state.ts';
import { decideCommand, type Supersede } from '../../../src/core/rollout/command.ts';
import { canBeSuperseded, queuedBehind, type TurnInput, takeTurn } from '../../../src/core/rollout/queued.ts';
import type { Rollout } from '../../../src/core/rollout/rollout.ts';
import { violations } from '../../support/invariants.ts';
import { backendState, planSpec, planStep, push, revision, rollout, settings } from '../../support/rollouts.ts';
import { Stage } from '../../support/stage.ts';

const NEXT: Supersede = { type: 'supersede', next: { id: 'r2', revision: 'v3' } };
const HOUR = 3_600_000;

const twoSteps = planSpec({ strategy: { name: 'any', steps: [planStep(), planStep({ weight: 5_000 })] } });

/** `r2` waits for `r1`. */
const waiting = (fields: Partial<Rollout> = {}): Rollout =>
  rollout({ id: 'r2', canary: revision('v3'), stable: revision('v0'), ...queuedBehind('checkout', 'r1'), ...fields });
const behind = (fields: Partial<BackendState> = {}): BackendState =>
  backendState({ rolloutId: 'r1', next: 'r2', ...fields });

const found = { fleets: ['edge', 'lab'], requires: [], routeTimeoutMs: 5_000 };
const turn = (fields: Partial<TurnInput> = {}) =>
  takeTurn({ rollout: waiting(), backend: behind(), found, nowMs: 2 * HOUR, ...fields }, 2_000);

describe('a rollout that a newer revision takes the place of', () => {
  it('goes back to stable in the commit that names the newer one, and is superseded when every Envoy is back', () => {
    const stage = new Stage({ spec: twoSteps }).prepared();
    expect(stage.weight).toBe(500);
    expect(stage.command(NEXT)).toBe('accepted');
    expect(stage.weight).toBe(0);
    expect(stage.backend).toMatchObject({ rolloutId: 'r1', next: 'r2' });
    expect(stage.rollout).toMatchObject({
      phase: 'aborting',
      cause: { kind: 'superseded', by: 'someone', summary: 'v3 takes its place (rollout r2, started by someone)' },
    });
    stage.tick(5_000);
    expect(stage.rollout.phase).toBe('aborting');
    stage.ack().tick(1);
    expect(stage.rollout.phase).toBe('superseded');
    expect(stage.backend).toMatchObject({ rolloutId: null, next: 'r2', stable: { name: 'v1' } });
    expect(stage.events.at(-1)).toMatchObject({ type: 'finished', data: { outcome: 'superseded' } });
    expect(stage.notices.slice(-2).map(({ kind, title }) => [kind, title])).toEqual([
      ['aborting', 'checkout: v2 goes back, a newer revision takes its place'],
      ['superseded', 'checkout: v2 is superseded by a newer revision'],
    ]);
    expect(stage.notices.at(-1)?.fields[0]).toEqual(['Cause', 'v3 takes its place (rollout r2, started by someone)']);
    expect(stage.broken).toEqual([]);
  });

  it('ends at once where it had no traffic yet', () => {
    const stage = new Stage();
    expect(stage.command(NEXT)).toBe('accepted');
    expect(stage.rollout.phase).toBe('superseded');
    expect(stage.backend).toMatchObject({ rolloutId: null, next: 'r2' });
    expect(stage.broken).toEqual([]);
  });

  it('comes back from a bake as well', () => {
    const stage = new Stage({ spec: planSpec({ bakeMs: HOUR }) }).prepared();
    stage.ack().tick(1).settle().ack().tick(1);
    expect(stage.rollout.phase).toBe('promoting');
    expect(stage.command(NEXT)).toBe('accepted');
    stage.ack().tick(1);
    expect(stage.rollout.phase).toBe('superseded');
    expect(stage.backend.stable?.name).toBe('v1');
    expect(stage.broken).toEqual([]);
  });

  it('cannot be promoted afterwards, and an abort changes nothing', () => {
    const stage = new Stage({ spec: twoSteps }).prepared();
    stage.command(NEXT);
    expect(stage.command({ type: 'promote' })).toBe('SERIN_PHASE_CONFLICT');
    expect(stage.command({ type: 'abort', reason: 'too' })).toBe('unchanged');
    expect(stage.command(NEXT)).toBe('SERIN_PHASE_CONFLICT');
  });

  it('ends superseded without the confirmation too, when a person says so', () => {
    const stage = new Stage({ spec: twoSteps }).prepared();
    stage.command(NEXT);
    stage.tick(1);
    expect(stage.command({ type: 'abort', reason: 'that Envoy is gone', unconfirmed: true })).toBe('accepted');
    expect(stage.rollout.phase).toBe('superseded');
    expect(stage.command({ type: 'abort', reason: 'again', unconfirmed: true })).toBe('unchanged');
  });

  it.each([
    ['the first deployment, all requests on it', { phase: 'promoting', stable: null }],
    ['an undo: a person has left the other revision', { phase: 'promoting', undoes: 'r0' }],
    ['one on its way back', { phase: 'rolling_back' }],
    ['one that is being aborted', { phase: 'aborting' }],
    ['one that has ended', { phase: 'promoted' }],
  ] as const)('is not %s', (_what, fields) => {
    expect(canBeSuperseded(rollout(fields))).toBe(false);
  });
});

describe('a rollout that waits', () => {
  it('waits for as long as another one owns the backend, and says for which', () => {
    const again = turn();
    expect(again).toMatchObject({ traffic: false, events: [], dueAtMs: 2 * HOUR + 2_000 });
    expect(again.rollout).toEqual(waiting());
    const other = turn({ backend: behind({ rolloutId: 'undo1' }) });
    expect(other.rollout).toMatchObject({
      queued: { behind: 'undo1' },
      waitingFor: 'rollout undo1 of checkout to end',
      phase: 'pending',
    });
  });

  it('begins with what is stable and routed then, and its deadline counts from there', () => {
    const begun = turn({ backend: behind({ rolloutId: null, stable: revision('v2') }) });
    expect(begun.backend).toMatchObject({ rolloutId: 'r2', next: null });
    expect(begun.rollout).toMatchObject({
      ...{ phase: 'pending', queued: null, stable: { name: 'v2' }, ...found },
      deadlineAtMs: 3 * HOUR,
      waitingFor: 'the first look at it',
    });
    expect(begun.events.map(({ type }) => type)).toEqual(['started']);
    expect(begun.notices.map(({ kind }) => kind)).toEqual(['started']);
    expect(begun).toMatchObject({ traffic: false, dueAtMs: 2 * HOUR });
  });

  it('fails where its surroundings are gone, and frees its place', () => {
    const failed = turn({ backend: behind({ rolloutId: null }), found: 'no Route sends requests to backend checkout' });
    expect(failed.rollout).toMatchObject({
      phase: 'failed',
      cause: { kind: 'unservable', summary: 'no Route sends requests to backend checkout' },
    });
    expect(failed.backend).toMatchObject({ rolloutId: null, next: null });
    expect(failed).toMatchObject({ traffic: false, dueAtMs: null });
  });

  it('does not begin as the revision that has become stable', () => {
    const gone = turn({ backend: behind({ rolloutId: null, stable: revision('v3') }) });
    expect(gone.rollout).toMatchObject({ phase: 'superseded', cause: { kind: 'superseded' } });
    expect(gone.backend).toMatchObject({ rolloutId: null, next: null, stable: { name: 'v3' } });
  });

  it.each([
    ['nobody', { next: null }],
    ['another one', { next: 'r3' }],
    ['another one, and is free', { next: 'r3', rolloutId: null }],
  ])('ends when its backend waits for %s, and touches nothing', (_what, fields) => {
    const backend = behind(fields);
    const ended = turn({ backend });
    expect(ended.rollout).toMatchObject({ phase: 'aborted', queued: null });
    expect(ended.backend).toBe(backend);
    expect(ended.traffic).toBe(false);
  });

  const command = (asked: Parameters<typeof decideCommand>[0]['command'], from = waiting()) => {
    const input = { rollout: from, backend: behind(), command: asked, by: 'ann' };
    return decideCommand({ ...input, observed: { fleets: {} }, settings, nowMs: 5_000 });
  };

  it.each([
    ['an abort', { type: 'abort', reason: 'not that one' }, 'aborted', null],
    ['a newer one in its place', { type: 'supersede', next: { id: 'r3', revision: 'v4' } }, 'superseded', 'r3'],
  ] as const)('ends by %s without a word to the Envoys; the running one goes on', (_what, asked, phase, next) => {
    const outcome = command(asked);
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
    const { transition } = outcome;
    expect(transition.rollout).toMatchObject({ phase, queued: null });
    expect(transition.backend).toMatchObject({ rolloutId: 'r1', next });
    expect(transition.backend.retired).toEqual([]);
    expect(transition).toMatchObject({ traffic: false, dueAtMs: null });
    const change = {
      before: { rollout: waiting(), backend: behind() },
      after: { rollout: transition.rollout, backend: transition.backend },
    };
    expect(violations({ ...change, traffic: null, unconfirmed: [], by: asked.type })).toEqual([]);
  });

  it('is not promoted and not approved; paused, it keeps its place', () => {
    expect(command({ type: 'promote' })).toMatchObject({ error: { code: 'SERIN_PHASE_CONFLICT' } });
    expect(command({ type: 'approve', gate: { step: 0, attempt: 1 } })).toMatchObject({ kind: 'refused' });
    expect(command({ type: 'pause', reason: 'hm' })).toMatchObject({
      transition: { rollout: { phase: 'pending', paused: { by: 'ann' }, queued: { behind: 'r1' } } },
    });
  });

  it.each([
    ['I8: it owns a backend', waiting(), behind({ rolloutId: 'r2' })],
    ['F29: nobody knows of it', waiting(), behind({ next: null })],
    ['F29: it has begun something', waiting({ push: push(['a']) }), behind()],
  ])('is checked: %s', (wrong, after, backend) => {
    const before = { rollout: waiting(), backend: behind() };
    const change = { before, after: { rollout: after, backend }, traffic: null, unconfirmed: [], by: 'tick' as const };
    expect(violations(change).join()).toContain(wrong.split(':')[0]);
  });
});
